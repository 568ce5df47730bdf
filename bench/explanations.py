"""What it costs, and for every aim that was missed a paragraph that says where the time goes."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.figures import Results, aims, mean, mean_events, median, summed


def explain(results: Results) -> list[str]:
    """The last section: what was taken apart, and the missed aims."""
    missed = [aim for aim in aims(results) if not aim.met]
    told = [
        line
        for aim in missed
        for line in (f"**{aim.what}: {aim.ratio:.2f}x.**", _SAYS[aim.what](results), "")
    ]
    return [
        "## What it costs",
        "",
        (
            "Taken apart after the run. Processor milliseconds of workflow code for one whole "
            "incident, replayed "
            "from its history in the sandbox (the parts overlap and are a profiler's shares of "
            "the whole):"
        ),
        "",
        *_replay_table(results),
        "",
        f"The gateway's own work on one alert, in milliseconds, one at a time: {_steps(results)}.",
        "",
        *(told or ["Every aim is met."]),
    ]


def _replay_table(results: Results) -> list[str]:
    ours, floor = results.replayed
    rows = [("loading the workflow's file into the sandbox, once a run", ours.load, floor.load)]
    rows += [("all activations of the workflow", ours.total, floor.total)]
    rows += [(f"- {part}", ours.parts[part], floor.parts[part]) for part in ours.parts]
    table = [f"| {name} | {mine:.1f} | {theirs:.1f} |" for name, mine, theirs in rows]
    return ["| | Hemostat | floor |", "|-|-|-|", *table]


def _steps(results: Results) -> str:
    names = {
        "normalise": "reading and normalising",
        "route": "routing",
        "seal": "sealing the body in the vault (two syncs to disk)",
        "encode": "encoding the signal",
    }
    return ", ".join(f"{names[step]} {spent:.2f}" for step, spent in results.one_alert.items())


def _to_effect(results: Results) -> str:
    return _until(results, "effect")


def _to_proof(results: Results) -> str:
    return _until(results, "proven")


def _until(results: Results, moment: str) -> str:
    mine, bare = results.replayed
    before = _longer(results, "recorded")
    deciding = _longer(results, "decided") - before
    rest = _longer(results, moment) - before - deciding
    return (
        f"Hemostat takes {_longer(results, moment):.1f} ms longer. {before:.1f} ms lie before "
        "Temporal has the "
        "start: the body is sealed on disk before Temporal hears of it "
        f"({results.one_alert['seal']:.1f} ms), "
        "and the one request carries the whole alert and what the playbook is given; the floor's "
        f"carries a parsed body. {deciding:.1f} ms are the first decision: the playbook's "
        "file, with its "
        f"parameters' model and gates, loads into the sandbox in {mine.load:.1f} ms where the "
        "floor's takes "
        f"{bare.load:.1f}, the engine opens journal, intake, gates and pager, and the decision "
        "is a larger "
        "transaction (search attributes, a gate's timer, summaries for the UI). "
        f"The remaining {rest:.1f} ms come after it. Page and evidence run beside containment, "
        "in both."
    )


def _longer(results: Results, moment: str) -> float:
    """How much later *moment* is with Hemostat than on the floor, in milliseconds."""
    ours, floor = results.latency
    return median(getattr(m, moment) for m in ours) - median(getattr(m, moment) for m in floor)


def _rate(results: Results) -> str:
    ours, floor = results.throughput
    n, m = sum(b.incidents for b in ours), sum(b.incidents for b in floor)
    mine = {name: 1000 * spent / n for name, spent in summed(b.cpu for b in ours).items()}
    bare = {name: 1000 * spent / m for name, spent in summed(b.cpu for b in floor).items()}
    more = ", ".join(
        f"{name} {mine[name] - bare[name]:+.0f}" for name in ("temporal", "worker", "load")
    )
    replayed, floors = results.replayed
    return (
        f"One incident costs {sum(mine.values()):.0f} ms of processor time where the floor's costs "
        f"{sum(bare.values()):.0f} (by process: {more}). Of the worker's, workflow code is "
        f"{replayed.total + replayed.load:.0f} ms against {floors.total + floors.load:.0f} (the "
        "table above), the "
        "rest is encoding and sending what is more; the server's is the larger history: search "
        "attributes for every change of standing, timers that "
        "guard every gate, summaries, retry policies and idempotency keys on every call."
    )


def _events(results: Results) -> str:
    ours, floor = results.events
    return (
        f"{mean_events(ours):.0f} events against {mean_events(floor):.0f}: the table above says "
        "of which type. "
        f"The history is {mean(e.size for e in ours) / mean(e.size for e in floor):.2f} times as "
        "large."
    )


def _beside_signals(results: Results) -> str:
    return _alert_costs(results) + (
        "The floor sends every alert as its own signal and keeps nothing else; Hemostat gathers "
        "what arrives "
        "while a request is under way, so Temporal's part is smaller, but every body is sealed, "
        "by digest and "
        "durably, before its alert is accepted."
    )


def _beside_nothing(results: Results) -> str:
    accept = results.storm[1]
    bare = 1000 * sum(accept.cpu.values()) / accept.alerts
    return _alert_costs(results) + (
        f"The floor costs {bare:.2f} ms and keeps nothing: it is the price of HTTP alone, and "
        "whoever answers "
        "202 only when the alert is safe cannot come near it. What it shows is that HTTP is not "
        "what limits."
    )


def _alert_costs(results: Results) -> str:
    gateway = results.storm[0]
    cpu: Mapping[str, float] = gateway.cpu
    each = {name: 1000 * spent / gateway.alerts for name, spent in cpu.items()}
    return (
        f"An alert costs {sum(each.values()):.2f} ms of processor time: gateway "
        f"{each['gateway']:.2f}, Temporal "
        f"{each['temporal']:.2f}, worker {each['worker']:.2f}. In the gateway most is the "
        "vault's: file, link, "
        f"ledger and two syncs take {results.one_alert['seal']:.2f} ms one at a time, "
        "normalising and routing "
        f"{results.one_alert['normalise'] + results.one_alert['route']:.2f}. "
    )


_SAYS: Final[Mapping[str, Callable[[Results], str]]] = {
    "(a) alert → first containing effect, p50": _to_effect,
    "(a) alert → containment proven, p50": _to_proof,
    "(b) incidents a second": _rate,
    "(b) history events an incident": _events,
    "(c) alerts a second, beside a signal-with-start each": _beside_signals,
    "(c) alerts a second, beside a handler that only answers 202": _beside_nothing,
}
