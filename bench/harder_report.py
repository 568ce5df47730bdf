"""The section of ``RESULTS.md`` about the harder playbooks, with the conditions of its own run."""

from collections.abc import Sequence

from bench.figures import mean, mean_events, median, p95
from bench.harder import Measured, Moments

HEAD = "## (d) The harder playbooks"


def section(found: Sequence[Measured], at_once: int, conditions: str) -> list[str]:
    """Its lines."""
    rows = [row for one in found for row in _rows(one)]
    first = "; ".join(f"{one.playbook}: `{one.first}`, {one.gates} gates" for one in found)
    pairs, block = len(found[0].latency[0]), found[0].throughput[0][0]
    return [
        HEAD,
        "",
        conditions,
        "",
        (
            f"{pairs} alerts through each side as in (a); {len(found[0].throughput[0])} blocks of "
            f"{block.incidents} incidents on each side as in (b), {at_once} at once, every gate "
            "answered as soon as it opens. The systems are worlds in memory. The floor makes the "
            "calls of a recorded response in its order, beside each other as there, and nothing "
            f"else. The first containing effect of {first}."
        ),
        "",
        "| playbook | | Hemostat | floor | ratio |",
        "|-|-|-|-|-|",
        *rows,
        "",
    ]


def _rows(one: Measured) -> list[str]:
    ours, floor = one.latency
    ours_b, floor_b = one.throughput
    ours_e, floor_e = one.events
    calls = [mean(sum(e.calls.values()) for e in side) for side in (ours_e, floor_e)]
    return [
        *_times(one.playbook, "alert → first containing effect", ours, floor, "effect"),
        *_times(one.playbook, "alert → containment proven", ours, floor, "proven"),
        _row(
            one.playbook,
            "incidents a second",
            median(b.rate for b in ours_b),
            median(b.rate for b in floor_b),
            "{:.2f}",
        ),
        _row(one.playbook, "history events", mean_events(ours_e), mean_events(floor_e), "{:.0f}"),
        _row(one.playbook, "activity calls", calls[0], calls[1], "{:.0f}"),
    ]


def _times(
    playbook: str, what: str, ours: list[Moments], floor: list[Moments], which: str
) -> list[str]:
    mine, theirs = [getattr(m, which) for m in ours], [getattr(m, which) for m in floor]
    return [
        _row(playbook, f"{what}, p50 ms", median(mine), median(theirs), "{:.1f}"),
        _row(playbook, f"{what}, p95 ms", p95(mine), p95(theirs), "{:.1f}"),
    ]


def _row(playbook: str, what: str, mine: float, theirs: float, form: str) -> str:
    shown = f"{form.format(mine)} | {form.format(theirs)} | {mine / theirs:.2f}x"
    return f"| {playbook} | {what} | {shown} |"
