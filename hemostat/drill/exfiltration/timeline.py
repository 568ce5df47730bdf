"""The timeline of assistant exfiltration, drawn: what left, and whose keys passed when."""

from rich.console import RenderableType
from rich.text import Text

from hemostat.drill.exfiltration.report import ExfiltrationDrill
from hemostat.drill.range.exfiltration.range import COLLEAGUES, SUSPECT
from hemostat.drill.timeline import chart, measured, moments, scale, strip


def exfiltration(report: ExfiltrationDrill, width: int) -> list[RenderableType]:
    """The charts and numbers of the assistant."""
    parts: list[RenderableType] = []
    if report.looks and report.moments:
        looks = report.looks
        column, marks, ends = scale(report, [look.at for look in looks], width)
        most = max(1, report.measured.get("before", {}).get("confidential documents", 1))
        parts += [
            Text(f"share of {most} confidential documents that the insider holds", style="bold"),
            chart(looks, column, width, lambda x: x.documents / most, lambda v: v > 0),
            marks,
            Text("which keys pass, tried from outside", style="bold"),
            strip("insid", looks, column, width, lambda x: x.callers[SUSPECT] == 200),
            strip("collg", looks, column, width, lambda x: x.callers[COLLEAGUES[0]] == 200),
            strip("cloud", looks, column, width, lambda x: x.insider_key),
            strip("sessn", looks, column, width, lambda x: x.old_session),
            strip("wiki", looks, column, width, lambda x: x.connector),
            strip("servc", looks, column, width, lambda x: x.service_key),
            ends,
            Text(),
            moments(report),
            Text(),
        ]
    return [*parts, measured(report.measured, "d")]
