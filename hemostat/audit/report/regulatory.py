"""The regulatory position: by clock, who decided, from which moment, what is due, what was filed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.account.words import in_short
from hemostat.audit.report.document import Section, Table
from hemostat.terminal import clean
from schemas.clocks.catalogue import catalogue
from schemas.clocks.definition import ClockDefinition, Period, Unit
from schemas.journal import Entry


def regulatory(account: Account) -> Section:
    """Return the section; whether a clock applies is counsel's to decide, and is said so."""
    legal = account.legal
    told = tuple(f"{_sent(e)} (entry {e.seq})." for e in account.sent)
    if legal.pinned is None:
        lead = (
            "The service declares no legal regime, so no clock was kept. This is no legal advice."
        )
        return Section("Regulatory position", lead=lead, bullets=told)
    clocks = legal.decided or list(legal.clocks.values())
    data = legal.pinned.data
    lead = (
        f"Clocks of catalogue version {data.get('version')}, in the strict reading. Whether one "
        "applies is counsel's to decide. This is no legal advice."
    )
    heads = ("clock", "state", "decided by", "runs from (UTC)", "due (UTC)", "filed, as told (UTC)")
    rows = tuple(map(_row, clocks))
    table = Table(heads, rows, (17, 15, 12, 16, 16, 24))
    known = _known(data.get("catalogue"))
    named = tuple(_is(known[clock.id]) for clock in clocks if clock.id in known)
    said = tuple(line for clock in clocks for line in _said(clock))
    return Section("Regulatory position", lead=lead, table=table, bullets=(*named, *said, *told))


def _known(edition: object) -> Mapping[str, ClockDefinition]:
    """The clocks of the pinned edition, by their ids; none where this version carries another."""
    ours = catalogue()
    return {clock.id: clock for clock in ours.clocks} if ours.digest == edition else {}


def _is(clock: ClockDefinition) -> str:
    """What a clock's id stands for: the rule, what triggers it, how long it leaves, and to whom."""
    to = (clock.to,) if isinstance(clock.to, str) else clock.to
    parts = [
        f"{_rule(clock)}{f', {clock.trigger}' if clock.trigger else ''}",
        _leaves(clock),
        f"to {' and '.join(to).replace('_', ' ')}" if any(to) else "",
    ]
    return f"{clock.id} is {'; '.join(part for part in parts if part)}."


def _rule(clock: ClockDefinition) -> str:
    """The article with its instrument, which the catalogue names at the first of a family alone."""
    if not clock.instrument.startswith(_ARTICLE):
        return clock.instrument
    family = clock.id.partition("-")[0]
    first = next(c for c in catalogue().clocks if c.id.partition("-")[0] == family)
    instrument, found, _ = first.instrument.partition(f" {_ARTICLE}")
    return f"{instrument} {clock.instrument}" if found else clock.instrument


_ARTICLE: Final = "Art "


def _leaves(clock: ClockDefinition) -> str:
    if clock.kind == "hold":
        return f"{clock.rule or 'a hold'} (a hold, no deadline)"
    if isinstance(clock.period, Period) and clock.period.n:
        return f"within {clock.period.n} {_UNITS[clock.period.unit]}"
    return clock.label


_UNITS: Final = {
    Unit.HOURS: "hours",
    Unit.DAYS: "calendar days",
    Unit.BUSINESS_DAYS: "business days",
    Unit.MONTHS: "month(s)",
    Unit.YEARS: "year(s)",
}


def _row(clock: ClockTold) -> tuple[str, ...]:
    from_ = clock.awareness.data.get("value") if clock.awareness else None
    due = "-" if clock.settled else _minute(clock.due) if clock.due else "not known"
    return (
        clock.id,
        clock.stands or "scope not declared",
        clock.decided_by or "nobody yet",
        _minute(from_) if isinstance(from_, str) else "-" if clock.settled else "not selected",
        due,
        _minute(clock.filed_at) + _spare(clock) if clock.filed_at else "-",
    )


def _spare(clock: ClockTold) -> str:
    margin = clock.margin_seconds
    if margin is None:
        return ""
    return f" ({in_short(abs(margin))} {'late' if margin < 0 else 'to spare'})"


def _said(clock: ClockTold) -> list[str]:
    """Each ruling, without its reason; and where the record does not bear out a time of filing."""
    found = [
        f"{clock.id}: {e.data.get('role')} {_ruled(e)} (entry {e.seq})."
        for e in clock.determinations
    ]
    found += [f"{clean(e.says, 160)}, {_minute(e.at)} UTC (entry {e.seq})." for e in clock.blocked]
    if clock.sent_later is not None:
        found.append(
            f"{clock.id}: the record shows its text sent {_minute(clock.sent[0].at)} UTC, "
            f"{in_short(clock.sent_later)} after the time of filing that was told "
            f"(entry {clock.sent[0].seq})."
        )
    return found


def _ruled(said: Entry) -> str:
    """What was determined, as a person would say it."""
    what, value = str(said.data.get("what")), clean(said.data.get("value"), 60)
    when = f"{_minute(value)} UTC"
    reference = said.data.get("reference")
    with_ = f", reference {clean(reference, 80)}" if reference else ""
    told = {
        "applicability": "ruled that it applies" if value == "applies" else "ruled it out",
        "awareness": f"selected {when} as the moment from which it runs",
        "anchor": f"decided that it runs from {when}",
        "candidate": f"named {when} as a moment of awareness",
        "filed": f"told that it was filed at {when}",
        "hold-released": f"released it ({value.replace('-', ' ')})",
        "tolled": f"told that it was {value}",
        "period": f"set its period to {value}",
    }
    return told.get(what, f"determined {clean(what, 40)} as {value}") + with_


def _sent(entry: Entry) -> str:
    beforehand = ", as agreed beforehand" if "pre_authorisation" in entry.data else ""
    audience = entry.data.get("audience")
    to = f" to {clean(audience, 60)}" if audience else ""
    return f"{clean(entry.says, 160)}{to}, {_minute(entry.at)} UTC{beforehand}"


def _minute(moment: str) -> str:
    """A moment in UTC, to the minute; people tell theirs with any offset."""
    try:
        at = datetime.fromisoformat(moment).astimezone(UTC)
    except (ValueError, OverflowError):
        return clean(moment, 40)
    return f"{at:%Y-%m-%d %H:%M}"
