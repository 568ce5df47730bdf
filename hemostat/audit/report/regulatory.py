"""The regulatory position: by clock, who decided, from which moment, what is due, what was filed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from hemostat.audit.account.account import Account
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.account.words import in_short
from hemostat.audit.report.clock_names import names_of
from hemostat.audit.report.document import Section, Table
from hemostat.terminal import clean
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
    names = names_of(data.get("catalogue"))
    said = tuple(line for clock in clocks for line in _said(clock, names.get(clock.id)))
    return Section("Regulatory position", lead=lead, table=table, bullets=(*said, *told))


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


def _said(clock: ClockTold, name: str | None) -> list[str]:
    """What it is and each ruling; and where the record does not bear out a time of filing."""
    named = f"{clock.id} ({name})" if name else clock.id
    found = [f"{named}: {_rulings(clock.determinations)}."]
    found += [f"{clean(e.says, 160)}, {_minute(e.at)} UTC (entry {e.seq})." for e in clock.blocked]
    if clock.sent_later is not None:
        found.append(
            f"{clock.id}: the record shows its text sent {_minute(clock.sent[0].at)} UTC, "
            f"{in_short(clock.sent_later)} after the time of filing that was told "
            f"(entry {clock.sent[0].seq})."
        )
    return found


def _rulings(said: Sequence[Entry]) -> str:
    """Each determination, without its reason; the role where it is another than before."""
    told, before = list[str](), ""
    for entry in said:
        role = str(entry.data.get("role"))
        who = "" if role == before else f"{role} "
        told.append(f"{who}{_ruled(entry)} (entry {entry.seq})")
        before = role
    return "; ".join(told) or "nobody determined anything of it"


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
