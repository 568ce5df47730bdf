"""What people write anew: ``draft``, another text for what leaves the company.

A draft decides nothing. It takes the place of the text that a gate asks about, whose digest, nonce
and approvals fall away, or of one that was rejected; then the gate is asked anew, about exactly
this text. Who wrote it does not approve it. A text that was rejected is not taken again.
"""

from typing import Any

from pydantic import JsonValue

from schemas.canonical import digest_bytes
from schemas.gate import Outcome, Refusal
from schemas.journal import Kind
from schemas.statements import Draft
from workflows.engine.gates import Gates
from workflows.engine.hearing import refused, understood
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.speakers import Speakers


class Drafts:
    """Takes the drafts of one incident, for gates that take any."""

    def __init__(self, record: Record, gates: Gates, people: People, speakers: Speakers) -> None:
        self._record = record
        self._gates = gates
        self._people = people
        self._speakers = speakers
        self._roles: dict[str, tuple[str, ...]] = {}
        """The roles that may write for a gate whose text was rejected."""
        self._rejected: dict[str, list[str]] = {}
        self._newest: dict[str, Draft] = {}
        self._heard: set[str] = set()

    @property
    def any(self) -> bool:
        """Whether there is anything to remember."""
        return bool(self._rejected or self._heard)

    def expect(self, gate: str, roles: tuple[str, ...]) -> None:
        """Let these roles write for *gate* until ``settled``."""
        self._roles[gate] = roles

    def settled(self, gate: str) -> None:
        """Nothing is written for *gate* any more."""
        self._roles.pop(gate, None)

    def reject(self, gate: str, text: str) -> None:
        """Remember that this text is not to leave."""
        self._rejected.setdefault(gate, []).append(digest_bytes(text.encode()))

    def was_rejected(self, gate: str, text: str) -> bool:
        """Whether people said no to this text."""
        return digest_bytes(text.encode()) in self._rejected.get(gate, ())

    def newest(self, gate: str) -> Draft | None:
        """The last draft for *gate*, if anybody wrote one."""
        return self._newest.get(gate)

    def receive(self, raw: object) -> None:
        """Take one ``draft`` signal, whatever it holds; refuse it with a reason or take it up."""
        said = understood(Draft, raw, self._record)
        if said is None:
            return
        what: dict[str, JsonValue] = {
            "actor": said.actor,
            "role": said.role,
            "reason": said.reason,
            "decision": said.id,
            "gate": said.gate,
            "text": digest_bytes(said.text.encode()),
        }
        voice = self._speakers.admit("draft", said, what, grave=True)
        if voice is None:
            return
        why = self._why_not(said)
        if why is not None:
            refused(self._record, why, what)
            return
        self._heard.add(said.id)
        self._newest[said.gate] = said
        record = {**what, "statement": said.statement, **voice.record()}
        self._record.write(Kind.DECISION, f"{said.role} wrote a new draft", data=record)
        self._gates.fall_away(said.gate)

    def _why_not(self, said: Draft) -> Refusal | None:
        if said.id in self._heard:
            return Refusal.DUPLICATE
        if said.gate not in self._roles:
            return Refusal.NOT_UNDER_WAY
        if said.role not in self._roles[said.gate]:
            return Refusal.NOT_THE_ROLE
        if not self._people.speaks_for(said.actor, said.role):
            return Refusal.NOT_THE_ROLE
        asked = self._gates.state(said.gate)
        if asked is not None and asked.outcome is Outcome.APPROVED:
            return Refusal.LATE
        return Refusal.REJECTED_TEXT if self.was_rejected(said.gate, said.text) else None

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "rejected": {gate: [*digests] for gate, digests in self._rejected.items()},
            "newest": {gate: said.model_dump(mode="json") for gate, said in self._newest.items()},
            "heard": [*sorted(self._heard)],
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._rejected = {gate: list(known) for gate, known in dumped.get("rejected", {}).items()}
        newest = dumped.get("newest", {}).items()
        self._newest = {gate: Draft.model_validate(said) for gate, said in newest}
        self._heard = set(dumped.get("heard", ()))
