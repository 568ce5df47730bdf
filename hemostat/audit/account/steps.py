"""The steps of an incident: what was commanded, how it was shown, how often it was tried."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hemostat.audit.account.record import at
from schemas.journal import Entry, Kind

_GIVEN_UP: Final = (": given up", ": not done")
_LOST: Final = "not proven any more"
_AGAIN: Final = "It fired again"


@dataclass
class Look:
    """One round of looks, or a verdict (then without observations)."""

    seq: int
    at: datetime
    verdict: str
    observations: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Loss:
    """What was proven was found not to hold any more."""

    entry: Entry
    held_at: datetime | None
    """When it was last seen to hold; None: the record does not say."""
    again: Look | None
    """The verdict that it is proven anew; None: it never was."""


@dataclass
class StepTold:
    """One step, over all its attempts. Times are None where no entry shows them."""

    id: str
    title: str
    step_class: str | None
    round: int = 1
    """Which round of response it belongs to; an incident that fires again has more than one."""
    seqs: list[int] = field(default_factory=list)
    begun: list[datetime] = field(default_factory=list)
    begun_seqs: list[int] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    """The numbers of its attempts: a staged one is begun twice in one attempt."""
    effects: list[Entry] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    verdicts: list[Look] = field(default_factory=list)
    failed: list[Entry] = field(default_factory=list)
    attested: list[Entry] = field(default_factory=list)
    undoing: Entry | None = None
    """That it is taken back, and why; looks from then on show that, not what it was to do."""
    undone: Entry | None = None
    undo_failed: list[Entry] = field(default_factory=list)
    given_up: Entry | None = None
    lapsed: list[Entry] = field(default_factory=list)
    """Findings that what was proven does not hold any more."""
    broke: list[Entry] = field(default_factory=list)
    """Findings that a stage's guard broke."""
    unseen: list[Entry] = field(default_factory=list)
    """Findings that it could not be looked at again."""

    @property
    def name(self) -> str:
        """The title, told apart from the same step of another round."""
        return self.title if self.round == 1 else f"{self.title} (round {self.round})"

    @property
    def attempts(self) -> int:
        """How often it was attempted."""
        return max(self.numbers, default=0)

    @property
    def commanded_at(self) -> datetime | None:
        """When the first act that was answered had been answered."""
        return at(self.effects[0]) if self.effects else None

    @property
    def proven(self) -> Look | None:
        """The verdict that it is proven, the last one."""
        return next((v for v in reversed(self.verdicts) if v.verdict == "proven"), None)

    @property
    def first_proven(self) -> Look | None:
        """The first verdict that it is proven; it may have been lost since."""
        return next((v for v in self.verdicts if v.verdict == "proven"), None)

    @property
    def shown_by(self) -> Look | None:
        """The look that made the last verdict; None: no look is told."""
        until = self.verdicts[-1].seq if self.verdicts else None
        before = [look for look in self.looks if until is None or look.seq < until]
        return before[-1] if before else None

    @property
    def proof_took(self) -> timedelta | None:
        """From the command to its first proof."""
        if self.commanded_at is None or self.first_proven is None:
            return None
        return self.first_proven.at - self.commanded_at

    @property
    def missed(self) -> list[Look]:
        """The looks that did not show it."""
        return [look for look in self.looks if look.verdict != "proven"]

    @property
    def losses(self) -> list[Loss]:
        """Each time that what was proven was found not to hold."""
        return [
            Loss(
                entry,
                self._last_held(entry),
                next(
                    (v for v in self.verdicts if v.seq > entry.seq and v.verdict == "proven"), None
                ),
            )
            for entry in self.lapsed
        ]

    def _last_held(self, entry: Entry) -> datetime | None:
        told: Any = entry.data.get("held_at")
        if isinstance(told, str):
            return datetime.fromisoformat(told)
        held = [v for v in (*self.verdicts, *self.looks) if v.verdict == "proven"]
        return max((v.at for v in held if v.seq < entry.seq), default=None)

    @property
    def first_try(self) -> bool:
        """Whether the first attempt was proven."""
        return self.attempts == 1 and self.proven is not None and not self.lapsed

    @property
    def state(self) -> str:
        """How it ended, in a word."""
        if self.undone:
            return "undone"
        if self.undoing:
            return "being undone"
        if self.given_up:
            return "given up"
        if self.lapsed and self.lapsed[-1].seq > (self.verdicts[-1].seq if self.verdicts else -1):
            return _LOST
        if self.verdicts:
            return self.verdicts[-1].verdict
        if self.failed and (not self.effects or self.failed[-1].seq > self.effects[-1].seq):
            return "failed"
        return "done" if self.effects or self.attested else "begun"


def steps_of(entries: Iterable[Entry]) -> dict[str, StepTold]:
    """Return the steps by id, in the order in which they began."""
    steps: dict[str, StepTold] = {}
    round_ = 1
    for entry in entries:
        if entry.step is None:
            round_ += fired_again(entry)
            continue
        if entry.step not in steps:
            if entry.kind is not Kind.STEP:
                continue  # a page's own effect: no step of the playbook
            title = entry.says.partition(": ")[0] if ": " in entry.says else entry.step
            steps[entry.step] = StepTold(entry.step, _title(entry, title), None, round_)
        _take(steps[entry.step], entry)
    return steps


def fired_again(entry: Entry) -> bool:
    """Whether another round of response begins here."""
    return entry.kind is Kind.FINDING and entry.says.startswith(_AGAIN)


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
    elif entry.kind is Kind.UNDO:
        _take_undo(step, entry)
    elif entry.kind is Kind.FINDING:
        _take_finding(step, entry)


def _take_step(step: StepTold, entry: Entry) -> None:
    if "class" in entry.data:
        step.step_class = step.step_class or str(entry.data["class"])
        step.begun.append(at(entry))
        step.begun_seqs.append(entry.seq)
        number: Any = entry.data.get("attempt")
        step.numbers.add(number if isinstance(number, int) else len(step.begun))
        step.undone = step.undoing = step.given_up = None
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
    if step.undoing is not None:
        return  # it shows that the step was taken back
    verdict = entry.says.partition(": ")[2].partition(",")[0].partition(":")[0]
    told = observations if isinstance(observations, list) else []
    looked = [one for one in told if isinstance(one, dict)]
    step.looks.append(Look(entry.seq, at(entry), verdict, looked))


def _take_undo(step: StepTold, entry: Entry) -> None:
    if entry.says.startswith("Undoing"):
        step.undoing = entry
    elif entry.says.startswith("Undone"):
        step.undone = entry
    else:
        step.undo_failed.append(entry)


def _take_finding(step: StepTold, entry: Entry) -> None:
    if _LOST in entry.says:
        step.lapsed.append(entry)
    elif "the guard broke" in entry.says:
        step.broke.append(entry)
    elif "cannot be looked at again" in entry.says:
        step.unseen.append(entry)
