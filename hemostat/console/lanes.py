"""The lanes of the timeline: what each shows, where on it, and its words. Pure.

Places are percent of the width. A state has a shape and a word, never a colour alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hemostat.console.story import GateStory, StepStory, Story
from hemostat.console.words import plain, span, until
from schemas.clocks.view import ClocksView
from schemas.step import StepClass

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


def after(story: Story, at: datetime) -> str:
    """When *at* is, counted from the beginning."""
    return f"+{span(at - story.began)}"


# Contained or not


def containment(story: Story, scale: Scale, end: datetime) -> Lane:
    """How contained the harm was, over all of the time."""
    lane = Lane("Containment", "containment")
    changes = containment_over_time(story)
    for (at, state), (over, _) in zip(changes, [*changes[1:], (end, "")], strict=True):
        says = f"{HARM[state]}, from {after(story, at)} for {span(over - at)}"
        lane.bars += scale.bar(at, over, f"is-{state}", says, None, HARM[state])
    reached = {state: at for at, state in reversed(changes)}
    if proven := reached.get("proven"):
        lane.note = f"proven {after(story, proven)}"
        last, now = changes[-1]
        if now == "proven" and last != proven:
            lane.note = f"first proven {after(story, proven)}, all of it {after(story, last)}"
        elif now != "proven":
            lane.note = f"first proven {after(story, proven)}, now {HARM[now]}"
    return lane


HARM: Final = {
    "none": "not contained",
    "commanded": "commanded, not proven",
    "proven": "contained, proven",
    "unproven": "not proven",
    "lifted": "lifted",
}


def containment_over_time(story: Story) -> list[tuple[datetime, str]]:
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


def alerts(story: Story, scale: Scale) -> Lane:
    """Each alert."""
    lane = Lane("Alerts", "alerts", str(len(story.alerts)))
    lane.marks = [
        Mark(scale.x(a.at), "alert", f"{a.says}, {after(story, a.at)}", a.seq, stop=number == 0)
        for number, a in enumerate(story.alerts)
        if scale.sees(a.at)
    ]
    return lane


def acting(step: StepStory, story: Story, scale: Scale, end: datetime) -> Lane:
    """A step that acts: acting, being shown, holding; each look and verdict."""
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
            says = f"{step.title}: {look.says}, {after(story, look.at)}"
            yield Mark(scale.x(look.at), f"look-{look.verdict}", says, look.seq)
    for moment in step.moments:
        verdict = moment.data.get("verdict")
        if verdict and scale.sees(moment.at):
            says = f"{moment.says}, {after(story, moment.at)}"
            yield Mark(scale.x(moment.at), str(verdict), says, moment.seq, stop=True)
    if step.undone and scale.sees(step.undone):
        says = f"{step.title}: taken back, {after(story, step.undone)}"
        yield Mark(scale.x(step.undone), "undone", says, None, stop=True)


def observing(steps: Sequence[StepStory], scale: Scale, story: Story) -> Lane:
    """All steps that change nothing, in one lane."""
    lane = Lane("Looking and sealing", "observe", f"{len(steps)} steps")
    for step in steps:
        over = step.proven or step.commanded or step.last or step.began
        says = f"{step.title}: {step.state}, {after(story, step.began)}, {span(over - step.began)}"
        lane.bars += scale.bar(step.began, over, "acting", says, step.seq)
    return lane


def gate(name: str, asked: Sequence[GateStory], story: Story, scale: Scale, end: datetime) -> Lane:
    """Every asking at one gate, and what people said."""
    lane = Lane(f"Decision: {plain(name)}", "gate", plain(asked[-1].outcome or "open"))
    for gate in asked:
        over = gate.ended or end
        says = f"{gate.asks} {plain(gate.outcome or 'open')}, {span(over - gate.asked)}"
        lane.bars += scale.bar(gate.asked, over, "asking", says, gate.seq)
        for said in gate.said:
            if scale.sees(said.at):
                shape = str(said.data.get("choice", "approve")) if said.counted else "refused"
                words = f"{said.says}, {after(story, said.at)}"
                lane.marks.append(Mark(scale.x(said.at), shape, words, said.seq, stop=True))
    return lane


def clocks(clocks: ClocksView, story: Story, scale: Scale, now: datetime) -> Iterator[Lane]:
    """The legal clocks that are due first, a lane each."""
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
