"""What comes back from a pager or a chat: ``page-answer`` signals.

Law: an acknowledgement ends the calling that waits for one, and the paging of that role about that
gate; it is no decision. Where the incident has keys, only what the gateway signed is heard. A resolve elsewhere is noted and closes nothing here. What was said before
is said once, who is excluded says nothing, and nothing a signal carries raises here.
"""

from typing import Any

from pydantic import JsonValue, ValidationError

from schemas.gate import Refusal
from schemas.journal import Kind
from schemas.page_answer import Answered, PageAnswer
from schemas.signed_statement import CHANNEL
from workflows.engine.gates import Gates
from workflows.engine.paging import Pager
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.speakers import Speakers

REMEMBERED = 500
"""How many answers are told apart, the newest."""


class PageAnswers:
    """Takes what pagers and chats say of one incident."""

    def __init__(
        self, record: Record, pager: Pager, gates: Gates, people: People, speakers: Speakers
    ) -> None:
        self._record = record
        self._pager = pager
        self._gates = gates
        self._people = people
        self._speakers = speakers
        self._seen: dict[str, None] = {}

    def receive(self, raw: object) -> None:
        """Take one ``page-answer`` signal, whatever it holds."""
        try:
            said = PageAnswer.model_validate(raw)
        except ValidationError as error:
            wrong = [".".join(str(part) for part in e["loc"]) or "signal" for e in error.errors()]
            self._refused(Refusal.MALFORMED, {"fields": [field[:60] for field in wrong[:8]]})
            return
        if said.answer_id in self._seen:
            return
        named: dict[str, JsonValue] = {"via": said.via, "page": said.page, "gate": said.gate}
        voice = self._speakers.admit("page-answer", said, named, CHANNEL)
        if voice is None:
            return
        self._seen[said.answer_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        gate, role = self._pager.about(said.page) if said.page else (said.gate, "")
        who: dict[str, JsonValue] = {"via": said.via, "page": said.page[:255], "gate": gate}
        refusal = self._refusal(said, gate, role)
        if refusal is not None:
            self._refused(refusal, who)
            return
        who |= {"by": said.by, "person": said.person}
        if voice.heard is not None:
            who |= {"answer": said.answer_id, "statement": said.statement, **voice.record()}
        if said.what is Answered.RESOLVED:
            says = f"Resolved in {said.via}, which closes nothing here"
            self._record.write(Kind.PAGE, says, data=who)
            return
        self._record.write(Kind.PAGE, f"Acknowledged in {said.via}: {role or gate}", data=who)
        self._pager.taken(gate, role)
        if self._pager.waits_for_acknowledgement(gate):
            self._gates.fall_away(gate)

    def _refusal(self, said: PageAnswer, gate: str, role: str) -> Refusal | None:
        if said.page and not role:
            return Refusal.NOT_YOURS  # not a page that this incident sent
        if said.person is not None and self._people.excludes(said.person):
            return Refusal.EXCLUDED
        if said.via == "pagerduty":
            return None  # whom it called, it knows
        state = self._gates.state(gate)
        if state is None or state.closed:
            return Refusal.LATE
        roles = state.policy.roles + state.policy.ladder
        known = said.person is not None and self._people.declared
        if not known or not any(self._people.speaks_for(str(said.person), r) for r in roles):
            return Refusal.NOT_THE_ROLE
        return None

    def _refused(self, refusal: Refusal, data: dict[str, JsonValue]) -> None:
        says = f"An answer to a page changed nothing: {refusal.value}"
        self._record.write(Kind.REFUSED, says, data={"refusal": refusal.value, **data})

    @property
    def any(self) -> bool:
        """Whether any came."""
        return bool(self._seen)

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {"seen": [*self._seen], "taken": self._pager.dump_taken()}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._seen = dict.fromkeys(dumped["seen"])
        self._pager.load_taken(dumped["taken"])
