"""One picture of an incident, to scale: where each lane, bar and mark is. Pure.

Places are percent of the width, so that the drawing fits any screen while its text keeps its size.
Every mark leads to its line of the journal; the same is told as a table and in words.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hemostat.console import lanes
from hemostat.console.lanes import Lane, Scale
from hemostat.console.story import Story
from hemostat.console.words import clock_time, plain, span
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


def draw(story: Story, clocks: ClocksView, now: datetime, zoom: str = "all") -> Picture:
    """Return the picture of *story* as it stands at *now*, as wide in time as *zoom* says."""
    end = story.ended or now
    zooms = _zooms(story, clocks, end)
    zoom = zoom if zoom in {z.name for z in zooms} else "all"
    scale = _scale(story, clocks, end, zoom)
    drawn = [lanes.containment(story, scale, end)]
    if story.alerts:
        drawn.append(lanes.alerts(story, scale))
    looking = [s for s in story.steps.values() if s.step_class == StepClass.OBSERVE]
    acting = [s for s in story.steps.values() if s.step_class != StepClass.OBSERVE]
    drawn += [lanes.acting(step, story, scale, end) for step in acting]
    if looking:
        drawn.append(lanes.observing(looking, scale, story))
    asked = [g for g in story.gates if not g.standing_offer or g.outcome or g.said]
    drawn += [
        lanes.gate(name, [g for g in asked if g.id == name], story, scale, end)
        for name in dict.fromkeys(g.id for g in asked)
    ]
    drawn += lanes.clocks(clocks, story, scale, now)
    for number, lane in enumerate(drawn):
        lane.y = TOP + number * LANE
    return Picture(
        lanes=drawn,
        ticks=list(_ticks(scale)),
        rows=list(_rows(story, end)),
        zooms=zooms,
        zoom=zoom,
        height=TOP + len(drawn) * LANE + 6,
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


# In words


def _rows(story: Story, end: datetime) -> Iterator[Row]:
    for alert in story.alerts:
        yield Row(alert.says, "alert", lanes.after(story, alert.at), "", "", alert.seq)
    for step in story.steps.values():
        over = step.proven or step.commanded or step.last or end
        looks = f", {len(step.looks)} looks" if step.looks else ""
        yield Row(
            step.title,
            f"step, {step.step_class}",
            lanes.after(story, step.began),
            span(over - step.began),
            step.state + looks,
            step.seq,
        )
    for gate in story.gates:
        over = gate.ended or end
        stands = plain(gate.outcome or ("standing offer" if gate.standing_offer else "open"))
        after, took = lanes.after(story, gate.asked), span(over - gate.asked)
        yield Row(f"{plain(gate.id)}: {gate.asks}", "question", after, took, stands, gate.seq)
    for said in story.said:
        counted = "counted" if said.counted else "changed nothing"
        yield Row(said.says, "decision", lanes.after(story, said.at), "", counted, said.seq)


def _in_words(story: Story, end: datetime) -> str:
    reached = lanes.containment_over_time(story)
    told = "; ".join(f"{lanes.HARM[state]} from {lanes.after(story, at)}" for at, state in reached)
    return (
        f"From {clock_time(story.began)} UTC over {span(end - story.began)}: {told}. "
        f"{_count(story.alerts, 'alert')}, {_count(story.steps, 'step')}, "
        f"{_count([g for g in story.gates if not g.standing_offer], 'question')}, "
        f"{_count(story.said, 'thing said', 'things said')} by people."
    )


def _count(things: Iterable[object], one: str, many: str = "") -> str:
    number = len(list(things))
    return f"{number} {one if number == 1 else many or one + 's'}"
