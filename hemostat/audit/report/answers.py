"""What whoever reads only the first page wants to know, answered before anything is told.

Did it work, how long did it take, who decided, was the clock met, what is not known: each from the
record, and "not shown" where no entry shows it.
"""

from collections import Counter
from typing import Final

from hemostat.audit.account.account import Account, in_short
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.report.document import Answered, Fact
from hemostat.audit.report.facts import IMPACT
from hemostat.audit.report.metrics import Metrics, said
from hemostat.terminal import clean
from schemas.base import iso
from schemas.journal import Entry, Kind

_MOST_NAMED: Final = 8
_TOLD: Final = ("filed", "filed-late", "overdue", "running")
_NOT: Final = "not-applicable"


def headline(account: Account, metrics: Metrics) -> tuple[Fact, ...]:
    """Return the figures at the head of a report."""
    proven = metrics.seconds["ttc"]
    contained = "nothing to contain" if not account.containing else "not shown"
    met, due = account.legal.met()
    clocks = f"{met} of {due}" if due else "none fell due"
    ended = (account.resolution or "still open").replace("-", " ")
    open_for = metrics.seconds["open"]
    return (
        Fact("severity", account.severity, "bad" if account.severity in ("SEV-1", "SEV-2") else ""),
        Fact(
            "contained, proven after",
            contained if proven is None else said("ttc", proven),
            "good" if proven is not None else "warn" if account.containing else "",
        ),
        Fact("decisions by people", str(len(_decisions(account)))),
        Fact("legal clocks met", clocks, "bad" if met < due else ""),
        Fact("ended" if open_for is None else f"closed after {said('open', open_for)}", ended),
    )


def answers(account: Account) -> tuple[Answered, ...]:
    """Return the answers, in the order in which they are asked."""
    return (
        Answered("What happened?", _happened(account)),
        Answered("Did it work?", _worked(account)),
        Answered("Who decided?", _decided(account)),
        Answered("Was the clock met?", _clocks(account)),
        Answered("What is not known?", _unknown(account)),
    )


def _happened(account: Account) -> str:
    alert = account.first_alert
    source = clean(alert.data.get("source"), 60) if alert else "nobody"
    opened = f"An alert from {source} opened it {iso(account.opened_at)[:19].replace('T', ' ')} UTC"
    if account.closed is None:
        return f"{opened}. It is not closed."
    took = in_short(account.ended_at - account.opened_at)
    ended = (account.resolution or "").replace("-", " ")
    return f"{opened}. It was closed as {ended} after {took}."


def _worked(account: Account) -> str:
    steps = account.containing
    if not steps:
        return "Nothing was contained."
    if account.contained:
        took = in_short(account.contained - account.opened_at)
        which = {1: "The containing step", 2: "Both containing steps"}.get(
            len(steps), f"All {len(steps)} containing steps"
        )
        again = sum(not step.first_try for step in steps)
        tries = f"; {again} of them not at the first try" if again else ""
        return f"Yes. {which} held {took} after the opening, shown by another path than the act{tries}."
    states = "; ".join(f"{step.title}: {step.state}" for step in steps if step.state != "proven")
    return f"It is not shown as a whole. {states}."


def _decided(account: Account) -> str:
    roles = Counter(str(entry.data.get("role")) for entry in _decisions(account))
    by = ", ".join(f"{role} {times}" for role, times in roles.most_common())
    silent = sum(gate.by_silence for gate in account.gates)
    glass = sum(e.says.startswith("The glass was") for e in account.of(Kind.DECISION))
    parts = [f"{_times(sum(roles.values()), 'decision')}: {by}." if by else "No person decided."]
    parts.append(
        f"{_times(silent, 'question')} proceeded because nobody answered."
        if silent
        else "Silence decided nothing."
    )
    if glass:
        parts.append(f"The glass was broken {_times(glass, 'time')}: one person decided alone.")
    return " ".join(parts)


def _clocks(account: Account) -> str:
    if account.legal.pinned is None:
        return "The service declares no legal regime, so no clock was kept."
    told = [_clock(clock) for clock in account.legal.clocks.values() if clock.state in _TOLD]
    open_ = [c.id for c in account.legal.clocks.values() if c.state not in (*_TOLD, _NOT)]
    none = sum(clock.state == _NOT for clock in account.legal.clocks.values())
    if none:
        told.append(f"{none} do not apply" if none > 1 else "one does not apply")
    if open_:
        told.append(f"not determined: {_named(open_)}")
    return f"{'; '.join(told)}." if told else "No clock was determined."


def _clock(clock: ClockTold) -> str:
    if clock.released:
        return f"{clock.id} was released"
    due = f"{clock.due[:16].replace('T', ' ')} UTC" if clock.due else "a time that is not known"
    margin = clock.margin_seconds
    if clock.filed is not None and margin is not None:
        return f"{clock.id} was filed {in_short(abs(margin))} {'before' if margin >= 0 else 'after'} it was due"
    if clock.state in ("filed", "filed-late"):
        return f"{clock.id} was {clock.state.replace('-', ' ')}, due {due}"
    return f"{clock.id} is {clock.state}, due {due}"


def _unknown(account: Account) -> str:
    said_ = []
    missing = [e.says.removeprefix("Evidence is missing: ") for e in account.missing]
    sealed = len(account.sealed)
    if missing:
        said_.append(f"evidence that could not be sealed: {_named(missing)} ({sealed} items were)")
    vague = [name for name in IMPACT if not isinstance(account.impact.get(name), str | int | float)]
    if account.assessed is None:
        said_.append("the impact, which nobody assessed")
    elif vague:
        said_.append(f"the impact on {_named(vague)}")
    if not said_:
        return f"Nothing that was asked for: all {sealed} items of evidence are sealed."
    whole = "; ".join(said_)
    return f"{whole[:1].upper()}{whole[1:]}."


def _named(names: list[str]) -> str:
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more


def _times(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _decisions(account: Account) -> list[Entry]:
    return [entry for entry in account.of(Kind.DECISION) if "choice" in entry.data]
