"""The sections on the response: how effective it was, who decided, and what went otherwise."""

from datetime import datetime

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.deviations import deviations_of
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.steps import StepTold
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.report.document import Section, Table
from hemostat.terminal import clean


def containment(account: Account, *, looks: bool = True) -> Section:
    """How effective the containment was: what was commanded, and (*looks*) how it was shown."""
    if not account.containing:
        return Section("Effectiveness of containment", lead="Nothing was contained.")
    rows = tuple(_step_row(step, account) for step in account.containing)
    heads = ("step", "commanded", "first proven", "took", "tries", "looks failed", "lost", "ended")
    shown = tuple(
        f"{step.name}: {'; '.join(str(o.get('check')) for o in step.shown_by.observations)}"
        for step in account.containing
        if looks and step.proven and step.shown_by
    )
    return Section(
        "Effectiveness of containment",
        lead="A step counts as contained only when it was shown by another path than the act. "
        "Times are from the opening; took is from the first answer to the first proof.",
        table=Table(heads, rows, (28, 12, 12, 10, 7, 9, 7, 13), (4, 5, 6)),
        bullets=shown,
    )


def _step_row(step: StepTold, account: Account) -> tuple[str, ...]:
    def after(moment: datetime | None) -> str:
        return "+" + in_short(moment - account.opened_at) if moment else "-"

    return (
        step.name,
        after(step.commanded_at) if step.commanded_at or not step.attested else "by hand",
        after(step.first_proven.at if step.first_proven else None),
        in_short(step.proof_took) if step.proof_took else "-",
        str(step.attempts),
        str(len(step.missed)),
        str(len(step.losses)),
        step.state,
    )


def approvals(account: Account) -> Section:
    """Who was asked, who answered in which role, how long it took, and what nobody answered."""
    gates = [gate for gate in account.gates if not gate.stands_open or gate.said]
    if not gates:
        return Section("Decisions by people", lead="Nobody was asked anything.")
    rows = tuple(_gate_row(gate, account) for gate in gates)
    return Section(
        "Decisions by people",
        lead="Which evidence each saw, and by what right they decided: `hemostat audit explain`.",
        table=Table(
            ("question", "decided by", "outcome", "took", "entry"), rows, (43, 22, 17, 11, 7), (4,)
        ),
    )


def _gate_row(gate: GateTold, account: Account) -> tuple[str, ...]:
    says = {"approve": "", "reject": ": no"}
    roles = [f"{role_of(d)}{says.get(str(d.data['choice']), '')}" for d in gate.said]
    if gate.pre_authorised:
        agreed = [g for g in account.gates if g.id == gate.pre_authorised]
        beforehand = dict.fromkeys(role_of(d) for g in agreed for d in g.said)
        roles.append(f"{', '.join(beforehand)} (beforehand)")
    more = f" (escalated {counted(len(gate.escalated), 'time')})" if gate.escalated else ""
    roles += [e.says.rpartition(": ")[2] for e in gate.taken if not gate.said]
    return (
        clean(gate.asks, 240),
        ", ".join(dict.fromkeys(roles)) or "nobody",
        _outcome(gate) + more,
        in_short(gate.latency) if gate.latency is not None else "-",
        str(gate.entry.seq),
    )


def _outcome(gate: GateTold) -> str:
    if gate.unanswered:
        return "never answered" if gate.ended else "not answered yet"
    if gate.taken and not gate.said:
        return "taken by its page"
    if gate.anew and gate.outcome == "withdrawn":
        return "asked anew"
    if gate.by_silence:
        return "silence let it proceed"
    if gate.pre_authorised:
        return "as agreed beforehand"
    return gate.outcome or "still open"


def deviations(account: Account) -> Section:
    """Where it went otherwise than the playbook's plain course."""
    found = [clean(deviation.says, 400) for deviation in deviations_of(account)]
    lead = "" if found else "None is recorded."
    return Section(
        "What went otherwise than planned", lead=lead, bullets=tuple(dict.fromkeys(found))
    )
