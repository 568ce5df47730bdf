"""The section of ``RESULTS.md`` about people, with the conditions of its own run."""

from collections.abc import Sequence
from typing import Final

from bench.figures import median
from bench.watching import Measured, Part, Side

HEAD: Final = "## (e) People: watching, deciding, reading"
TOLD_WITHIN: Final = 1.0
"""Seconds within which a change is to show."""


def section(found: Measured, conditions: str) -> list[str]:
    """Its lines."""
    lines = [HEAD, "", conditions, "", _what(found), ""]
    for part in found.parts:
        lines += [f"### {part.rate.decisions} decisions a second", "", *_load(part), *_told(part)]
    return [*lines, "### Memory, and lists", "", *_rest(found)]


def p99(values: Sequence[float]) -> float:
    """The value that 99 % do not exceed."""
    return sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]


def _what(found: Measured) -> str:
    size = found.size
    rates = " and then ".join(str(rate.decisions) for rate in size.rates)
    blocks = ", ".join(
        f"{rate.blocks} blocks of {rate.seconds:g} s at {rate.decisions}" for rate in size.rates
    )
    return (
        f"{size.watchers} people hold a live page open, half of them the list, the others "
        f"{size.watched} incidents, and fetch it again as a browser does when told; meanwhile "
        f"{rates} signed decisions and {size.pages} further pages a second come through "
        f"the gateway, by {size.people} people, while {size.incidents:,} incidents are open (the "
        f"real playbook `triage`, each at its gates; one decision in {size.closes_every} closes "
        f"one and an alert opens another). On each side, in turns: {blocks}; each time begins when "
        "the request was due. The floor, on the same server: a bare handler that answers with the "
        "list's bytes, and one that parses the decision, signals a bare workflow and asks it "
        "whether it arrived. The watchers stay at the gateway in its turns as well. "
        f"{size.rates[0].decisions} a second is what two processors are to sustain; "
        f"{size.rates[-1].decisions} is what is demanded. A decision that is answered late has been "
        "handed over: it is answered 202, with where to see what became of it."
    )


def _load(part: Part) -> list[str]:
    ours, floor = part.ours, part.floor
    rows = [_row("decision, until it was answered", ours.decided, floor.decided)]
    bare = floor.pages.get("page", [])
    names = {"incidents": "page: the list", "incident": "page: one incident"}
    names["decisions"] = "page: what is asked of me"
    rows += [
        _row(name, ours.pages[kind], bare) for kind, name in names.items() if kind in ours.pages
    ]
    rate = [len(side.decided) / side.seconds for side in (ours, floor)]
    late = f"{len(ours.late)} answered late (202)" if ours.late else "none answered late"
    if ours.late:
        late += f", of which {part.counted_later} had counted when looked at again"
    return [
        "| milliseconds | Hemostat p50 | p99 | floor p50 | p99 | ratio p50 | p99 |",
        "|-|-|-|-|-|-|-|",
        *rows,
        "",
        (
            f"Decisions a second: {rate[0]:.1f} ({len(ours.decided)} sent, {late}; the others "
            f"{_wrong(ours)}), floor {rate[1]:.1f} ({_wrong(floor)})."
        ),
        "",
        "Processors busy while it was that side's turn, in seconds a second:",
        "",
        *_busy(ours, floor),
        "",
        (
            "Processor milliseconds of all processes for a decision, with the pages and looks of "
            f"that time: {_for_each(ours):.0f}, floor {_for_each(floor):.0f}."
        ),
        "",
    ]


def _for_each(side: Side) -> float:
    return 1000 * sum(side.cpu.values()) / max(1, len(side.decided))


def _wrong(side: Side) -> str:
    if not side.wrong:
        return "all as expected"
    return f"**{len(side.wrong)} not as expected**, the first: `{side.wrong[0]}`"


def _busy(ours: Side, floor: Side) -> list[str]:
    names = [name for name in ours.cpu if name != "load"] + ["load"]
    sides = (("Hemostat", ours), ("floor", floor))
    return [
        f"| | {' | '.join(names)} | all |",
        "|-" * (len(names) + 2) + "|",
        *(
            f"| {name} | {' | '.join(f'{side.cpu[one] / side.seconds:.2f}' for one in names)} "
            f"| {sum(side.cpu.values()) / side.seconds:.2f} |"
            for name, side in sides
        ),
    ]


def _row(name: str, ours: Sequence[float], floor: Sequence[float]) -> str:
    if not ours or not floor:
        return f"| {name} | - | - | - | - | - | - |"
    mine, theirs = (median(ours), p99(ours)), (median(floor), p99(floor))
    shown = [1000 * value for pair in (mine, theirs) for value in pair]
    ratios = [mine[at] / theirs[at] for at in (0, 1)]
    cells = [f"{value:.1f}" for value in shown] + [f"{ratio:.2f}x" for ratio in ratios]
    return f"| {name} | {' | '.join(cells)} |"


def _told(found: Part) -> list[str]:
    rows = []
    for name, heard in (
        ("who watch the list (an incident closed)", found.told.of_the_list),
        ("who watch that incident", found.told.of_incidents),
    ):
        if heard:
            met = "met" if p99(heard) <= TOLD_WITHIN else "**missed**"
            times = " | ".join(
                f"{1000 * one:.0f}" for one in (median(heard), p99(heard), max(heard))
            )
            rows.append(f"| {name} | {len(heard):,} | {times} | {met} |")
    missed = found.told.missed
    kept = "none was not told" if not missed else f"**{missed} were not told**"
    streams = "no stream broke" if not found.told.failed else f"**{found.told.failed[:3]}**"
    renewed = (
        f" {len(found.renewed)} pages were fetched again because of it, p50 "
        f"{1000 * median(found.renewed):.0f} ms, p99 {1000 * p99(found.renewed):.0f} ms."
        if found.renewed
        else ""
    )
    return [
        "Milliseconds from a decision's POST until a change is told to those",
        "",
        f"| | told | p50 | p99 | most | p99 ≤ {TOLD_WITHIN:g} s |",
        "|-|-|-|-|-|-|",
        *rows,
        "",
        f"Of all that they had to be told {kept}; {streams}.{renewed}",
        "",
    ]


def _rest(found: Measured) -> list[str]:
    memory = {name: kib / 1024 for name, kib in found.memory.items()}
    listed = found.listed
    return [
        (
            f"Resident memory of the gateway in MiB: {memory['before']:.0f} at its start, "
            f"{memory['open']:.0f} after {found.size.incidents:,} incidents were opened through it "
            f"(in {found.opened_in:.0f} s), {memory['watched']:.0f} with {found.size.watchers} "
            f"watchers, {memory['highest']:.0f} at its highest; the bare handlers' process "
            f"{memory['floor']:.0f}."
        ),
        "",
        (
            f"The list with {listed.incidents:,} incidents, open and closed, one look at a time, in "
            f"milliseconds ({listed.pages} pages by cursor; a silent incident is one that no worker "
            "answers for):"
        ),
        "",
        "| | looks | p50 | most |",
        "|-|-|-|-|",
        *(
            f"| {name} | {len(times)} | {1000 * median(times):.0f} | {1000 * max(times):.0f} |"
            for name, times in listed.looks.items()
        ),
        "",
    ]
