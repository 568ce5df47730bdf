"""One picture of an incident, to scale: where each lane, bar and mark is. Pure.

Places are percent of the width, so that the drawing fits any screen while its text keeps its size.
A state has a shape and a word, never a colour alone; every mark leads to its line of the journal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hemostat.console.story import GateStory, StepStory, Story
from hemostat.console.words import clock_time, plain, span, until
from schemas.clocks.view import ClocksView
from schemas.step import StepClass

LANE: Final = 38
"""Height of a lane in pixels: a line of text and a bar."""

TOP: Final = 30
_STEPS: Final = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000),
)
_TICKS: Final = 6
_ZOOMS: Final = (("first-minute", 60), ("first-10-minutes", 600), ("first-hour", 3600))
_MARGIN: Final = 0.03
_CLOCKS_AT_MOST: Final = 6


@dataclass(frozen=True)
class Mark:
    """A point in time; ``shape`` names a symbol, ``stop`` whether the Tab key stops there."""

    x: float
    shape: str
    says: str
    seq: int | None
    stop: bool = False


@dataclass(frozen=True)
class Bar:
    """A span of time; ``style`` names how it is filled."""

    x: float
    width: float
    style: str
    says: str
    seq: int | None = None
    label: str = ""


@dataclass
class Lane:
    """One row of the picture."""

    label: str
    kind: str
    note: str = ""
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    y: int = 0


@dataclass(frozen=True)
class Tick:
    """A time on the axis."""

    x: float
    says: str


@dataclass(frozen=True)
class Row:
    """The picture as a table: what, when it began after the first entry, how long, how it stands."""

    what: str
    kind: str
    after: str
    took: str
    stands: str
    seq: int | None


@dataclass(frozen=True)
class Zoom:
    """Another width of time that can be looked at."""

    name: str
    says: str


@dataclass(frozen=True)
class Picture:
    """All of it; ``now`` is None once the incident is over or now is out of sight."""

    lanes: list[Lane]
    ticks: list[Tick]
    rows: list[Row]
    zooms: list[Zoom]
    zoom: str
    height: int
    now: float | None
    says: str


@dataclass(frozen=True)
class Scale:
    """From instants to percent of the width."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """How much time is in sight."""
        return max((self.end - self.start).total_seconds(), 0.001)

    def x(self, at: datetime) -> float:
        """Where *at* is, held within the picture."""
        share = (at - self.start).total_seconds() / self.seconds
        return round(min(max(share, 0.0), 1.0) * 100, 3)

    def sees(self, at: datetime) -> bool:
        """Whether *at* is in sight."""
        return self.start <= at <= self.end

    def bar(
        self,
        begin: datetime,
        end: datetime,
        style: str,
        says: str,
        seq: int | None,
        label: str = "",
    ) -> Iterator[Bar]:
        """The part of a span that is in sight."""
        if end >= self.start and begin <= self.end:
            left = self.x(begin)
            yield Bar(left, max(round(self.x(end) - left, 3), 0.0), style, says, seq, label)


def draw(story: Story, clocks: ClocksView, now: datetime, zoom: str = "all") -> Picture:
    """Return the picture of *story* as it stands at *now*, as wide in time as *zoom* says."""
    end = story.ended or now
    zooms = _zooms(story, clocks, end)
    zoom = zoom if zoom in {z.name for z in zooms} else "all"
    scale = _scale(story, clocks, end, zoom)
    lanes = [_containment(story, scale, end)]
    if story.alerts:
        lanes.append(_alerts(story, scale))
    looking = [s for s in story.steps.values() if s.step_class == StepClass.OBSERVE]
    acting = [s for s in story.steps.values() if s.step_class != StepClass.OBSERVE]
    lanes += [_step(step, story, scale, end) for step in acting]
    if looking:
        lanes.append(_observing(looking, scale, story))
    asked = [g for g in story.gates if not g.standing_offer or g.outcome or g.said]
    lanes += [
        _gate(name, [g for g in asked if g.id == name], story, scale, end)
        for name in dict.fromkeys(g.id for g in asked)
    ]
    lanes += _clocks(clocks, story, scale, now)
    for number, lane in enumerate(lanes):
        lane.y = TOP + number * LANE
    return Picture(
        lanes=lanes,
        ticks=list(_ticks(scale)),
        rows=list(_rows(story, end)),
        zooms=zooms,
        zoom=zoom,
        height=TOP + len(lanes) * LANE + 6,
        now=scale.x(now) if story.ended is None and scale.sees(now) else None,
        says=_in_words(story, end),
    )


def _zooms(story: Story, clocks: ClocksView, end: datetime) -> list[Zoom]:
    whole = (end - story.began).total_seconds()
    found = [Zoom("all", "whole incident")]
    found += [Zoom(name, plain(name)) for name, seconds in _ZOOMS if whole > seconds * 1.5]
    if any(row.due and row.keeps_open and row.due > end for row in clocks.clocks):
        found.append(Zoom("clocks", "to the last legal clock"))
    return found


def _scale(story: Story, clocks: ClocksView, end: datetime, zoom: str) -> Scale:
    for name, seconds in _ZOOMS:
        if zoom == name:
            end = story.began + timedelta(seconds=seconds)
    if zoom == "clocks":
        end = max(row.due for row in clocks.clocks if row.due and row.keeps_open)
    length = max((end - story.began).total_seconds(), 0.05)
    return Scale(story.began, story.began + timedelta(seconds=length * (1 + _MARGIN)))


def _ticks(scale: Scale) -> Iterator[Tick]:
    apart = next((s for s in _STEPS if scale.seconds / s <= _TICKS), _STEPS[-1])
    count = int(scale.seconds // apart)
    for number in range(count + 1):
        at = scale.start + timedelta(seconds=number * apart)
        yield Tick(scale.x(at), _tick(number * apart))


def _tick(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size and (seconds / size) % 0.5 == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds else "0"


def _after(story: Story, at: datetime) -> str:
    return f"+{span(at - story.began)}"


# Contained or not


def _containment(story: Story, scale: Scale, end: datetime) -> Lane:
    lane = Lane("Containment", "containment")
    changes = _containment_over_time(story)
    for (at, state), (over, _) in zip(changes, [*changes[1:], (end, "")], strict=True):
        says = f"{_HARM[state]}, from {_after(story, at)} for {span(over - at)}"
        lane.bars += scale.bar(at, over, f"is-{state}", says, None, _HARM[state])
    reached = {state: at for at, state in reversed(changes)}
    if proven := reached.get("proven"):
        lane.note = f"proven {_after(story, proven)}"
    return lane


_HARM: Final = {
    "none": "not contained",
    "commanded": "commanded, not proven",
    "proven": "contained, proven",
    "unproven": "not proven",
    "lifted": "lifted",
}


def _containment_over_time(story: Story) -> list[tuple[datetime, str]]:
    """How contained the harm was, from when on: what the record's own rule says of each moment."""
    steps = [s for s in story.steps.values() if s.step_class == StepClass.CONTAIN]
    moments = {story.began}
    for step in steps:
        moments |= {at for at in (step.commanded, step.undone) if at}
        moments |= {m.at for m in step.moments if "verdict" in m.data}
        moments |= {look.at for look in step.looks[:1]}
    changes: list[tuple[datetime, str]] = []
    for at in sorted(moments):
        state = _at(steps, at)
        if not changes or changes[-1][1] != state:
            changes.append((at, state))
    return changes


def _at(steps: Sequence[StepStory], at: datetime) -> str:
    states = [state for step in steps if (state := _state(step, at))]
    live = [state for state in states if state != "undone"]
    if not live:
        return "lifted" if states else "none"
    if "bad" in live:
        return "unproven"
    return "proven" if all(state == "proven" for state in live) else "commanded"


def _state(step: StepStory, at: datetime) -> str | None:
    if step.undone and step.undone <= at:
        return "undone"
    verdicts = [m for m in step.moments if "verdict" in m.data and m.at <= at]
    if verdicts:
        return "proven" if verdicts[-1].data["verdict"] == "proven" else "bad"
    looked = bool(step.looks) and step.looks[0].at <= at
    return "commanded" if looked or (step.commanded and step.commanded <= at) else None


# Lanes


def _alerts(story: Story, scale: Scale) -> Lane:
    lane = Lane("Alerts", "alerts", str(len(story.alerts)))
    lane.marks = [
        Mark(scale.x(a.at), "alert", f"{a.says}, {_after(story, a.at)}", a.seq, stop=number == 0)
        for number, a in enumerate(story.alerts)
        if scale.sees(a.at)
    ]
    return lane


def _step(step: StepStory, story: Story, scale: Scale, end: datetime) -> Lane:
    lane = Lane(step.title, step.step_class, step.state)
    acted = step.commanded or step.last or end
    shown = step.proven or step.last or end
    holds = step.step_class == StepClass.CONTAIN and step.state == "proven"
    lane.bars += scale.bar(
        step.began, acted, "acting", f"{step.title}: acting, {span(acted - step.began)}", step.seq
    )
    if step.looks and shown > acted:
        says = f"{step.title}: being shown, {span(shown - acted)}"
        lane.bars += scale.bar(acted, shown, "proving", says, step.looks[0].seq)
    if step.proven and (holds or step.undone):
        over = step.undone or end
        says = f"{step.title}: holds, {span(over - step.proven)}"
        lane.bars += scale.bar(step.proven, over, "holding", says, None)
    lane.marks = list(_of_step(step, story, scale))
    return lane


def _of_step(step: StepStory, story: Story, scale: Scale) -> Iterator[Mark]:
    for look in step.looks:
        if scale.sees(look.at):
            says = f"{step.title}: {look.says}, {_after(story, look.at)}"
            yield Mark(scale.x(look.at), f"look-{look.verdict}", says, look.seq)
    for moment in step.moments:
        verdict = moment.data.get("verdict")
        if verdict and scale.sees(moment.at):
            says = f"{moment.says}, {_after(story, moment.at)}"
            yield Mark(scale.x(moment.at), str(verdict), says, moment.seq, stop=True)
    if step.undone and scale.sees(step.undone):
        says = f"{step.title}: taken back, {_after(story, step.undone)}"
        yield Mark(scale.x(step.undone), "undone", says, None, stop=True)


def _observing(steps: Sequence[StepStory], scale: Scale, story: Story) -> Lane:
    lane = Lane("Looking and sealing", "observe", f"{len(steps)} steps")
    for step in steps:
        over = step.proven or step.commanded or step.last or step.began
        says = f"{step.title}: {step.state}, {_after(story, step.began)}, {span(over - step.began)}"
        lane.bars += scale.bar(step.began, over, "acting", says, step.seq)
    return lane


def _gate(name: str, asked: Sequence[GateStory], story: Story, scale: Scale, end: datetime) -> Lane:
    lane = Lane(f"Decision: {plain(name)}", "gate", plain(asked[-1].outcome or "open"))
    for gate in asked:
        over = gate.ended or end
        says = f"{gate.asks} {plain(gate.outcome or 'open')}, {span(over - gate.asked)}"
        lane.bars += scale.bar(gate.asked, over, "asking", says, gate.seq)
        for said in gate.said:
            if scale.sees(said.at):
                shape = str(said.data.get("choice", "approve")) if said.counted else "refused"
                words = f"{said.says}, {_after(story, said.at)}"
                lane.marks.append(Mark(scale.x(said.at), shape, words, said.seq, stop=True))
    return lane


def _clocks(clocks: ClocksView, story: Story, scale: Scale, now: datetime) -> Iterator[Lane]:
    running = [row for row in clocks.clocks if row.keeps_open and row.due]
    running.sort(key=lambda row: row.due or now)
    for row in running[:_CLOCKS_AT_MOST]:
        assert row.due is not None  # noqa: S101 - those without were left out
        lane = Lane(f"Clock: {row.id}", "clock", f"due {until(row.due, now)}")
        style = "overdue" if row.due < now else "clock"
        lane.bars += scale.bar(story.began, row.due, style, f"{row.id}: {row.says}", None)
        if scale.sees(row.due):
            lane.marks.append(Mark(scale.x(row.due), "due", f"{row.id}: {row.says}", None))
        yield lane


# In words


def _rows(story: Story, end: datetime) -> Iterator[Row]:
    for alert in story.alerts:
        yield Row(alert.says, "alert", _after(story, alert.at), "", "", alert.seq)
    for step in story.steps.values():
        over = step.proven or step.commanded or step.last or end
        looks = f", {len(step.looks)} looks" if step.looks else ""
        yield Row(
            step.title,
            f"step, {step.step_class}",
            _after(story, step.began),
            span(over - step.began),
            step.state + looks,
            step.seq,
        )
    for gate in story.gates:
        over = gate.ended or end
        stands = plain(gate.outcome or ("standing offer" if gate.standing_offer else "open"))
        after, took = _after(story, gate.asked), span(over - gate.asked)
        yield Row(f"{plain(gate.id)}: {gate.asks}", "question", after, took, stands, gate.seq)
    for said in story.said:
        counted = "counted" if said.counted else "changed nothing"
        yield Row(said.says, "decision", _after(story, said.at), "", counted, said.seq)


def _in_words(story: Story, end: datetime) -> str:
    reached = _containment_over_time(story)
    told = "; ".join(f"{_HARM[state]} from {_after(story, at)}" for at, state in reached)
    return (
        f"From {clock_time(story.began)} UTC over {span(end - story.began)}: {told}. "
        f"{_count(story.alerts, 'alert')}, {_count(story.steps, 'step')}, "
        f"{_count([g for g in story.gates if not g.standing_offer], 'question')}, "
        f"{_count(story.said, 'thing said', 'things said')} by people."
    )


def _count(things: Iterable[object], one: str, many: str = "") -> str:
    number = len(list(things))
    return f"{number} {one if number == 1 else many or one + 's'}"
