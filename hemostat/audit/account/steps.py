"""The steps of an incident: what was commanded, how it was shown, how often it was tried."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hemostat.audit.account.record import at
from schemas.journal import Entry, Kind

_GIVEN_UP: Final = (": given up", ": not done")


@dataclass
class Look:
    """One round of looks, or a verdict (then without observations)."""

    seq: int
    at: datetime
    verdict: str
    observations: Sequence[dict[str, Any]] = ()


@dataclass
class StepTold:
    """One step, over all its attempts. Times are None where no entry shows them."""

    id: str
    title: str
    step_class: str | None
    seqs: list[int] = field(default_factory=list)
    begun: list[datetime] = field(default_factory=list)
    begun_seqs: list[int] = field(default_factory=list)
    effects: list[Entry] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    verdicts: list[Look] = field(default_factory=list)
    failed: list[Entry] = field(default_factory=list)
    attested: list[Entry] = field(default_factory=list)
    undone: Entry | None = None
    given_up: Entry | None = None
    lapsed: list[Entry] = field(default_factory=list)
    """Findings that what was proven does not hold any more."""

    @property
    def attempts(self) -> int:
        """How often it was begun."""
        return len(self.begun)

    @property
    def commanded_at(self) -> datetime | None:
        """When the last act of the first attempt that was answered had been answered."""
        return at(self.effects[0]) if self.effects else None

    @property
    def proven(self) -> Look | None:
        """The verdict that it is proven, the last one."""
        return next((v for v in reversed(self.verdicts) if v.verdict == "proven"), None)

    @property
    def proof_took(self) -> timedelta | None:
        """From the command to its proof."""
        if self.commanded_at is None or self.proven is None:
            return None
        return self.proven.at - self.commanded_at

    @property
    def disproven_looks(self) -> int:
        """How many looks did not show it."""
        return sum(look.verdict != "proven" for look in self.looks)

    @property
    def first_try(self) -> bool:
        """Whether the first attempt was proven."""
        return self.attempts == 1 and self.proven is not None and not self.lapsed

    @property
    def state(self) -> str:
        """How it ended, in a word."""
        if self.undone:
            return "undone"
        if self.given_up:
            return "given up"
        if self.lapsed and self.lapsed[-1].seq > (self.verdicts[-1].seq if self.verdicts else -1):
            return "not proven any more"
        if self.verdicts:
            return self.verdicts[-1].verdict
        if self.failed and (not self.effects or self.failed[-1].seq > self.effects[-1].seq):
            return "failed"
        return "done" if self.effects or self.attested else "begun"


def steps_of(entries: Iterable[Entry]) -> dict[str, StepTold]:
    """Return the steps by id, in the order in which they began."""
    steps: dict[str, StepTold] = {}
    for entry in entries:
        if entry.step is None:
            continue
        if entry.step not in steps:
            if entry.kind is not Kind.STEP:
                continue  # a page's own effect: no step of the playbook
            title = entry.says.partition(": ")[0] if ": " in entry.says else entry.step
            steps[entry.step] = StepTold(entry.step, _title(entry, title), None)
        _take(steps[entry.step], entry)
    return steps


def _title(entry: Entry, title: str) -> str:
    for ending in (": started", *_GIVEN_UP):
        if ending in entry.says:
            return entry.says.rpartition(ending)[0]
    return title


def _take(step: StepTold, entry: Entry) -> None:
    step.seqs.append(entry.seq)
    if entry.kind is Kind.STEP:
        _take_step(step, entry)
    elif entry.kind is Kind.EFFECT:
        step.effects.append(entry)
    elif entry.kind is Kind.PROOF:
        _take_proof(step, entry)
    elif entry.kind is Kind.DECISION:
        step.attested.append(entry)
    elif entry.kind is Kind.UNDO and entry.says.startswith("Undone"):
        step.undone = entry
    elif entry.kind is Kind.FINDING and "not proven any more" in entry.says:
        step.lapsed.append(entry)


def _take_step(step: StepTold, entry: Entry) -> None:
    if "class" in entry.data:
        step.step_class = step.step_class or str(entry.data["class"])
        step.begun.append(at(entry))
        step.begun_seqs.append(entry.seq)
        step.undone = step.given_up = None
    elif entry.says.startswith("Failed"):
        step.failed.append(entry)
    elif any(ending in entry.says for ending in _GIVEN_UP):
        step.given_up = entry


def _take_proof(step: StepTold, entry: Entry) -> None:
    observations: Any = entry.data.get("observations")
    if observations is None:
        verdict = str(entry.data.get("verdict", ""))
        step.verdicts.append(Look(entry.seq, at(entry), verdict))
        return
    verdict = entry.says.partition(": ")[2].partition(",")[0].partition(":")[0]
    step.looks.append(Look(entry.seq, at(entry), verdict, observations))
