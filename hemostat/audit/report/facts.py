"""The sections that are generated from the record; people appear as roles."""

from datetime import datetime
from typing import Final

from hemostat.audit.account.account import Account, in_short
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.account.record import at
from hemostat.audit.account.steps import StepTold
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
    lines = [
        (
            f"{account.title} on {account.service}: opened {at_second(account.opened_at)} UTC by an "
            f"alert from {source}, {account.severity}."
        )
    ]
    contained = account.contained
    if not account.containing:
        lines.append("Nothing was contained.")
    elif contained:
        took = in_short(contained - account.opened_at)
        lines.append(
            f"Containment of {len(account.containing)} steps was proven {took} after the opening."
        )
    else:
        states = ", ".join(f"{s.title}: {s.state}" for s in account.containing)
        lines.append(f"Containment is not proven as a whole ({states}).")
    decided = [e for e in account.of(Kind.DECISION) if "choice" in e.data]
    roles = sorted({str(e.data.get("role")) for e in decided})
    by = f" by {', '.join(roles)}" if roles else ""
    silent = sum(gate.by_silence for gate in account.gates)
    lines.append(
        f"{len(decided)} decisions were made{by}; {silent} questions proceeded by silence."
    )
    if account.closed:
        took = in_short(account.ended_at - account.opened_at)
        lines.append(f"It was closed as {account.resolution} after {took}.")
    else:
        lines.append("It is not closed.")
    missing = [e.says.removeprefix("Evidence is missing: ") for e in account.missing]
    tail = f"; missing: {', '.join(dict.fromkeys(missing))}" if missing else ", none missing"
    lines.append(f"{len(account.sealed)} items of evidence were sealed{tail}.")
    return lines


def picture(account: Account, most: int) -> Section:
    """The timeline as a picture of at most *most* bars; says how many are not drawn."""
    drawn, more = timeline(account, most)
    note = f"{more} later steps and questions are not drawn." if more else ""
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
    return Section("What happened", table=table)


def _weight(account: Account, entry: Entry) -> int | None:
    """How much an entry matters in a short timeline, 0 most; None: it does not belong there."""
    always = {Kind.OPENED: 0, Kind.CLOSED: 0, Kind.UNDO: 3, Kind.PHASE: 5, Kind.RULE: 6}
    if entry.kind in always:
        return always[entry.kind]
    if entry is account.first_alert or ("severity" in entry.data and "before" in entry.data):
        return 1
    if entry.kind is Kind.PROOF:
        return 1 if "verdict" in entry.data and _contains(account, entry) else None
    if entry.kind is Kind.DECISION:
        return _weight_of_decision(entry)
    if entry.kind is Kind.STEP:
        begins = "class" in entry.data and entry.data["class"] != "observe"
        return 7 if begins else None
    if entry.kind is Kind.FINDING:
        return 1 if "not proven any more" in entry.says else None
    if entry.kind is Kind.ALERT:
        return 8
    return 3 if entry.kind is Kind.CLOCK and "what" in entry.data else None


def _weight_of_decision(entry: Entry) -> int | None:
    if "excluded" in entry.says:
        return None  # who takes no part is for the restricted file alone
    return 2 if "choice" not in entry.data or entry.data["choice"] == "reject" else 4


def _contains(account: Account, entry: Entry) -> bool:
    return any(step.id == entry.step for step in account.containing)


def _told(entry: Entry) -> str:
    """An entry's sentence, without any person and without a reason that somebody gave."""
    if "severity" in entry.data and "before" in entry.data:
        return f"Severity {entry.data['before']} to {entry.data['severity']}"
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
    entry = f"assessed in entry {account.assessed.seq}" if account.assessed else "never assessed"
    return Section(
        "Impact",
        lead=f"The impact vector, {entry}.",
        table=Table(("on", "value"), tuple(rows), (20, 80)),
    )


def containment(account: Account, *, looks: bool = True) -> Section:
    """How effective the containment was: what was commanded, and (*looks*) how it was shown."""
    if not account.containing:
        return Section("Effectiveness of containment", lead="Nothing was contained.")
    rows = tuple(_step_row(step, account) for step in account.containing)
    heads = ("step", "commanded", "proven", "took", "tries", "looks failed", "ended")
    shown = tuple(
        f"{step.title}: {', '.join(str(o.get('check')) for o in step.looks[-1].observations)}"
        for step in account.containing
        if looks and step.looks
    )
    return Section(
        "Effectiveness of containment",
        lead="A step counts as contained only when it was shown by another path than the act.",
        table=Table(heads, rows, (30, 13, 13, 11, 8, 11, 12), (4, 5)),
        bullets=shown,
    )


def _step_row(step: StepTold, account: Account) -> tuple[str, ...]:
    def after(moment: datetime | None) -> str:
        return "+" + in_short(moment - account.opened_at) if moment else "-"

    return (
        step.title,
        after(step.commanded_at) if step.commanded_at else "by hand",
        after(step.proven.at if step.proven else None),
        in_short(step.proof_took) if step.proof_took else "-",
        str(step.attempts),
        str(step.disproven_looks),
        step.state,
    )


def approvals(account: Account) -> Section:
    """Who was asked, who answered in which role, and how long it took."""
    gates = [gate for gate in account.gates if not gate.stands_open and gate.latency is not None]
    if not gates:
        return Section("Decisions by people", lead="No question was settled by people or silence.")
    rows = tuple(_gate_row(gate) for gate in gates)
    return Section(
        "Decisions by people",
        table=Table(("question", "decided by", "outcome", "took"), rows, (47, 24, 17, 12)),
    )


def _gate_row(gate: GateTold) -> tuple[str, ...]:
    roles = [str(d.data.get("role", "break-glass")) for d in gate.decisions if "choice" in d.data]
    escalated = sum(e.data.get("event") == "escalated" for e in gate.events)
    more = f" (escalated {escalated} times)" if escalated else ""
    outcome = "silence let it proceed" if gate.by_silence else str(gate.outcome)
    who = ", ".join(dict.fromkeys(roles)) or "nobody"
    return (clean(gate.asks, 130), who, outcome + more, in_short(gate.latency))


def regulatory(account: Account) -> Section:
    """The regulatory position: by regime, who decided, what is due, what was filed."""
    legal = account.legal
    told = tuple(
        f"{clean(e.says, 160)} (entry {e.seq})"
        for e in account.record.entries
        if e.says.startswith("Determination ") or (e.kind is Kind.EVIDENCE and "receipt" in e.data)
    )
    if legal.pinned is None:
        lead = (
            "The service declares no legal regime, so no clock was kept. This is no legal advice."
        )
        return Section("Regulatory position", lead=lead, bullets=told)
    rows = []
    for clock in legal.decided or list(legal.clocks.values()):
        margin = clock.margin_seconds
        late = margin is not None and margin < 0
        spare = (
            f" ({in_short(abs(margin))} {'late' if late else 'to spare'})"
            if margin is not None
            else ""
        )
        rows.append(
            (
                clock.id,
                clock.stands or "scope not declared",
                clock.decided_by or "nobody yet",
                clock.due[:16].replace("T", " ")
                if clock.due
                else "-"
                if settled(clock)
                else "not known",
                f"{clock.filed_at[:16].replace('T', ' ')}{spare}" if clock.filed_at else "-",
            )
        )
    data = legal.pinned.data
    lead = (
        f"Clocks of catalogue version {data.get('version')}, in the strict reading. Whether one "
        "applies is counsel's to decide. This is no legal advice."
    )
    table = Table(
        ("clock", "state", "decided by", "due (UTC)", "filed"), tuple(rows), (27, 19, 17, 17, 20)
    )
    return Section("Regulatory position", lead=lead, table=table, bullets=told)


def settled(clock: ClockTold) -> bool:
    """Whether nothing falls due: it was released, or does not apply."""
    return clock.released or clock.state == "not-applicable"


def evidence(account: Account) -> Section:
    """What was sealed, and what could not be had."""
    rows = tuple(
        (
            clean(e.data.get("name") or e.says, 60),
            clean(e.data.get("source") or "-", 40),
            str(e.data.get("digest"))[7:23],
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


def deviations(account: Account) -> Section:
    """Where it went otherwise than the playbook's plain course."""
    found: list[str] = []
    for step in account.steps.values():
        if step.attempts > 1 and step.step_class == "contain":
            found.append(f"{step.title} took {step.attempts} attempts.")
        if step.given_up:
            found.append(f"{clean(step.given_up.says)}.")
        if step.attested:
            found.append(f"{step.title} was done outside, as attested, and proven like any other.")
        found += [f"{clean(e.says)}." for e in step.lapsed]
    found += [
        f"{clean(e.says)}." for e in account.of(Kind.DECISION) if "glass was broken" in e.says
    ]
    refused = len(account.of(Kind.REFUSED))
    if refused:
        found.append(f"{refused} things that were said changed nothing and are recorded with why.")
    lead = "" if found else "None is recorded."
    return Section(
        "What went otherwise than planned", lead=lead, bullets=tuple(dict.fromkeys(found))
    )


def provenance(account: Account) -> str:
    """Say which record a report was made from."""
    return (
        f"{account.record.source}, {len(account.record.entries)} entries to {iso(account.ended_at)}"
    )
