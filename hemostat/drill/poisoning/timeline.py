"""The timeline of feedback poisoning, drawn: what the service answered, and what was refused."""

from collections.abc import Callable

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hemostat.drill.report import Report
from hemostat.drill.timeline import chart, moments, scale, strip


def poisoning(report: Report, width: int) -> list[RenderableType]:
    """The charts and numbers of the sentiment service."""
    parts: list[RenderableType] = []
    if report.samples and report.moments:
        parts += [*_charts(report, width), Text(), moments(report), Text()]
    return [*parts, _numbers(report)]


def _charts(report: Report, width: int) -> list[RenderableType]:
    column, marks, ends = scale(report, [sample.at for sample in report.samples], width)
    negative = chart(
        report.samples, column, width, lambda s: s.negative_share, _bad_when_high(report)
    )
    accuracy = chart(report.samples, column, width, lambda s: s.accuracy, _bad_when_low(report))
    return [
        Text("share of negative answers, measured from outside", style="bold"),
        negative,
        marks,
        Text("accuracy on the probe set, measured from outside", style="bold"),
        accuracy,
        Text("what the public edge answered", style="bold"),
        strip("predict", report.samples, column, width, lambda s: s.predict_status == 200),
        strip("feedback", report.samples, column, width, lambda s: s.feedback_status == 201),
        ends,
    ]


def _bad_when_high(report: Report) -> Callable[[float], bool]:
    before = report.numbers["before"].negative_share
    return lambda value: value > before * 1.2


def _bad_when_low(report: Report) -> Callable[[float], bool]:
    before = report.numbers["before"].accuracy
    return lambda value: value < before - 0.03


def _numbers(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = ("", "negative answers", "probe accuracy", "/v1/predict", "/v1/feedback", "version")
    for head in heads:
        table.add_column(head, justify="left" if not head else "right")
    for name, numbers in report.numbers.items():
        table.add_row(
            name,
            f"{numbers.negative_share:.1%}",
            f"{numbers.accuracy:.1%}",
            str(numbers.predict_status),
            str(numbers.feedback_status),
            ", ".join(numbers.versions),
        )
    return table
