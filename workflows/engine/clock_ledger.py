"""The ledger of legal clocks in the workflow: what counsel determines, journaled as it changes.

Whatever a ``determine`` signal holds, it never raises: it takes effect, or is refused with the
reason in the journal. Strict due times are elapsed time and follow at once.
"""

from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError
from temporalio import workflow

from schemas.base import iso
from schemas.clocks.definition import LegalBasis
from schemas.clocks.determination import Determination, NoEffect, determine, with_candidate
from schemas.clocks.ledger import Ledger
from schemas.clocks.states import starts_by_awareness, state_of
from schemas.clocks.view import ClocksView, sentence, view_of
from schemas.journal import Kind
from workflows.engine.intake import Intake
from workflows.engine.paging import Pager
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.speakers import Speakers
from workflows.engine.steps import Hands

BY_THE_ROSTER = "determined-by-the-roster"
"""The change since which who determines holds the role; earlier runs go on without it."""

COUNSEL = "counsel"
"""The role that is paged for everything here."""


class ClockLedger:
    """What is known of the clocks of one incident; ``LegalClocks`` adds time and calendar."""

    def __init__(
        self,
        record: Record,
        hands: Hands,
        pager: Pager,
        intake: Intake,
        speakers: Speakers,
        basis: LegalBasis | None,
        *,
        people: People,
    ) -> None:
        self._record = record
        self._hands = hands
        self._pager = pager
        self._intake = intake
        self._speakers = speakers
        self._people = people
        self._basis = basis
        self.ledger = Ledger.of(basis)
        self._used: dict[str, None] = {}
        self._read: dict[str, str] = {}
        """For each clock the facts that the calendar has answered for, by digest."""
        self._said: dict[str, str] = {}
        self._begun = False
        self._edition = 0

    @property
    def declared(self) -> bool:
        """Whether the service has declared any legal regime."""
        return self._basis is not None

    def view(self) -> ClocksView:
        """What people see."""
        return view_of(self.ledger, self._basis, workflow.now())

    # What is determined

    def receive(self, raw: object) -> None:
        """Take one ``determine`` signal, whatever it holds; refuse with a reason or apply it."""
        try:
            given = Determination.model_validate(raw)
        except ValidationError as error:
            wrong = [".".join(str(part) for part in e["loc"]) or "signal" for e in error.errors()]
            self._refuse(NoEffect.MALFORMED, {"fields": [field[:60] for field in wrong[:8]]})
            return
        what: dict[str, JsonValue] = given.model_dump(
            mode="json", exclude={"determination_id", "statement"}
        )
        what["determination"] = given.determination_id
        named = {name: what[name] for name in ("actor", "role", "clock", "what", "determination")}
        voice = self._speakers.admit("determine", given, named, grave=True)
        if voice is None:
            return
        if given.determination_id in self._used:
            self._refuse(NoEffect.DUPLICATE, what)
            return
        if not self._speaks_for(given.actor, given.role):
            self._refuse(NoEffect.NOT_THE_ROLE, what)
            return
        before = self.ledger
        self.ledger, why = determine(before, given, workflow.now())
        if why is not None:
            self._refuse(why, what)
            return
        self._used[given.determination_id] = None
        self._record.write(
            Kind.CLOCK,
            f"{given.role} determined {given.what.value} of {given.clock}",
            data={**what, "statement": given.statement, **voice.record()},
        )
        self._recompute(given.reason)
        self._note_changes(before)
        self._changed()

    def _speaks_for(self, person: str, role: str) -> bool:
        """Whether *person* holds *role* now, where people are declared.

        What is signed says in which role somebody speaks; whether it is theirs only the roster says.
        """
        if not self._people.declared or not workflow.patched(BY_THE_ROSTER):
            return True
        return self._people.speaks_for(person, role)

    def propose(self, at: datetime, basis: str) -> None:
        """Add a candidate for awareness to every clock that starts by it; known ones stay."""
        before = self.ledger
        for clock in before.clocks.values():
            if clock.definition.kind == "clock" and starts_by_awareness(clock):
                self.ledger = self.ledger.replace(with_candidate(clock, at, basis, ""))
        if self.ledger == before:
            return
        says = f"A candidate for awareness: {basis}"
        self._record.write(Kind.CLOCK, says, data={"candidate": iso(at)})
        self._recompute(basis)
        self._note_changes(before)
        self._changed()

    def _refuse(self, why: NoEffect, data: dict[str, JsonValue]) -> None:
        self._record.write(
            Kind.REFUSED,
            f"A determination changed nothing: {why.value}",
            data={"refusal": why.value, **data},
        )

    def _recompute(self, because: str) -> None:
        """Bring every due time up to the facts, by strict arithmetic."""
        for clock in self.ledger.to_compute():
            due = self.ledger.provisional(clock)
            self.ledger = self.ledger.with_due(clock, due, because, workflow.now())

    def _note_changes(self, before: Ledger) -> None:
        """Journal each clock whose state or due time is another one than *before*."""
        now = workflow.now()
        for clock in self.ledger.clocks.values():
            old, state = before.clocks[clock.id], state_of(self.ledger, clock, now)
            if (old.due_at, state_of(before, old, now)) == (clock.due_at, state):
                continue
            was, due = (iso(c.due_at) if c.due_at else None for c in (old, clock))
            earlier = bool(old.due_at and clock.due_at and clock.due_at < old.due_at)
            self._record.write(
                Kind.CLOCK,
                f"{clock.id}: {state.value}, {sentence(self.ledger, clock, state)}"
                + (" (earlier than before)" if earlier else ""),
                data={"clock": clock.id, "state": state.value, "due": due, "was_due": was},
            )

    def _changed(self) -> None:
        self._edition += 1

    def _page(self, reason: str, summary: str) -> None:
        self._pager.call(COUNSEL, f"clocks-{reason}", summary)

    def _say_once(self, what: str, said: str) -> bool:
        """Whether *said* is news about *what*, also over new runs."""
        news = self._said.get(what) != said
        self._said[what] = said
        return news

    # Long lives

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "ledger": self.ledger.model_dump(mode="json"),
            "used": [*self._used],
            "read": {**self._read},
            "said": {**self._said},
            "begun": self._begun,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self.ledger = Ledger.model_validate(dumped["ledger"])
        self._used = dict.fromkeys(dumped["used"])
        self._read, self._said = dict(dumped["read"]), dict(dumped["said"])
        self._begun = dumped["begun"]
