"""The board's report: what happened in five lines, where it stands, what is asked of the board."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hemostat.audit.account.account import Account
from hemostat.audit.account.legal import UNDETERMINED
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.account.steps import StepTold
from hemostat.audit.account.words import counted
from hemostat.audit.report import added, facts, response
from hemostat.audit.report.annotations import About, Annotation
from hemostat.audit.report.answers import answers, headline
from hemostat.audit.report.document import Report, Section, Table
from hemostat.audit.report.metrics import (
    DEFINITIONS,
    SHARES,
    Metrics,
    metrics_of,
    nine_in_ten,
    said,
    summarised,
)
from hemostat.audit.report.regulatory import regulatory
from schemas.base import iso


def board(
    account: Account, annotations: Sequence[Annotation], others: Sequence[Metrics] = ()
) -> Report:
    """Return the board's report; *others* are the metrics of earlier incidents, to compare with."""
    metrics = metrics_of(account)
    sections = (
        added.told(annotations, About.SUMMARY, "In the words of the commander"),
        _exposure(account),
        added.told(annotations, About.EXPOSURE, "Exposure now, as judged"),
        regulatory(account),
        facts.impact(account),
        added.told(annotations, About.IMPACT, "Who and what was harmed"),
        facts.picture(account, 30),
        facts.points(account, 10),
        response.approvals(account),
        response.containment(account, looks=False),
        response.deviations(account),
        added.told(annotations, About.COST, "Cost and liability", "Not estimated: unknown."),
        _compared(metrics, others),
        added.actions(annotations),
        added.told(annotations, About.RISK, "Residual risk"),
        added.told(annotations, About.ASK, "What is asked of the board", "Nothing is asked."),
        added.told(annotations, About.DRILL, "Next drill", "None is set."),
    )
    report = Report(
        kind="Report to the board",
        title=account.title,
        subtitle=f"Incident {account.incident} of the service {account.service}",
        exercise=account.drill,
        facts=headline(account, metrics),
        sections=added.apart(sections),
        head=account.record.head,
        made_from=facts.provenance(account),
        made_at=iso(datetime.now(UTC)),
        answers=answers(account),
    )
    return report.scrubbed(Scrubber(account).text)


def _exposure(account: Account) -> Section:
    """What still stands at the end of the record."""
    restored = [s for s in account.steps.values() if s.step_class == "restore"]
    lifted = any(step.state == "proven" for step in restored)
    before = "Contained, before what is re-enabled beneath" if lifted else "Contained"
    said_ = [*_by_state(before, account.containing), *_by_state("Re-enabled", restored)]
    said_ += [f"Asked and never answered: {g.asks}" for g in account.gates if g.unanswered]
    if account.closed is None:
        said_.append(f"Not closed{f': {account.record.ending}' if account.record.ending else ''}.")
    open_ = [c for c in account.legal.clocks.values() if c.state in ("running", "overdue")]
    said_ += [f"Legal clock {clock.id}: {clock.state}, due {clock.due}." for clock in open_]
    vague = [c for c in account.legal.clocks.values() if c.state in UNDETERMINED]
    said_ += [
        f"Legal clock {clock.id}: nobody determined it"
        f"{f'; if it applies, due {clock.due}' if clock.due else ''}."
        for clock in vague
    ]
    return Section(
        "Where it stands",
        lead="" if said_ else "Nothing was contained or re-enabled.",
        bullets=tuple(said_),
    )


def _by_state(what: str, steps: Sequence[StepTold]) -> list[str]:
    states = dict.fromkeys(step.state for step in steps)
    return [
        f"{what}, {state} ({len(titles)}): {'; '.join(titles)}."
        for state in states
        if (titles := [step.name for step in steps if step.state == state])
    ]


def _compared(metrics: Metrics, others: Sequence[Metrics]) -> Section:
    """This incident beside those of the four quarters before it; drills are left out."""
    since = metrics.opened_at - timedelta(days=365)
    before = [
        m for m in others
        if not m.drill and m.incident != metrics.incident and since <= m.opened_at < metrics.opened_at
    ]  # fmt: skip
    known = {summary.name: summary for summary in summarised(before)} if before else {}
    rows = []
    for name, (title, definition) in {**DEFINITIONS, **SHARES}.items():
        mine = metrics.seconds[name] if name in DEFINITIONS else metrics.shares[name]
        summary = known.get(name)
        rows.append(
            (
                f"{title}: {definition}",
                said(name, mine),
                said(name, summary.median) if summary and summary.n else "-",
                nine_in_ten(summary) if summary else "-",
                str(summary.n) if summary else "0",
            )
        )
    lead = (
        f"Beside {counted(len(before), 'incident')} of the four quarters before it; drills are left out."
        if before
        else "No earlier incident was given to compare with (`--packs FOLDER`)."
    )
    table = Table(
        ("measure", "this incident", "median", "9 of 10", "n"),
        tuple(rows),
        (48, 15, 13, 14, 6),
        (1, 2, 3, 4),
    )
    return Section("Metrics", lead=lead, table=table)
