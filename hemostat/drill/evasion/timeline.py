"""The timeline of adversarial evasion, drawn: what passed, what was still served, who decided."""

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hemostat.drill.evasion.report import EvasionDrill
from hemostat.drill.timeline import chart, moments, scale, strip


def evasion(report: EvasionDrill, width: int) -> list[RenderableType]:
    """The charts and numbers of the moderation service."""
    parts: list[RenderableType] = []
    if report.looks and report.moments:
        column, marks, ends = scale(report, [look.at for look in report.looks], width)
        looks = report.looks
        parts += [
            Text("attacker's uploads that pass as safe, as the attacker saw it", style="bold"),
            chart(report.passing(), column, width, lambda p: p.share or 0.0, lambda v: v > 0.05),
            marks,
            Text("benign pictures approved at once, measured from outside", style="bold"),
            chart(looks, column, width, lambda look: look.served, lambda value: value < 0.7),
            Text("who decides: the model, or fallback rules (dashed)", style="bold"),
            strip("by", looks, column, width, lambda look: "fallback" not in look.by),
            ends,
            Text(),
            moments(report),
            Text(),
        ]
    return [*parts, _numbers(report)]


def _numbers(report: EvasionDrill) -> Table:
    names = list(dict.fromkeys(name for row in report.measured.values() for name in row))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for moment, row in report.measured.items():
        cells = [f"{row[name]:.1%}" if name in row else "" for name in names]
        table.add_row(moment, *cells)
    return table
