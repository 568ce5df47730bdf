"""What whoever reads only the first page wants to know, answered before anything is told.

Did it work, how long did it take, who decided, was the clock met, what is not known: each from the
record, and "not shown" where no entry shows it.
"""

from collections import Counter
from datetime import timedelta
from typing import Final

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.account.record import at
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.report.document import Answered, Fact
from hemostat.audit.report.facts import IMPACT
from hemostat.audit.report.metrics import Metrics, said
from hemostat.terminal import clean
from schemas.base import iso
from schemas.journal import Kind

_MOST_NAMED: Final = 8
_TOLD: Final = ("filed", "filed-late", "overdue", "running")
_NOT: Final = "not-applicable"


def headline(account: Account, metrics: Metrics) -> tuple[Fact, ...]:
    """Return the figures at the head of a report."""
    proven = metrics.seconds["ttc"]
    contained = "nothing to contain" if not account.containing else "not shown"
    again = f"; lost {counted(len(account.losses), 'time')}" if account.losses else ""
    met, due = account.legal.met()
    told = any(clock.sent_later for clock in account.legal.clocks.values())
    none = "none filed or overdue" if account.legal.pinned else "no clock kept"
    clocks = f"{met} of {due}{', as told' if told else ''}" if due else none
    cut = "cut off" if account.record.ending else "still open"
    ended = (account.resolution or cut).replace("-", " ")
    open_for = metrics.seconds["open"]
    return (
        Fact("severity", account.severity, "bad" if account.severity in ("SEV-1", "SEV-2") else ""),
        Fact(
            "contained, proven after",
            contained if proven is None else said("ttc", proven) + again,
            "warn" if account.containing and (proven is None or again) else "",
        ),
        Fact("decisions at gates", str(len(account.decisions))),
        Fact("legal clocks met", clocks, "bad" if met < due else "warn" if told else ""),
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
    harm = account.first_harm
    began = (
        f", {in_short(account.opened_at - harm)} after the first harm that is shown" if harm else ""
    )
    again = (
        f" It fired again {counted(len(account.rounds), 'time')}, and each time the response began anew."
        if account.rounds
        else ""
    )
    if account.closed is None:
        how = (
            f"It was never closed: {account.record.ending}"
            if account.record.ending
            else "It is not closed"
        )
        return f"{opened}{began}.{again} {how}."
    took = in_short(account.ended_at - account.opened_at)
    ended = "a false alarm" if account.false_alarm else (account.resolution or "").replace("-", " ")
    return f"{opened}{began}.{again} It was closed as {ended} after {took}."


def _worked(account: Account) -> str:
    steps = account.containing
    if not steps:
        return "Nothing was contained."
    if account.contained is None:
        states = "; ".join(f"{step.name}: {step.state}" for step in steps if step.state != "proven")
        return f"It is not shown as a whole. {states}.{_lost(account)}"
    first = [step for step in steps if step.round == 1]
    took = in_short(account.contained - account.opened_at)
    which = {1: "The containing step", 2: "Both containing steps"}.get(
        len(first), f"All {len(first)} containing steps"
    )
    which += " of the first round" if account.rounds else ""
    soonest = min(step.first_proven.at for step in first if step.first_proven)
    begun = (
        f", the first {in_short(soonest - account.opened_at)} after it" if len(first) > 1 else ""
    )
    again = sum(not step.first_try for step in steps)
    tries = f"; {again} of them not at the first try" if again else ""
    yes = (
        "It was contained, then judged a false alarm and taken back."
        if account.false_alarm
        else "Yes."
    )
    return (
        f"{yes} {which} held {took} after the opening{begun}, shown by another path than the "
        f"act{tries}.{_lost(account)}"
    )


def _lost(account: Account) -> str:
    """Each containment that was lost after it was proven, and whether it was proven again."""
    told = []
    for step, loss in account.losses:
        lost = loss.held_at or at(loss.entry)
        if loss.again is None:
            told.append(f"{step.name} was lost after it was proven, and not proven again")
        else:
            told.append(
                f"{step.name} was lost after it was proven, and proven again "
                f"{in_short(loss.again.at - lost)} after it was last seen to hold"
            )
    return f" But {'; '.join(told)}." if told else ""


def _decided(account: Account) -> str:
    roles = Counter(map(role_of, account.decisions))
    by = ", ".join(f"{role} {times}" for role, times in roles.most_common())
    parts = [
        f"{counted(roles.total(), 'decision')} at gates: {by}." if by else "No person decided."
    ]
    if account.determinations:
        by = ", ".join(sorted({role_of(entry) for entry in account.determinations}))
        told = counted(len(account.determinations), "determination")
        parts.append(f"{told} on legal clocks by {by}.")
    parts.append(_silence(account))
    beforehand = sum(gate.pre_authorised is not None for gate in account.gates)
    if beforehand:
        parts.append(
            f"{counted(beforehand, 'question')} went by what people had agreed beforehand."
        )
    never = [gate for gate in account.gates if gate.unanswered]
    if never:
        asked = ", ".join(dict.fromkeys(gate.id for gate in never))
        parts.append(
            f"{counted(len(never), 'question was', 'questions were')} never answered ({asked})."
        )
    glass = sum("until" in e.data for e in account.of(Kind.DECISION))
    if glass:
        times = counted(glass, "time")
        parts.append(f"The glass was broken {times}: one person could decide alone.")
    return " ".join(parts)


def _silence(account: Account) -> str:
    silent = sum(gate.by_silence for gate in account.gates)
    if not silent:
        return "Silence decided nothing."
    return f"{counted(silent, 'question')} proceeded because nobody answered."


def _clocks(account: Account) -> str:
    if account.legal.pinned is None:
        return "The service declares no legal regime, so no clock was kept."
    told = [_clock(clock) for clock in account.legal.clocks.values() if clock.state in _TOLD]
    open_ = [c.id for c in account.legal.clocks.values() if c.state not in (*_TOLD, _NOT)]
    told += [
        f"the record shows the text for {clock.id} sent {in_short(clock.sent_later)} after that, "
        f"{_before_due(clock)}"
        for clock in account.legal.clocks.values()
        if clock.sent_later is not None
    ]
    none = sum(clock.state == _NOT for clock in account.legal.clocks.values())
    if none:
        told.append(f"{none} do not apply" if none > 1 else "one does not apply")
    if open_:
        told.append(f"not determined: {_named(open_)}")
    whole = "; ".join(told) or "no clock was determined"
    return f"{whole[:1].upper()}{whole[1:]}." if whole.startswith(("one ", "no")) else f"{whole}."


def _before_due(clock: ClockTold) -> str:
    margin = clock.sent_margin
    if margin is None:
        return "its due time not known"
    return f"{in_short(abs(margin))} {'before' if margin >= timedelta() else 'AFTER'} it was due"


def _clock(clock: ClockTold) -> str:
    if clock.released:
        return f"{clock.id} was released"
    due = f"{clock.due[:16].replace('T', ' ')} UTC" if clock.due else "a time that is not known"
    margin = clock.margin_seconds
    if clock.filed is not None and margin is not None:
        when = f"{in_short(abs(margin))} {'before' if margin >= 0 else 'after'} it was due"
        return f"{clock.id} was filed {when}, as {clock.decided_by} told"
    if clock.state in ("filed", "filed-late"):
        return f"{clock.id} was {clock.state.replace('-', ' ')}, due {due}"
    return f"{clock.id} is {clock.state}, due {due}"


def _unknown(account: Account) -> str:
    said_ = []
    missing = [e.says.removeprefix("Evidence is missing: ") for e in account.missing]
    sealed = len(account.sealed)
    if missing:
        were = counted(sealed, "item was", "items were")
        said_.append(f"evidence that could not be sealed: {_named(missing)} ({were})")
    vague = [name for name in IMPACT if not isinstance(account.impact.get(name), str | int | float)]
    if account.assessed is None:
        said_.append("the impact, which nobody assessed")
    elif vague:
        said_.append(f"the impact on {_named(vague)}")
    broken = account.record.chain_breaks()
    if broken:
        said_.insert(
            0, f"whether any of this is so, because the record's chain is broken ({broken})"
        )
    if not said_:
        return f"Nothing that was asked for: {counted(sealed, 'item')} of evidence sealed, none missing."
    whole = "; ".join(said_)
    return f"{whole[:1].upper()}{whole[1:]}."


def _named(names: list[str]) -> str:
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more
