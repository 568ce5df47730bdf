"""The people of one incident: its roster, and who takes no part in it.

Where no people are declared everything here steps aside. A suspect and their delegates are in no
pool, no listing and no page; the journal counts them and never names them.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.eligibility import Sitting, standings
from schemas.gate import GatePolicy
from schemas.gate_state import with_ladders
from schemas.journal import Kind
from schemas.roster import Roster
from workflows.engine.record import Record


class People:
    """Who there is, and who is excluded by now."""

    def __init__(self, record: Record, roster: Roster | None) -> None:
        self._record = record
        self.roster = roster
        self._suspects: frozenset[str] = frozenset()
        self._named: frozenset[str] = frozenset()
        """Whom people excluded by their word: no playbook lets them in again."""
        self._executors: dict[str, list[str]] = {}
        """Who did a step by hand, by the step's id."""

    @property
    def declared(self) -> bool:
        """Whether there are people to reckon with."""
        return self.roster is not None

    def sitting(self) -> Sitting | None:
        """What a gate needs to know about people now; None where none are declared."""
        if self.roster is None:
            return None
        return Sitting(roster=self.roster, severity=self._record.severity, suspects=self._suspects)

    def with_ladders(self, policy: GatePolicy) -> GatePolicy:
        """Return *policy* with the ladders of its roles after its own."""
        return with_ladders(policy, self.roster) if self.roster else policy

    def speaks_for(self, person: str, role: str) -> bool:
        """Whether *person* may speak in *role* now; anyone may where nobody is declared."""
        sitting = self.sitting()
        if sitting is None:
            return True
        able = standings(sitting, (role,), None, workflow.now())
        return any(standing.person == person for standing in able)

    def suspect(self, person: str, *, by_word: bool = False) -> bool:
        """Exclude *person* and their delegates; whether that is news. *by_word*: of people."""
        if self.roster is None:
            return False
        if by_word:
            self._named |= {person}
        excluded = self.roster.with_delegates(self._suspects | {person})
        if excluded == self._suspects:
            return False
        self._suspects = excluded
        self._mark()
        self._record.write(
            Kind.FINDING,
            "Someone takes no part in this incident any more",
            data={"excluded": len(excluded)},
        )
        return True

    def clear(self, persons: Iterable[str]) -> bool:
        """Let *persons* take part again, and whom they delegated to; whether that is news.

        Not whom people excluded by their word. It stays restricted who sees the incident.
        """
        if self.roster is None:
            return False
        cleared = self.roster.with_delegates(frozenset(persons))
        others = self._suspects - cleared
        kept = self.roster.with_delegates(self._named | others) & self._suspects
        if kept == self._suspects:
            return False
        self._suspects = kept
        says = "Someone takes part in this incident again"
        self._record.write(Kind.FINDING, says, data={"excluded": len(kept)})
        return True

    @property
    def any_excluded(self) -> bool:
        """Whether somebody takes no part."""
        return bool(self._suspects)

    def excludes(self, person: str) -> bool:
        """Whether *person* takes no part in this incident."""
        return person in self._suspects

    def _mark(self) -> None:
        """Let the list of incidents know that not everyone may see this one; nobody is named."""
        if self._suspects and self._record.restricted is not None:
            self._record.restricted = True

    def did(self, step: str, person: str) -> None:
        """Remember that *person* carried out *step* by hand."""
        self._executors.setdefault(step, []).append(person)

    def executors(self, step: str) -> tuple[str, ...]:
        """Who carried out *step* by hand."""
        return tuple(self._executors.get(step, ()))

    def reachable(self, role: str) -> str | None:
        """The role to page for *role*: itself, or the next on its ladder that reaches no suspect.

        None if each would reach one.
        """
        if self.roster is None or not self._suspects:
            return role
        tried: list[str] = []
        ahead = [role]
        while ahead:
            candidate = ahead.pop(0)
            tried.append(candidate)
            if not self._suspects & self._reached_by(candidate):
                return candidate
            known = self.roster.roles.get(candidate)
            ladder: Iterable[str] = known.ladder if known else ()
            ahead += [rung for rung in ladder if rung not in (*tried, *ahead)]
        return None

    def _reached_by(self, role: str) -> set[str]:
        known = self.roster.roles.get(role) if self.roster else None
        return {*known.primary, *known.deputies} if known else set()

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "suspects": [*sorted(self._suspects)],
            **({"named": [*sorted(self._named)]} if self._named else {}),
            "executors": {step: [*who] for step, who in self._executors.items()},
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._suspects = frozenset(dumped.get("suspects", ()))
        self._named = frozenset(dumped.get("named", ()))
        self._mark()
        self._executors = {step: list(who) for step, who in dumped.get("executors", {}).items()}
