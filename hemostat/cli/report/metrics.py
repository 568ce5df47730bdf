"""``hemostat report metrics``: medians and ninetieth percentiles over many incidents."""

from dataclasses import asdict
from pathlib import Path

import click

from hemostat.audit.report.many import ManyMetrics, metrics_under
from hemostat.audit.report.metrics import (
    COUNTS,
    DEFINITIONS,
    SHARES,
    Metrics,
    nine_in_ten,
    prometheus,
    said,
    summarised,
)
from hemostat.cli import json_option
from hemostat.terminal import document, line, table


@click.command
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--prometheus", "as_prometheus", is_flag=True, help="As Prometheus text.")
@json_option
def command(folder: Path, as_prometheus: bool, as_json: bool) -> None:
    """Show metrics over many incidents.

    FOLDER holds packs. Median, and what nine of ten keep to, with how many they rest on; drills apart; of how many a measure is unknown. Save the output of --prometheus where the node exporter's textfile collector reads it.
    """
    many = metrics_under(folder)
    real = [metrics for metrics in many.known if not metrics.drill]
    drills = [metrics for metrics in many.known if metrics.drill]
    if as_prometheus:
        click.echo(prometheus(many.known), nl=False)
    elif as_json:
        document(_document(many, real, drills))
    else:
        _print("incidents", real)
        _print("drills", drills)
        for unread in many.unread:
            line(("not read: ", "bold red"), unread)


def _document(many: ManyMetrics, real: list[Metrics], drills: list[Metrics]) -> dict[str, object]:
    def told(some: list[Metrics]) -> dict[str, object]:
        return {
            "n": len(some),
            "measures": {summary.name: asdict(summary) for summary in summarised(some)},
            "counts": {name: sum(metrics.counts[name] for metrics in some) for name in COUNTS},
        }

    names = {name: " - ".join(words) for name, words in (DEFINITIONS | SHARES | COUNTS).items()}
    return {
        "definitions": names,
        "incidents": told(real),
        "drills": told(drills),
        "each": [metrics.document() for metrics in many.known],
        "unread": many.unread,
    }


def _print(title: str, some: list[Metrics]) -> None:
    line((f"{len(some)} {title}", "bold"))
    if not some:
        return
    names = DEFINITIONS | SHARES
    table(
        ("measure", "median", "9 of 10", "n", "unknown"),
        [
            (
                names[summary.name][0],
                said(summary.name, summary.median) if summary.n else "-",
                nine_in_ten(summary),
                summary.n,
                summary.unknown,
            )
            for summary in summarised(some)
        ],
    )
    for name, (words, _) in COUNTS.items():
        line(f"{words}: {sum(metrics.counts[name] for metrics in some)}")
    line()
