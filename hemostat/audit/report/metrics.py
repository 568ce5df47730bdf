"""The metrics of one incident and over many, each with its definition; unknown is a value.

Definitions matter: some count containment from the notification, others from detection. Here
detection is the opening of the incident, by the first alert, and contained means *proven*.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import at
from hemostat.audit.account.words import in_short
from schemas.journal import Kind

DEFINITIONS: Final = {
    "mttd": (
        "time to detect",
        "from the first harm that the record shows to the opening of the incident",
    ),
    "mtta": (
        "time to acknowledge",
        "from the opening to the first decision, determination or acknowledged page that counted",
    ),
    "commanded": (
        "time to containment commanded",
        "from the opening until every containing step of the first round had its first act answered",
    ),
    "ttc": (
        "time to containment proven",
        (
            "from the opening until every containing step of the first round first stood proven, "
            "by another path than its act"
        ),
    ),
    "mttr": (
        "time to recovery",
        "from containment proven until the last step that re-enables was proven, over all rounds",
    ),
    "open": ("time open", "from the opening to the close"),
    "decision": ("time to decision", "the median over the gates that people or silence ended"),
}
"""What each measure of time is called, and what it is."""

SHARES: Final = {
    "first_try": ("containing steps proven at the first try", "of all containing steps"),
    "evidence": (
        "evidence complete",
        "items sealed, of those sealed and those declared missing; what was sent is not counted",
    ),
    "clocks": (
        "legal clocks met",
        "filed in time as counsel told, of those filed and those overdue",
    ),
}
COUNTS: Final = {
    "silent": (
        "decisions by silence",
        "gates that proceeded because nobody answered, and nobody had agreed beforehand",
    ),
    "unanswered": (
        "questions never answered",
        "gates that were withdrawn, or still stand open, with no word from anybody",
    ),
    "glass": ("glass broken", "times that one person was let decide alone"),
    "lost": ("containments lost", "times that a proven containment was found not to hold"),
}


@dataclass(frozen=True)
class Metrics:
    """The metrics of one incident: seconds, shares and counts by name; None: unknown, and why."""

    incident: str
    playbook: str
    drill: bool
    opened_at: datetime
    seconds: dict[str, float | None]
    shares: dict[str, float | None]
    counts: dict[str, int]
    unknown: dict[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "incident": self.incident,
            "playbook": self.playbook,
            "drill": self.drill,
            "opened_at": self.opened_at.isoformat(),
            "seconds": self.seconds,
            "shares": self.shares,
            "counts": self.counts,
            "unknown": self.unknown,
        }


def metrics_of(account: Account) -> Metrics:
    """Return the metrics of one incident."""
    opened = account.opened_at
    unknown: dict[str, str] = {}
    commanded = [s.commanded_at for s in account.containing if s.round == 1]
    all_known = bool(commanded) and None not in commanded
    restored = [
        s.proven.at for s in account.steps.values() if s.step_class == "restore" and s.proven
    ]
    latencies = [g.latency.total_seconds() for g in account.gates if g.latency is not None]
    seconds = {
        "mttd": _since(account.first_harm, opened),
        "mtta": _since(opened, at(account.acknowledged) if account.acknowledged else None),
        "commanded": _since(opened, max(c for c in commanded if c) if all_known else None),
        "ttc": _since(opened, account.contained),
        "mttr": _since(account.contained, max(restored, default=None)),
        "open": _since(opened, account.ended_at if account.closed else None),
        "decision": median(latencies) if latencies else None,
    }
    reasons = {
        "mttd": "it was judged a false alarm"
        if account.false_alarm
        else "the record does not show when the harm began",
        "mtta": "no person said anything that counted",
        "commanded": "not every containing step was done by an act that answered"
        if account.containing
        else "nothing to contain",
        "ttc": "not every containing step was proven"
        if account.containing
        else "nothing to contain",
        "mttr": "nothing was re-enabled and proven"
        if not restored
        else "not every containing step was proven",
        "open": "it is not closed",
        "decision": "no gate was ended by people or by silence",
    }
    unknown |= {name: reasons[name] for name, value in seconds.items() if value is None}
    shares = {
        "first_try": _share(sum(s.first_try for s in account.containing), len(account.containing)),
        "evidence": _share(len(account.sealed), len(account.sealed) + len(account.missing)),
        "clocks": _share(*account.legal.met()),
    }
    nothing = {"first_try": "nothing to contain", "evidence": "no evidence was asked for"}
    unknown |= {
        n: nothing.get(n, "no clock was filed or missed") for n, v in shares.items() if v is None
    }
    counts = {
        "silent": sum(gate.by_silence for gate in account.gates),
        "unanswered": sum(gate.unanswered for gate in account.gates),
        "glass": sum("until" in e.data for e in account.of(Kind.DECISION)),
        "lost": len(account.losses),
    }
    return Metrics(
        account.incident, account.playbook, account.drill, opened, seconds, shares, counts, unknown
    )


def _since(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Summary:
    """One measure over many incidents; ``unknown`` are those of which it is not known.

    ``p90`` is what nine of ten keep to: at most so long, or at least such a share.
    """

    name: str
    n: int
    unknown: int
    median: float | None
    p90: float | None


def summarised(many: Sequence[Metrics]) -> list[Summary]:
    """Return each measure of time and each share over *many* incidents."""
    found: list[Summary] = []
    for name in (*DEFINITIONS, *SHARES):
        values = [m.seconds[name] if name in DEFINITIONS else m.shares[name] for m in many]
        known = sorted(value for value in values if value is not None)
        found.append(
            Summary(
                name,
                len(known),
                len(values) - len(known),
                median(known) if known else None,
                _of_nine_in_ten(name, known) if known else None,
            )
        )
    return found


def _of_nine_in_ten(name: str, known: Sequence[float]) -> float:
    """The nearest rank of *known*, sorted: of a share the tenth from below, as more is better."""
    share = 0.1 if name in SHARES else 0.9
    return known[max(math.ceil(share * len(known)) - 1, 0)]


def nine_in_ten(summary: Summary) -> str:
    """Return what nine of ten keep to, for people."""
    if summary.p90 is None:
        return "-"
    return f"{'≥' if summary.name in SHARES else '≤'} {said(summary.name, summary.p90)}"


def said(name: str, value: float | None) -> str:
    """Return a measure for people."""
    if value is None:
        return "unknown"
    return f"{value:.0%}" if name in SHARES else in_short(value)


def prometheus(many: Sequence[Metrics]) -> str:
    """Return metrics over *many* incidents as Prometheus text; drills carry their own label."""
    lines: list[str] = []
    for name in DEFINITIONS:
        title, definition = DEFINITIONS[name]
        family = f"hemostat_incident_{title.replace(' ', '_')}_seconds"
        lines += [f"# HELP {family} {definition}", f"# TYPE {family} summary"]
        for labels, some in _groups(many):
            values = [m.seconds[name] for m in some]
            known = sorted(v for v in values if v is not None)
            if known:
                p90 = known[max(math.ceil(0.9 * len(known)) - 1, 0)]
                lines.append(f'{family}{{{labels},quantile="0.5"}} {median(known):.6g}')
                lines.append(f'{family}{{{labels},quantile="0.9"}} {p90:.6g}')
            lines.append(f"{family}_sum{{{labels}}} {math.fsum(known):.6g}")
            lines.append(f"{family}_count{{{labels}}} {len(known)}")
    for name, (title, definition) in COUNTS.items():
        family = f"hemostat_incident_{title.replace(' ', '_')}"
        lines += [f"# HELP {family} {definition}", f"# TYPE {family} gauge"]
        lines += [
            f"{family}{{{labels}}} {sum(m.counts[name] for m in some)}"
            for labels, some in _groups(many)
        ]
    lines += ["# HELP hemostat_incidents incidents counted here", "# TYPE hemostat_incidents gauge"]
    lines += [f"hemostat_incidents{{{labels}}} {len(some)}" for labels, some in _groups(many)]
    return "\n".join(lines) + "\n"


def _groups(many: Sequence[Metrics]) -> list[tuple[str, list[Metrics]]]:
    groups: dict[str, list[Metrics]] = {}
    for one in many:
        drill = str(one.drill).lower()
        playbook = "".join(c for c in one.playbook if c.isalnum() or c in "-_")
        groups.setdefault(f'playbook="{playbook}",drill="{drill}"', []).append(one)
    return sorted(groups.items())
