"""The timeline as a picture: steps, questions and events over one axis, as SVG.

An incident has bursts of seconds and waits of days, so the axis is squeezed: each gap takes the
room of its logarithm, and the times are written beneath. Only our own words are in it, escaped.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import at
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.account.steps import StepTold
from hemostat.audit.account.words import in_short
from schemas.journal import Kind

_WIDTH: Final = 800
_LABEL: Final = 226
_ROW: Final = 24
_TOP: Final = 54
_LETTER: Final = 6.4
"""What a letter of a label takes, at most, on average."""
_INK, _SOFT, _LINE = "#16202b", "#5b6875", "#d9dfe5"
_GOOD, _BAD, _WARN, _MARK = "#17704a", "#a8231d", "#b07d1a", "#0b4f8a"


@dataclass(frozen=True)
class _Bar:
    label: str
    begin: datetime
    end: datetime | None
    proven: datetime | None
    colour: str
    says: str = ""
    """Beside the bar: what only its colour would tell; a page may be printed in grey."""
    lost: tuple[tuple[datetime, datetime | None], ...] = ()
    """From when to when it was lost after it was proven; None: not proven again."""

    @property
    def moments(self) -> list[datetime]:
        """All that is drawn of it."""
        ends = [self.begin, self.end, self.proven, *(m for span in self.lost for m in span)]
        return [moment for moment in ends if moment is not None]


class _Axis:
    """Where a moment is: gaps by their logarithm."""

    def __init__(self, moments: list[datetime]) -> None:
        self._moments = sorted(set(moments))
        self._at = [0.0]
        for one, other in zip(self._moments, self._moments[1:], strict=False):
            gap = (other - one).total_seconds()
            self._at.append(self._at[-1] + math.log1p(gap * 4))
        self._span = self._at[-1] or 1.0

    def x(self, moment: datetime) -> float:
        """Return where *moment* is, in the picture's units."""
        before = 0
        for number, known in enumerate(self._moments):
            if known <= moment:
                before = number
        room = _WIDTH - _LABEL - 24
        return _LABEL + room * self._at[before] / self._span


def timeline(account: Account, most: int) -> tuple[str, int]:
    """Return the picture, without people and secrets, and how many bars it has no room for."""
    text = Scrubber(account).text
    found = _bars(account)
    bars = [replace(bar, label=text(bar.label)) for bar in found[:most]]
    marks = _marks(account)
    moments = [account.opened_at, account.ended_at, *(moment for moment, _, _ in marks)]
    for bar in bars:
        moments += bar.moments
    axis = _Axis(moments)
    height = _TOP + _ROW * len(bars) + 46
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'font-family="Libertinus Serif, Georgia, serif" font-size="12.5" fill="{_INK}">'
        ),
        "<title>Timeline of the incident</title>",
    ]
    parts += _grid(account, axis, marks, height)
    for number, bar in enumerate(bars):
        parts += _drawn(bar, axis, _TOP + _ROW * number, account.ended_at)
    parts += _legend(height)
    parts.append("</svg>")
    return "".join(parts), len(found) - len(bars)


def _bars(account: Account) -> list[_Bar]:
    drawn = ("contain", "destroy", "restore", "disclose")
    bars = [
        (step.begun[0], _of_step(step))
        for step in account.steps.values()
        if step.step_class in drawn and step.begun
    ]
    for gate in account.gates:
        if gate.latency is None or gate.ended is None or gate.latency.total_seconds() < 0:
            continue
        end = at(gate.ended)
        colour = {"approved": _MARK, "rejected": _BAD}.get(str(gate.outcome), _WARN)
        label = "asked: " + gate.id.replace("-", " ")
        says = "beforehand" if gate.pre_authorised else "silence" if gate.by_silence else ""
        says = "no" if gate.outcome == "rejected" else says
        bars.append((gate.opened_at, _Bar(label, gate.opened_at, end, None, colour, says)))
    return [bar for _, bar in sorted(bars, key=lambda pair: pair[0])]


def _of_step(step: StepTold) -> _Bar:
    proven = step.first_proven.at if step.first_proven else None
    good = step.state in ("proven", "undone", "done")
    end = proven or (step.looks[-1].at if step.looks else step.commanded_at)
    lost = tuple(
        (loss.held_at or at(loss.entry), loss.again.at if loss.again else None)
        for loss in step.losses
    )
    says = "lost" if lost else step.state if not good or step.undone else ""
    return _Bar(step.name, step.begun[0], end, proven, _GOOD if good else _BAD, says, lost)


def _marks(account: Account) -> list[tuple[datetime, str, str]]:
    marks = [(account.opened_at, "opened", _INK)]
    alerts = account.of(Kind.ALERT)
    marks += [(at(entry), "alert", _WARN) for entry in alerts[1:6]]
    marks += [(at(e), str(e.data.get("severity")), _BAD) for e in account.severities[:6]]
    if account.contained:
        marks.append((account.contained, "contained, proven", _GOOD))
    if account.closed:
        marks.append((account.ended_at, "closed", _INK))
    return marks


def _grid(
    account: Account, axis: _Axis, marks: list[tuple[datetime, str, str]], height: int
) -> list[str]:
    bottom = height - 40
    parts: list[str] = []
    taken: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
    first = ("opened", "closed", "contained, proven")  # they get their room before the others
    for moment, said, colour in sorted(marks, key=lambda mark: (mark[1] not in first, mark[0])):
        x = axis.x(moment)
        parts.append(
            f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{bottom}" stroke="{colour}" '
            'stroke-width="1" stroke-dasharray="2 3"/>'
        )
        wide = _LETTER * len(said) + 3
        anchor = "end" if x + wide > _WIDTH else "start"
        left, right = (x - wide, x) if anchor == "end" else (x, x + wide)
        row = next((r for r in taken if all(right < a or left > b for a, b in taken[r])), None)
        if row is not None:
            edge = x + (-3 if anchor == "end" else 3)
            parts.append(_text(edge, 34 - 15 * row, said, colour, anchor))
            taken[row].append((left - _LETTER, right + _LETTER))
    last_tick = -1e9
    for moment in sorted({m for m, _, _ in marks}):
        x = axis.x(moment)
        if x - last_tick < 84:
            continue
        after = "+" + in_short(moment - account.opened_at)
        anchor = "end" if x > _WIDTH - 60 else "start"
        parts.append(_text(x, bottom + 14, after, _SOFT, anchor, 11))
        last_tick = x
    return parts


def _drawn(bar: _Bar, axis: _Axis, y: int, ended: datetime) -> list[str]:
    begin, end = axis.x(bar.begin), axis.x(bar.end or ended)
    width = max(end - begin, 3)
    label = bar.label if len(bar.label) <= 32 else bar.label[:31] + "…"
    asked = bar.label.startswith("asked: ")
    parts = [
        f'<line x1="{_LABEL}" y1="{y + 20}" x2="{_WIDTH - 20}" y2="{y + 20}" stroke="{_LINE}"/>',
        _text(
            _LABEL - 12,
            y + 14,
            label,
            _SOFT if asked else _INK,
            "end",
            10.8 if len(label) > 26 else 12.5,
        ),
        (
            f'<rect x="{begin:.1f}" y="{y + (7 if asked else 4)}" width="{width:.1f}" '
            f'height="{6 if asked else 11}" rx="2" fill="{bar.colour}" '
            f'opacity="{0.55 if asked else 0.9}"/>'
        ),
    ]
    shown = [bar.proven] if bar.proven else []
    for lost, again in bar.lost:
        x = axis.x(lost)
        wide = max(axis.x(again or ended) - x, 4)
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 4.8}" width="{wide:.1f}" height="9.4" fill="#fff" '
            f'stroke="{_BAD}" stroke-width="1.6" stroke-dasharray="3 2"/>'
        )
        shown += [again] if again else []
    parts += [
        f'<circle cx="{axis.x(moment):.1f}" cy="{y + 9.5}" r="5" fill="#fff" stroke="{_GOOD}" '
        'stroke-width="2.5"/>'
        for moment in shown
    ]
    return [*parts, *_beside(bar, axis, y, ended)]


def _beside(bar: _Bar, axis: _Axis, y: int, ended: datetime) -> list[str]:
    """The word beside a bar, on the side that has room."""
    if not bar.says:
        return []
    end = axis.x(ended if (bar.lost and bar.lost[-1][1] is None) else max(bar.moments))
    room = _WIDTH - 24 - end > 7 * len(bar.says) + 12
    x, anchor = (end + 9, "start") if room else (axis.x(bar.begin) - 6, "end")
    return [_text(x, y + 14, bar.says, bar.colour if bar.colour != _GOOD else _SOFT, anchor, 10.8)]


def _legend(height: int) -> list[str]:
    y = height - 8
    return [
        f'<circle cx="{_LABEL + 6}" cy="{y - 4}" r="4.5" fill="#fff" stroke="{_GOOD}" stroke-width="2.5"/>',
        _text(_LABEL + 16, y, "proven by another path", _SOFT, "start", 11),
        f'<rect x="{_LABEL + 172}" y="{y - 8}" width="22" height="6" rx="2" fill="{_MARK}" opacity=".55"/>',
        _text(_LABEL + 200, y, "a question to people", _SOFT, "start", 11),
        (
            f'<rect x="{_LABEL + 316}" y="{y - 9}" width="18" height="8" fill="#fff" stroke="{_BAD}" '
            'stroke-width="1.4" stroke-dasharray="3 2"/>'
        ),
        _text(_LABEL + 339, y, "lost", _SOFT, "start", 11),
        _text(
            _WIDTH - 20,
            y,
            "not to scale: waits are squeezed",
            _SOFT,
            "end",
            11,
        ),
    ]


def _text(x: float, y: float, said: str, colour: str, anchor: str, size: float = 12.5) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" '
        f'font-size="{size}">{escape(said)}</text>'
    )
