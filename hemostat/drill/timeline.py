"""The timeline of a drill, drawn: what the service answered over time, and what happened when.

Numbers are those that the observer measured through the public edge. The picture in the README is
this drawing, written by ``hemostat drill --picture FILE.svg``.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hemostat.drill.report import Report

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
WIDTH: Final = 100
"""Columns of the picture, and of a drill whose output is no terminal."""

_FRAME: Final = 12
_HEIGHT: Final = 6
_MARKS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Timed(Protocol):
    """Something that was seen at a moment."""

    @property
    def at(self) -> datetime:
        """When."""


S = TypeVar("S", bound=Timed)
Column = Callable[[datetime], int]
"""Where a moment is on the timeline."""

_SOURCES: Final = {"outside": "cyan", "record": "white", "attacker": "red"}


Body = Callable[[Any, int], list[RenderableType]]
"""The part of a drawing that is the scenario's own: its report, drawn so many columns wide."""


def draw(report: Report, body: Body, width: int = WIDTH) -> RenderableType:
    """Return the whole picture, *width* columns wide."""
    title = f"EXERCISE · {report.scenario}" + ("" if report.responded else " · without response")
    parts = [*body(report, width - _FRAME), Text(), claims(report)]
    verdict = Text("all held", style="bold green") if report.held else Text("NOT HELD", "bold red")
    return Panel(Group(*parts), title=title, subtitle=verdict, box=box.ROUNDED, width=width)


def picture(report: Report, body: Body) -> str:
    """Return the picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    console.print(draw(report, body))
    title = f"hemostat drill {report.scenario}"
    # The reader's own fixed-width font: a picture in the docs fetches nothing.
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title), flags=re.DOTALL)


def scale(report: Report, times: Sequence[datetime], width: int) -> tuple[Column, Text, Text]:
    """Where moments are, the letters of the report's, and the ends of the axis."""
    ordered = sorted(report.moments, key=lambda m: m.at)
    start, end = times[0], times[-1]
    span = max((end - start).total_seconds(), 1.0)

    def column(at: datetime) -> int:
        share = (at - start).total_seconds() / span
        return min(max(int(share * (width - 1)), 0), width - 1)

    marks = Text(" " * 6)
    row = [" "] * width
    for number, moment in enumerate(ordered[: len(_MARKS)]):
        place = column(moment.at)
        while place < width - 1 and row[place] != " ":
            place += 1
        row[place] = _MARKS[number]
    marks.append("".join(row), style="bold")
    ends = Text(" " * 6 + "0 s".ljust(width - 8) + f"{span:5.0f} s", style="dim")
    return column, marks, ends


def chart(
    samples: Sequence[S],
    column: Column,
    width: int,
    value: Callable[[S], float | None],
    bad: Callable[[float], bool],
) -> Text:
    """A value over time, red where it is bad."""
    heights: list[float | None] = [None] * width
    for sample in samples:
        heights[column(sample.at)] = value(sample)
    last: float | None = None
    for place, height in enumerate(heights):
        last = height if height is not None else last
        heights[place] = last
    text = Text()
    for level in range(_HEIGHT - 1, -1, -1):
        label = f"{(level + 1) / _HEIGHT:4.0%} " if level in (_HEIGHT - 1, 2) else "     "
        text.append(label + "│", style="dim")
        for height in heights:
            filled = min(max((height or 0.0) * _HEIGHT - level, 0.0), 1.0)
            block = _BLOCKS[round(filled * (len(_BLOCKS) - 1))]
            text.append(block, style="red" if bad(height or 0.0) else "green")
        text.append("\n" if level else "")
    return text


def strip(
    name: str,
    samples: Sequence[S],
    column: Column,
    width: int,
    open_: Callable[[S], bool],
) -> Text:
    """One route over time: open, or refused."""
    states: list[bool | None] = [None] * width
    for sample in samples:
        states[column(sample.at)] = open_(sample)
    text = Text(f"{name[:5]:<5} ", style="dim")
    last = True
    for state in states:
        last = last if state is None else state
        text.append("━" if last else "╌", style="green" if last else "yellow")
    return text


def moments(report: Report) -> Table:
    """What happened when, and how we know."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column()
    ordered = sorted(report.moments, key=lambda m: m.at)
    start = ordered[0].at
    for number, moment in enumerate(ordered):
        mark = _MARKS[number] if number < len(_MARKS) else " "
        after = (moment.at - start).total_seconds()
        table.add_row(
            Text(f"{mark} {after:+7.1f} s", style="bold"),
            Text(moment.what, style=_SOURCES.get(moment.source, "")),
            Text(moment.source, style="dim"),
        )
    return table


def claims(report: Report) -> Table:
    """What was claimed, and whether it held."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column()
    for claim in report.claims:
        sign = Text("held", style="green") if claim.held else Text("NOT HELD", style="bold red")
        table.add_row(sign, Text(claim.claim), Text(claim.seen, style="dim"))
    return table


def measured(rows: Mapping[str, Mapping[str, float]], form: str) -> Table:
    """Numbers by moment, each told by *form*; what was not measured then stays empty."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for moment, row in rows.items():
        table.add_row(moment, *(format(row[name], form) if name in row else "" for name in names))
    return table
