"""The account of one incident: everything that reports and answers are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from hemostat.audit.account.gates import GateTold, gates_of
from hemostat.audit.account.legal import LegalTold, legal_of
from hemostat.audit.account.record import Record, at
from hemostat.audit.account.steps import StepTold, steps_of
from schemas.journal import Entry, Kind


@dataclass(frozen=True)
class Account:
    """A record, gathered. All of it is derived at first use and kept."""

    record: Record

    def of(self, kind: Kind) -> list[Entry]:
        """The entries of one kind."""
        return [entry for entry in self.record.entries if entry.kind is kind]

    @property
    def incident(self) -> str:
        """Its id."""
        return str(self.record.opened.get("incident", ""))

    @property
    def playbook(self) -> str:
        """The playbook's id."""
        return str(self.record.opened.get("playbook", ""))

    @property
    def title(self) -> str:
        """What the playbook answers, in words."""
        said = self.record.entries[0].says.removeprefix("Incident opened: ")
        return said.removesuffix(" (EXERCISE)")

    @property
    def service(self) -> str:
        """The service's name."""
        return str(self.record.opened.get("service", ""))

    @property
    def drill(self) -> bool:
        """Whether it was an exercise."""
        return bool(self.record.opened.get("drill"))

    @property
    def opened_at(self) -> datetime:
        """When the incident was opened."""
        return at(self.record.entries[0])

    @cached_property
    def closed(self) -> Entry | None:
        """The entry that closes it; None while it is open, or where it was cut off."""
        return next(iter(reversed(self.of(Kind.CLOSED))), None)

    @property
    def ended_at(self) -> datetime:
        """When it was closed, else when the record ends."""
        return at(self.closed or self.record.entries[-1])

    @property
    def resolution(self) -> str | None:
        """How it ended."""
        return str(self.closed.data.get("resolution")) if self.closed else None

    @cached_property
    def steps(self) -> dict[str, StepTold]:
        """The steps."""
        return steps_of(self.record.entries)

    @cached_property
    def containing(self) -> list[StepTold]:
        """The containing steps."""
        return [step for step in self.steps.values() if step.step_class == "contain"]

    @cached_property
    def gates(self) -> list[GateTold]:
        """Every asking of every gate."""
        return gates_of(self.record.entries)

    @cached_property
    def legal(self) -> LegalTold:
        """The legal clocks."""
        return legal_of(self.record.entries)

    @cached_property
    def severities(self) -> list[Entry]:
        """The entries that set a severity."""
        return [e for e in self.record.entries if "severity" in e.data and "before" in e.data]

    @property
    def severity(self) -> str:
        """The last severity; SEV-2 is where every incident begins."""
        return str(self.severities[-1].data["severity"]) if self.severities else "SEV-2"

    @cached_property
    def assessed(self) -> Entry | None:
        """The last assessment of facts and impact."""
        return next((e for e in reversed(self.record.entries) if "impact" in e.data), None)

    @property
    def impact(self) -> dict[str, Any]:
        """The impact vector, each value or why it is unknown; empty: nobody assessed it."""
        impact: Any = self.assessed.data["impact"] if self.assessed else {}
        return impact if isinstance(impact, dict) else {}

    @cached_property
    def first_alert(self) -> Entry | None:
        """The first alert's entry."""
        return next(iter(self.of(Kind.ALERT)), None)

    @cached_property
    def acknowledged(self) -> Entry | None:
        """The first decision of a person, whatever it was about: somebody was there."""
        return next((e for e in self.of(Kind.DECISION) if e.data.get("actor")), None)

    @cached_property
    def contained(self) -> datetime | None:
        """When the last of the containing steps was proven; None unless all of them were.

        A step that was taken back later, as after a false alarm, counts as proven if it was.
        """
        shown = [
            step.proven.at
            for step in self.containing
            if step.proven and step.state in ("proven", "undone")
        ]
        return max(shown) if shown and len(shown) == len(self.containing) else None

    @cached_property
    def sealed(self) -> list[Entry]:
        """The evidence that was sealed."""
        return [e for e in self.of(Kind.EVIDENCE) if "digest" in e.data]

    @cached_property
    def missing(self) -> list[Entry]:
        """The evidence that was declared missing."""
        return [e for e in self.of(Kind.EVIDENCE) if "digest" not in e.data]

    def people(self) -> dict[str, tuple[str, ...]]:
        """Who said something, with the roles in which they did."""
        roles: dict[str, dict[str, None]] = {}
        for entry in self.record.entries:
            actor = entry.data.get("actor")
            if isinstance(actor, str) and entry.kind in (Kind.DECISION, Kind.CLOCK):
                roles.setdefault(actor, {})[str(entry.data.get("role", "break-glass"))] = None
        return {actor: tuple(held) for actor, held in roles.items()}


def numbers(entries: Sequence[Entry]) -> tuple[int, ...]:
    """The numbers of *entries*."""
    return tuple(entry.seq for entry in entries)


def in_short(span: timedelta | float | None) -> str:
    """Return a span of time for people; ``unknown`` where there is none."""
    if span is None:
        return "unknown"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 60:
        return f"{sign}{seconds:.1f} s"
    if seconds < 3600:
        return f"{sign}{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if seconds < 172800:
        return f"{sign}{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{sign}{seconds // 86400:.0f} d {seconds % 86400 // 3600:.0f} h"
