"""What the drill of feedback poisoning claims, each checked from outside or read back."""

from hemostat.drill.moments import Moments
from hemostat.drill.poisoning.stage import Stage
from hemostat.drill.range.poisoning.attacker import AttackReport
from hemostat.drill.report import ATTACK_BEGINS, ROLLED_BACK, Report, Sample
from hemostat.drill.verification import looked_at, verify_record, verify_told
from hemostat.incidents import list_incidents
from schemas.incident import IncidentResult, Resolution
from schemas.journal import Entry, Kind

RISE = 1.4
"""The attack counts as a success at 40 % more negative answers than before."""


def verify_attack(report: Report, attack: AttackReport) -> None:
    """The control: without a response the attack succeeds, visibly and lastingly."""
    before, after = report.numbers["before"], report.numbers["after"]
    report.claim("poisoned feedback was accepted", attack.accepted > 0, attack.accepted)
    report.claim("nothing refused it", attack.refused == 0, attack.refused)
    report.claim(
        "negative answers rose by more than 40 %",
        after.negative_share > RISE * before.negative_share,
        f"{before.negative_share:.1%} → {after.negative_share:.1%}",
    )
    report.claim(
        "the probe set went wrong",
        after.accuracy < before.accuracy - 0.1,
        f"{before.accuracy:.1%} → {after.accuracy:.1%}",
    )


async def verify_response(
    report: Report,
    stage: Stage,
    result: IncidentResult | None,
    entries: list[Entry],
    untouched: object,
) -> None:
    """Everything that a response claims."""
    _verify_harm_and_recovery(report, stage)
    _verify_steps(report, result, entries)
    await _verify_outside(report, stage, untouched)
    await verify_record(report, stage, result, entries)


def _verify_harm_and_recovery(report: Report, stage: Stage) -> None:
    before, during, after = (report.numbers[name] for name in ("before", "during", "after"))
    worst = max((s.negative_share or 0 for s in report.samples), default=0.0)
    worst = max(worst, during.negative_share)
    report.claim(
        "the attack did harm first",
        worst > RISE * before.negative_share,
        f"negative answers {before.negative_share:.1%} → {worst:.1%}",
    )
    report.claim(
        "negative answers are back within 10 %",
        abs(after.negative_share - before.negative_share) <= 0.1 * before.negative_share,
        f"{before.negative_share:.1%} → {after.negative_share:.1%}",
    )
    report.claim(
        "the probe set is right again",
        after.accuracy >= before.accuracy - 0.015,
        f"{before.accuracy:.1%} → {after.accuracy:.1%}",
    )
    report.claim(
        "both routes answer again",
        after.predict_status == 200 and after.feedback_status == 201,
        f"{after.predict_status} and {after.feedback_status}",
    )
    poisoned = {version for sample in during_attack(report) for version in sample.versions}
    poisoned.discard(stage.range.known_good)
    report.claim(
        "no poisoned version answers any more, the previous one included",
        bool(poisoned) and not poisoned & set(after.versions),
        f"poisoned {', '.join(sorted(poisoned))}; now {', '.join(after.versions)}",
    )


def _verify_steps(report: Report, result: IncidentResult | None, entries: list[Entry]) -> None:
    proven = {e.step for e in entries if e.kind is Kind.PROOF and e.says.endswith(": proven")}
    for step in ("isolate-the-feedback-endpoint", "roll-the-model-back"):
        how = looked_at(entries, step)
        report.claim(f"{step.replace('-', ' ')}: proven", step in proven, how)
    resolved = result is not None and result.resolution is Resolution.RESOLVED
    report.claim("the incident is closed as resolved", resolved, result and result.resolution)


def during_attack(report: Report) -> list[Sample]:
    """The looks between the attack's beginning and the rollback."""
    times = {moment.what: moment.at for moment in report.moments}
    began = times[ATTACK_BEGINS]
    ended = times.get(ROLLED_BACK, report.samples[-1].at)
    return [sample for sample in report.samples if began <= sample.at < ended]


async def _verify_outside(report: Report, stage: Stage, untouched: object) -> None:
    rows = await list_incidents(stage.client)
    report.claim("one harm, one incident", len(rows) == 1, f"{len(rows)} incident")
    now = await stage.edge_configuration()
    report.claim("the gateway's configuration is exactly as before", now == untouched, "read back")
    pager = await stage.pagerduty.state()
    mine = [a for a in pager["alerts"] if a["dedup_key"] == report.incident]
    states = [alert["status"] for alert in mine]
    report.claim("one page for the incident, resolved", states == ["resolved"], states)
    tickets = (await stage.servicenow.state())["tickets"]
    report.claim("one ticket for the root cause", len(tickets) == 1, f"{len(tickets)} ticket")
    await verify_told(report, stage)


class PoisoningMoments(Moments):
    """When the record says that its steps happened."""

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__(entries)
        self.isolated = self.when(Kind.EFFECT, "isolate-the-feedback-endpoint", "isolate_endpoint")
        self.isolation_proven = self.proven("isolate-the-feedback-endpoint")
        self.rolled_back = self.when(Kind.EFFECT, "roll-the-model-back", "move_alias")
        self.rollback_proven = self.proven("roll-the-model-back")
        self.reopened = self.when(Kind.EFFECT, "re-enable-the-feedback", "restore_endpoint")
