"""The timeline of adversarial evasion, drawn: what passed, what was still served, who decided."""

from rich.console import RenderableType
from rich.text import Text

from hemostat.drill.evasion.report import EvasionDrill
from hemostat.drill.timeline import chart, measured, moments, scale, strip


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
    return [*parts, measured(report.measured, ".1%")]
