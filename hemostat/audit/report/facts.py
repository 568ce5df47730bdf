"""The sections that are generated from the record; people appear as roles."""

from datetime import datetime
from typing import Final

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.record import at
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.report.document import Section, Table
from hemostat.audit.report.picture import timeline
from hemostat.terminal import clean
from schemas.base import iso
from schemas.journal import Entry, Kind

IMPACT: Final = ("people", "data", "safety", "money", "rights", "regulator", "reputation")
"""The impact vector; what nobody says of it is unknown."""


def at_second(moment: datetime) -> str:
    """Return a moment for people, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def summary(account: Account) -> list[str]:
    """Return what happened in some sentences, each from the record."""
    alert = account.first_alert
    source = clean(alert.data.get("source"), 60) if alert else "nobody"
    exercise = "EXERCISE, no real incident: " if account.drill else ""
    lines = [
        (
            f"{exercise}{account.title} on {account.service}: opened {at_second(account.opened_at)} UTC by an "
            f"alert from {source}, {account.severity}."
        )
    ]
    contained = account.contained
    if not account.containing:
        lines.append("Nothing was contained.")
    elif contained:
        took = in_short(contained - account.opened_at)
        steps = counted(len([s for s in account.containing if s.round == 1]), "step")
        lines.append(f"Containment of {steps} was proven {took} after the opening.")
    else:
        states = ", ".join(f"{s.name}: {s.state}" for s in account.containing)
        lines.append(f"Containment is not proven as a whole ({states}).")
    if account.losses:
        times = counted(len(account.losses), "time")
        back = (
            "each time proven again"
            if all(loss.again for _, loss in account.losses)
            else "not always proven again"
        )
        lines.append(f"Proven containment was lost {times}, {back}.")
    if account.rounds:
        lines.append(f"It fired again {counted(len(account.rounds), 'time')}.")
    roles = sorted({role_of(e) for e in account.decisions})
    by = f" by {', '.join(roles)}" if roles else ""
    silent = sum(gate.by_silence for gate in account.gates)
    lines.append(
        f"{counted(len(account.decisions), 'decision was', 'decisions were')} made at gates{by}; "
        f"{counted(silent, 'question')} proceeded by silence."
    )
    if account.closed:
        took = in_short(account.ended_at - account.opened_at)
        lines.append(f"It was closed as {account.resolution} after {took}.")
        if account.false_alarm:
            lines.append("People judged that there was no harm; what was contained was taken back.")
    else:
        lines.append(
            f"It is not closed{': ' + account.record.ending if account.record.ending else ''}."
        )
    missing = [e.says.removeprefix("Evidence is missing: ") for e in account.missing]
    tail = f"; missing: {', '.join(dict.fromkeys(missing))}" if missing else ", none missing"
    items = counted(len(account.sealed), "item of evidence was", "items of evidence were")
    lines.append(f"{items} sealed{tail}.")
    return lines


def picture(account: Account, most: int) -> Section:
    """The timeline as a picture of at most *most* bars; says how many are not drawn."""
    drawn, more = timeline(account, most)
    later = counted(more, "later step or question is", "later steps and questions are")
    note = f"{later} not drawn." if more else ""
    return Section("Timeline", picture=drawn, note=note)


def points(account: Account, most: int) -> Section:
    """The timeline as a table of at most *most* points."""
    told = [e for e in account.record.entries if _weight(account, e) is not None]
    heaviest = sorted(told, key=lambda e: (_weight(account, e), e.seq))[:most]
    entries = sorted(heaviest, key=lambda e: e.seq)
    rows = tuple(
        (
            at_second(at(entry)),
            "+" + in_short(at(entry) - account.opened_at),
            _told(entry),
            str(entry.seq),
        )
        for entry in entries
    )
    table = Table(("UTC", "after", "what", "entry"), rows, (17, 12, 61, 8), (3,))
    left = len(told) - len(entries)
    note = (
        f"The weightiest {len(entries)} of {len(told)} moments; the others are in the record: "
        "further approvals, phases and beginnings first."
        if left
        else ""
    )
    return Section("What happened", table=table, note=note)


_ALWAYS: Final = {Kind.OPENED: 0, Kind.CLOSED: 0, Kind.UNDO: 3, Kind.PHASE: 6, Kind.RULE: 7}


def _weight(account: Account, entry: Entry) -> int | None:
    """How much an entry matters in a short timeline, 0 most; None: it does not belong there."""
    if entry is account.first_alert or ("severity" in entry.data and "before" in entry.data):
        return 1
    if entry.kind is Kind.PROOF:
        return _weight_of_verdict(account, entry) if "verdict" in entry.data else None
    if entry.kind is Kind.DECISION:
        return _weight_of_decision(entry)
    if entry.kind is Kind.FINDING:
        weighty = "not proven any more" in entry.says or entry in account.rounds
        return 0 if weighty else 2 if "the guard broke" in entry.says else None
    told = {
        Kind.STEP: 8 if entry.data.get("class", "observe") != "observe" else None,
        Kind.GATE: 1 if entry.data.get("outcome") == "proceeded-by-policy" else None,
        Kind.CLOCK: 3 if "what" in entry.data else None,
        Kind.ALERT: 9,
    }
    return _ALWAYS.get(entry.kind, told.get(entry.kind))


def _weight_of_verdict(account: Account, entry: Entry) -> int | None:
    """The moments when all stood contained and when what was re-enabled was shown come first."""
    step = account.steps.get(entry.step or "")
    if step is None or step.step_class not in ("contain", "destroy", "restore"):
        return None
    if step.step_class == "restore" or at(entry) == account.contained:
        return 1
    return 2 if step.step_class == "contain" else 5


def _weight_of_decision(entry: Entry) -> int | None:
    if "excluded" in entry.says:
        return None  # who takes no part is for the restricted file alone
    if "until" in entry.data or "evidence" in entry.data:
        return 1  # broken glass, and what was done outside
    if "choice" not in entry.data:
        return 3
    return 2 if entry.data["choice"] == "reject" else 4


def _told(entry: Entry) -> str:
    """An entry's sentence, without any person and without a reason that somebody gave."""
    if "severity" in entry.data and "before" in entry.data:
        return f"Severity {entry.data['before']} to {entry.data['severity']}"
    if entry.kind is Kind.GATE and "outcome" in entry.data:
        beforehand = "pre_authorisation" in entry.data
        how = "goes by what was agreed beforehand" if beforehand else "silence lets it proceed"
        return f"Nobody answered at gate {entry.data.get('gate')}: {how}"
    if entry.kind is Kind.ALERT and entry.data.get("title"):
        return f"{entry.says}: “{clean(entry.data['title'], 80)}”"
    return clean(entry.says, 160)


def impact(account: Account) -> Section:
    """The impact vector, unknowns shown."""
    known = account.impact
    rows = []
    for name in IMPACT:
        value = known.get(name)
        if isinstance(value, dict):
            value = f"unknown: {clean(value.get('unknown_because'), 80)}"
        rows.append((name, clean(value, 120) if value is not None else "unknown: not assessed"))
    entry = (
        f"last assessed in entry {account.assessed.seq}" if account.assessed else "never assessed"
    )
    return Section(
        "Impact",
        lead=f"The impact vector, {entry}.",
        table=Table(("on", "value"), tuple(rows), (20, 80)),
    )


def evidence(account: Account) -> Section:
    """What was sealed, and what could not be had."""
    rows = tuple(
        (
            clean(e.data.get("name") or e.says, 60),
            clean(e.data.get("source") or "-", 40),
            str(e.data.get("digest"))[7:23] + "…",
            str(e.seq),
        )
        for e in account.sealed
    )
    missing = tuple(f"{e.says} ({clean(e.data.get('reason'), 80)})" for e in account.missing)
    return Section(
        "Evidence",
        lead="" if rows else "No evidence was sealed.",
        table=Table(("item", "source", "SHA-256", "entry"), rows, (40, 24, 28, 8), (3,))
        if rows
        else None,
        bullets=missing,
    )


def provenance(account: Account) -> str:
    """Say which record a report was made from, and that making it verified nothing but the chain."""
    entries = counted(len(account.record.entries), "entry", "entries")
    chain = "IS BROKEN" if account.record.chain_breaks() else "holds"
    return (
        f"{account.record.source}, {entries} to {iso(account.ended_at)}, whose chain {chain}; seals "
        "and signatures are for `hemostat audit verify`"
    )
