"""An incident as its journal tells it: steps with their looks, gates with what people said.

Pure: entries in, a story out; nothing is asked of anybody. Whatever an entry lacks is left out, so
that a record of another version still reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from schemas.incident import IncidentView
from schemas.journal import Entry, Kind

_CLASS: Final = "class"


@dataclass(frozen=True)
class Observation:
    """What one look measured of one thing; ``held`` None: the look itself failed."""

    check: str
    held: bool | None
    measured: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """One round of looks of a proof."""

    seq: int
    at: datetime
    says: str
    observations: tuple[Observation, ...]

    @property
    def verdict(self) -> str:
        """What this round shows."""
        held = [o.held for o in self.observations]
        if False in held:
            return "disproven"
        return "unprovable" if None in held else "proven"


@dataclass(frozen=True)
class Moment:
    """Something that happened to a step: an answer of a system, a verdict, an undoing."""

    seq: int
    at: datetime
    what: str
    says: str
    data: dict[str, Any]


@dataclass
class StepStory:
    """One step from its start on."""

    id: str
    title: str
    step_class: str
    began: datetime
    seq: int
    state: str = "running"
    attempt: int = 1
    commanded: datetime | None = None
    proven: datetime | None = None
    held: datetime | None = None
    unseen: datetime | None = None
    undone: datetime | None = None
    last: datetime | None = None
    looks: list[Look] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    @property
    def effects(self) -> list[Moment]:
        """What systems answered."""
        return [m for m in self.moments if m.what == "effect"]

    @property
    def checks(self) -> list[tuple[str, Observation | None, Observation]]:
        """Each check with its first look (None if there was only one) and its last."""
        first: dict[str, Observation] = {}
        last: dict[str, Observation] = {}
        for look in self.looks:
            for seen in look.observations:
                first.setdefault(seen.check, seen)
                last[seen.check] = seen
        several = len(self.looks) > 1
        return [(check, first[check] if several else None, last[check]) for check in last]


@dataclass(frozen=True)
class Said:
    """What a person said at a gate, and whether it counted."""

    seq: int
    at: datetime
    counted: bool
    says: str
    data: dict[str, Any]


@dataclass
class GateStory:
    """One asking at one gate."""

    id: str
    asks: str
    asked: datetime
    seq: int
    standing_offer: bool
    outcome: str | None = None
    ended: datetime | None = None
    said: list[Said] = field(default_factory=list)
    events: list[Moment] = field(default_factory=list)


@dataclass
class Story:
    """All of it, in order."""

    began: datetime
    ended: datetime | None = None
    alerts: list[Moment] = field(default_factory=list)
    steps: dict[str, StepStory] = field(default_factory=dict)
    gates: list[GateStory] = field(default_factory=list)
    evidence: list[Moment] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def gate(self, gate: str) -> GateStory | None:
        """The last asking at *gate*."""
        return next((told for told in reversed(self.gates) if told.id == gate), None)


def tell(view: IncidentView, entries: Sequence[Entry]) -> Story:
    """Return the story of *entries*; where steps stand now comes from *view*."""
    story = Story(began=when(entries[0]) if entries else view.opened_at)
    for entry in entries:
        _TOLD.get(entry.kind, _of_a_step)(story, entry)
    for known in view.steps:
        step = story.steps.get(known.id)
        if step is None:
            continue
        step.title, step.state, step.attempt = known.title, known.state.value, known.attempt
        step.commanded = _instant(known.commanded_at)
        step.proven = _instant(known.proven_at)
        step.held, step.unseen = _instant(known.held_at), _instant(known.unseen_since)
    _lifted(story)
    return story


def first_alert(entries: Iterable[Entry]) -> str:
    """Return what the first alert is titled, in words from outside; nothing where none is told."""
    titles = (entry.data.get("title") for entry in entries if entry.kind is Kind.ALERT)
    return next((str(title) for title in titles if title), "")


def when(entry: Entry) -> datetime:
    """When the entry was written."""
    return datetime.fromisoformat(entry.at)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _moment(entry: Entry, what: str = "") -> Moment:
    return Moment(entry.seq, when(entry), what or entry.kind.value, entry.says, dict(entry.data))


def _alert(story: Story, entry: Entry) -> None:
    story.alerts.append(_moment(entry))


def _evidence(story: Story, entry: Entry) -> None:
    story.evidence.append(_moment(entry))


def _step(story: Story, entry: Entry) -> None:
    data = entry.data
    if entry.step and _CLASS in data:
        title = entry.says.removesuffix(": started").rpartition(": attempt ")
        known = story.steps.setdefault(
            entry.step,
            StepStory(entry.step, title[0] or title[2], str(data[_CLASS]), when(entry), entry.seq),
        )
        known.last = when(entry)
    _of_a_step(story, entry)


def _of_a_step(story: Story, entry: Entry) -> None:
    step = story.steps.get(entry.step or "")
    if step is not None:
        step.last = when(entry)
        step.moments.append(_moment(entry))
        if entry.kind is Kind.UNDO and entry.says.startswith("Undone and shown"):
            step.undone = when(entry)


def _proof(story: Story, entry: Entry) -> None:
    step = story.steps.get(entry.step or "")
    looked = entry.data.get("observations")
    if step is None or not isinstance(looked, list):
        _of_a_step(story, entry)
        return
    step.last = when(entry)
    observations = tuple(_observations(looked))
    step.looks.append(Look(entry.seq, when(entry), entry.says, observations))


def _observations(looked: Iterable[Any]) -> Iterable[Observation]:
    for seen in looked:
        if isinstance(seen, dict):
            measured = seen.get("measured")
            yield Observation(
                str(seen.get("check", "")),
                seen.get("held"),
                measured if isinstance(measured, dict) else {},
            )


def _gate(story: Story, entry: Entry) -> None:
    data = entry.data
    gate = str(data.get("gate", ""))
    if "digest" in data and "roles" in data:
        asks = entry.says.removeprefix("Asked: ")
        stands = data.get("on_silence") == "stand"
        story.gates.append(GateStory(gate, asks, when(entry), entry.seq, stands))
        return
    known = story.gate(gate)
    if known is None:
        return
    if "outcome" in data:
        known.outcome, known.ended = str(data["outcome"]), when(entry)
    else:
        known.events.append(_moment(entry))


def _said(story: Story, entry: Entry) -> None:
    said = Said(entry.seq, when(entry), entry.kind is Kind.DECISION, entry.says, dict(entry.data))
    story.said.append(said)
    known = story.gate(str(entry.data.get("gate", "")))
    if known is not None:
        known.said.append(said)


def _closed(story: Story, entry: Entry) -> None:
    story.ended = when(entry)


def _lifted(story: Story) -> None:
    """Containment that re-enabling lifted ends when the re-enabling was shown."""
    shown = [
        moment.at
        for step in story.steps.values()
        if step.step_class == "restore"
        for moment in step.moments
        if moment.data.get("verdict") == "proven"
    ]
    for step in story.steps.values():
        if step.state == "undone" and step.undone is None and shown:
            step.undone = shown[-1]


_TOLD: Final = {
    Kind.ALERT: _alert,
    Kind.EVIDENCE: _evidence,
    Kind.STEP: _step,
    Kind.PROOF: _proof,
    Kind.GATE: _gate,
    Kind.DECISION: _said,
    Kind.REFUSED: _said,
    Kind.CLOSED: _closed,
}
