"""The account of one incident: everything that reports and answers are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from hemostat.audit.account.gates import GateTold, acknowledges, gates_of
from hemostat.audit.account.harm import harm_in_journal
from hemostat.audit.account.legal import LegalTold, legal_of
from hemostat.audit.account.record import Record, at
from hemostat.audit.account.steps import Loss, StepTold, fired_again, steps_of
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
        """The first word of a person that counted, whatever it was about: somebody was there."""
        kinds = (Kind.DECISION, Kind.CLOCK)
        words = (
            e
            for e in self.record.entries
            if (e.kind in kinds and e.data.get("actor")) or acknowledges(e)
        )
        return next(words, None)

    @property
    def decisions(self) -> list[Entry]:
        """What people decided at gates."""
        return [e for e in self.of(Kind.DECISION) if "choice" in e.data]

    @property
    def determinations(self) -> list[Entry]:
        """What people determined of legal clocks."""
        return [e for e in self.of(Kind.CLOCK) if "what" in e.data and e.data.get("actor")]

    @property
    def false_alarm(self) -> bool:
        """Whether people judged that there was no harm."""
        return self.resolution == "false-alarm"

    @cached_property
    def rounds(self) -> list[Entry]:
        """The findings that it fired again, each the beginning of another round of response."""
        return [entry for entry in self.record.entries if fired_again(entry)]

    @cached_property
    def first_harm(self) -> datetime | None:
        """When harm began; None: the record does not show it, or there was none."""
        if self.false_alarm:
            return None
        told = [*harm_in_journal(self.record.entries), *self.record.harm]
        return min((moment for moment in told if moment <= self.opened_at), default=None)

    @property
    def began_at(self) -> datetime:
        """When harm began, as far as it is shown; else when the incident was opened."""
        return self.first_harm or self.opened_at

    @cached_property
    def contained(self) -> datetime | None:
        """When every containing step of the first round first stood proven, all at once.

        None unless each containing step of the record is proven at its end, or was taken back
        after it had been, as after a false alarm.
        """
        if not all(step.proven and step.state in ("proven", "undone") for step in self.containing):
            return None
        first = [step for step in self.containing if step.round == 1]
        turns = [(v.seq, v.at, s.id, v.verdict == "proven") for s in first for v in s.verdicts]
        turns += [(e.seq, at(e), s.id, False) for s in first for e in s.lapsed]
        standing = set[str]()
        for _, moment, step, holds in sorted(turns):
            (standing.add if holds else standing.discard)(step)
            if len(standing) == len(first):
                return moment
        return max((s.proven.at for s in first if s.proven), default=None)

    @cached_property
    def losses(self) -> list[tuple[StepTold, Loss]]:
        """Each time that a containment was lost, in order."""
        found = [(step, loss) for step in self.containing for loss in step.losses]
        return sorted(found, key=lambda pair: pair[1].entry.seq)

    @cached_property
    def sealed(self) -> list[Entry]:
        """The evidence that was sealed; what was sent, and its receipt, is no evidence of harm."""
        return [e for e in self.of(Kind.EVIDENCE) if "digest" in e.data and "receipt" not in e.data]

    @cached_property
    def sent(self) -> list[Entry]:
        """The texts that left the company, each with the receipt that is sealed of it."""
        return [e for e in self.of(Kind.EVIDENCE) if "receipt" in e.data]

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
                roles.setdefault(actor, {})[role_of(entry)] = None
        return {actor: tuple(held) for actor, held in roles.items()}


def role_of(said: Entry) -> str:
    """The role in which something was said; who breaks the glass or takes back names none."""
    return str(said.data.get("role") or ("break-glass" if "until" in said.data else "no role"))


def numbers(entries: Sequence[Entry]) -> tuple[int, ...]:
    """The numbers of *entries*."""
    return tuple(entry.seq for entry in entries)
