"""What people state: done outside (``attest``), how grave (``grade``), who is out (``suspect``)."""

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue

from schemas.canonical import digest_of
from schemas.gate import Refusal
from schemas.journal import Kind
from schemas.statements import NAMES_SUSPECTS, Attestation, Regrading, Stated, Suspicion
from schemas.step import StepClass
from workflows.engine.gates import Gates
from workflows.engine.hearing import refused, understood
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.speakers import Speakers

COMMANDER = "commander"


class Statements:
    """Takes the statements of one incident; what was attested waits here to be proven."""

    def __init__(
        self,
        record: Record,
        gates: Gates,
        people: People,
        speakers: Speakers,
        under_way: Callable[[str], bool],
    ) -> None:
        self._record = record
        self._gates = gates
        self._people = people
        self._speakers = speakers
        self._under_way = under_way
        self._attested: list[str] = []
        self._heard: set[str] = set()

    def _hear(self, said: Stated, who: dict[str, JsonValue]) -> bool:
        """Whether *said* is new and its speaker may speak in that role; else it is refused."""
        if said.id in self._heard:
            refused(self._record, Refusal.DUPLICATE, who)
            return False
        if not self._people.speaks_for(said.actor, said.role):
            refused(self._record, Refusal.NOT_THE_ROLE, who)
            return False
        self._heard.add(said.id)
        return True

    def _proven(self, signal: str, said: Stated) -> dict[str, JsonValue] | None:
        """What the journal keeps of the proof of who speaks; None: there is none."""
        named: dict[str, JsonValue] = {"actor": said.actor, "role": said.role, "decision": said.id}
        voice = self._speakers.admit(signal, said, named, grave=_is_grave(said))
        return None if voice is None else voice.record()

    def attest(self, raw: object) -> None:
        """Take one ``attest`` signal: the step's own proof decides whether it is so."""
        said = understood(Attestation, raw, self._record)
        if said is None:
            return
        proven = self._proven("attest", said)
        if proven is None:
            return
        who: dict[str, JsonValue] = {
            **_who(said),
            "step": said.step,
            "evidence": [*said.evidence],
            **proven,
        }
        if not self._can_be_attested(said.step):
            refused(self._record, Refusal.NOT_UNDER_WAY, who)
            return
        if not self._hear(said, who):
            return
        self._record.write(
            Kind.DECISION,
            f"{said.role} attests that it was done outside; it is proven like any other",
            step=said.step,
            data=who,
        )
        self._people.did(said.step, said.actor)
        self._attested.append(said.step)
        self._gates.fall_away(f"retry-{said.step}"[:63])

    def _can_be_attested(self, step: str) -> bool:
        known = self._record.steps.get(step)
        contains = known is not None and known.step_class is StepClass.CONTAIN
        return contains and self._under_way(step)

    def attested(self, step: str) -> bool:
        """Whether somebody attested that *step* was done outside, and nobody looked yet."""
        return step in self._attested

    def use(self, step: str) -> None:
        """Its proof begins: the attestation is used up."""
        self._attested = [other for other in self._attested if other != step]

    def grade(self, raw: object) -> None:
        """Take one ``grade`` signal: facts raise by themselves, the commander may lower."""
        said = understood(Regrading, raw, self._record)
        if said is None:
            return
        proven = self._proven("grade", said)
        if proven is None:
            return
        who = {**_who(said), **proven}
        lowers = said.severity is not None and self._record.severity.graver_than(said.severity)
        if lowers and said.role != COMMANDER:
            refused(self._record, Refusal.NOT_THE_ROLE, who)
            return
        if not self._hear(said, who):
            return
        self._record.assess(said.facts, said.impact, by=who)
        if said.severity is not None:
            self._record.set_severity(said.severity, f"set by {said.role}", by=who)
        self._gates.people_changed()  # a delegation may hold for one severity and not the other

    def suspect(self, raw: object) -> None:
        """Take one ``suspect`` signal; neither the person nor the reason enters the journal."""
        said = understood(Suspicion, raw, self._record)
        if said is None:
            return
        proven = self._proven("suspect", said)
        if proven is None:
            return
        who = {**_who(said), "reason": digest_of(said.reason), **proven}
        entitled = self._people.declared and said.role in NAMES_SUSPECTS
        if not entitled:
            refused(self._record, Refusal.NOT_THE_ROLE, who)
        elif self._hear(said, who) and self._people.suspect(said.person, by_word=True):
            self._record.write(Kind.DECISION, f"{said.role} excluded someone", data=who)
            self._gates.people_changed()

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {"attested": [*self._attested], "heard": [*sorted(self._heard)]}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._attested = list(dumped.get("attested", ()))
        self._heard = set(dumped.get("heard", ()))


def _is_grave(said: Stated) -> bool:
    """Whether it keeps a person out, or sets how grave the incident is; facts do so by themselves."""
    sets = isinstance(said, Regrading) and said.severity is not None
    return sets or isinstance(said, Suspicion)


def _who(said: Stated) -> dict[str, JsonValue]:
    return {
        "actor": said.actor,
        "role": said.role,
        "reason": said.reason,
        "decision": said.id,
        "statement": said.statement,
    }
