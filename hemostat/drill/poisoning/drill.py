"""The drill of the feedback-poisoning playbook: a real attack, the real response, both measured.

The people are scripted; everything else is production code against real services. Every claim is
checked against what was seen from outside, or read back from the systems themselves.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hemostat.drill.course import Tell, beside, closed, detected, follow
from hemostat.drill.people import Answer, People, Script
from hemostat.drill.poisoning.observer import Observer
from hemostat.drill.poisoning.stage import Stage
from hemostat.drill.poisoning.verification import PoisoningMoments, verify_attack, verify_response
from hemostat.drill.report import ATTACK_BEGINS, ROLLED_BACK, Numbers, Report
from hemostat.incidents import journal_from
from schemas.journal import Entry

SCENARIO: Final = "feedback-poisoning"
_CONTROL_SECONDS: Final = 30.0
_LAST_LOOKS: Final = 4.0


async def drill(tell: Tell, respond: bool) -> Report:
    """Run the drill and return its report; raises only if the stage itself does not come up."""
    report = Report(SCENARIO, respond)
    began = asyncio.get_running_loop().time()
    tell("drill", "starting MLflow, Caddy, two replicas, a trainer and a shadow model")
    async with Stage(respond=respond) as stage:
        observer = Observer(stage.range, report.samples)
        baseline = await observer.baseline()
        tell(
            "outside",
            f"before: {baseline.negative_share:.0%} negative, "
            f"{baseline.probe_accuracy:.1%} right on the probe set",
        )
        if respond:
            tell("drill", "starting Temporal, a worker, the alert gateway, and the stand-ins")
            await stage.install_hemostat(baseline)
        report.durations["stage ready"] = asyncio.get_running_loop().time() - began
        async with beside(observer.watch()):
            if respond:
                await _attack_and_respond(stage, observer, report, tell)
            else:
                await _attack_only(stage, observer, report, tell)
    report.durations["whole drill"] = asyncio.get_running_loop().time() - began
    return report


async def _attack_only(stage: Stage, observer: Observer, report: Report, tell: Tell) -> None:
    """The control: the same attack with nobody there."""
    attacked = datetime.now(UTC)
    tell("attacker", "posting benign texts labelled negative; nobody will respond")
    await stage.range.start_attack()
    await asyncio.sleep(_CONTROL_SECONDS)
    attack = stage.range.attack_report()
    report.note(datetime.fromisoformat(attack.began_at), ATTACK_BEGINS, "attacker")
    report.numbers["before"] = Numbers.of(observer.between(_EVER, attacked))
    report.numbers["after"] = Numbers.of(observer.samples[-3:])
    verify_attack(report, attack)


_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


async def _attack_and_respond(stage: Stage, observer: Observer, report: Report, tell: Tell) -> None:
    untouched = await stage.edge_configuration()
    await stage.range.start_monitor(
        f"{stage.gateway_url}/alerts/alertmanager", stage.state / "alert-token"
    )
    attacked = datetime.now(UTC)
    tell("attacker", "posting benign texts labelled negative, from many young accounts")
    await stage.range.start_attack()
    incident = report.incident = await detected(stage)
    tell("gateway", f"the alert opened {incident}")
    over: list[bool] = []
    people = People(stage.client, stage.key, incident, _script(lambda: bool(over)))
    async with beside(
        people.answer(),
        follow(stage, incident, tell),
        _give_up(stage, observer, over, tell),
    ):
        result = await closed(stage, incident)
    await asyncio.sleep(_LAST_LOOKS)
    entries = await journal_from(stage.client, incident, 0)
    _tell_of(report, observer, entries, attacked, stage)
    await verify_response(report, stage, result, entries, untouched)


def _script(attack_is_over: Callable[[], bool]) -> Script:
    """Who answers what. Nobody reopens feedback while the attacker still knocks."""
    return {
        "acknowledge": (Answer("ml-on-call", "on it"),),
        "confirm-known-good": (Answer("ml-on-call", "trained before the poison, probes pass"),),
        "rescore-decisions": (
            Answer("service-owner", "customers saw wrong scores"),
            Answer("ml-lead", "the version that scores now is known good"),
        ),
        "retrain-without-poison": (
            Answer("data-owner", "the young accounts' rows are the attack"),
            Answer("ml-lead", "evidence is sealed; no hold applies"),
        ),
        "re-enable-feedback": (
            Answer("commander", "the attack has stopped", ready=attack_is_over),
            Answer("ml-lead", "the loop is clean", ready=attack_is_over),
        ),
        "close-incident": (Answer("commander", "recovered and proven"),),
    }


async def _give_up(stage: Stage, observer: Observer, over: list[bool], tell: Tell) -> None:
    """The attacker gives up some time after being refused; until then nobody reopens."""
    while not any(s.feedback_status >= 400 for s in observer.samples[-20:]):
        await asyncio.sleep(0.5)
    await asyncio.sleep(12)
    await stage.range.stop_attack()
    tell("attacker", f"gives up after {stage.range.attack_report().refused} refusals")
    over.append(True)


def _tell_of(
    report: Report, observer: Observer, entries: list[Entry], attacked: datetime, stage: Stage
) -> None:
    """Put moments and numbers together: from the attacker, from outside, and from the record."""
    attack = stage.range.attack_report()
    report.note(datetime.fromisoformat(attack.began_at), ATTACK_BEGINS, "attacker")
    before = report.numbers["before"] = Numbers.of(observer.between(_EVER, attacked))
    after_attack = [s for s in observer.samples if s.at >= attacked]

    def first(holds: Callable[[float, float], bool], since: datetime) -> datetime | None:
        for s in after_attack:
            known = s.negative_share is not None and s.accuracy is not None
            if known and s.at >= since and holds(s.negative_share or 0, s.accuracy or 0):
                return s.at
        return None

    harmed = first(lambda n, a: n > before.negative_share * 1.4, attacked)
    report.note(harmed, f"harm: negative answers {1.4:.0%} of before", "outside")
    at = PoisoningMoments(entries)
    report.note(at.detected, "detected: an alert opens the incident by itself", "record")
    report.note(at.isolated, "contained: the feedback endpoint is isolated", "record")
    refused = next((s.at for s in after_attack if s.feedback_status >= 400), None)
    report.note(refused, "feedback is refused at the public edge", "outside")
    report.note(at.isolation_proven, "containment PROVEN", "record")
    report.note(at.rolled_back, ROLLED_BACK, "record")
    report.note(at.rollback_proven, "rollback PROVEN on every replica", "record")
    since = at.rolled_back or datetime.now(UTC)
    recovered = first(
        lambda n, a: n < before.negative_share * 1.1 and a > before.accuracy - 0.02, since
    )
    report.note(recovered, "answers are right again", "outside")
    report.note(at.reopened, "feedback reopened, in stages", "record")
    report.note(at.closed, "closed", "record")
    report.numbers["during"] = Numbers.of(observer.between(harmed or attacked, since))
    report.numbers["after"] = Numbers.of(observer.samples[-4:])
    _durations(report, at, attacked)


def _durations(report: Report, at: PoisoningMoments, attacked: datetime) -> None:
    report.took("attack to detection", attacked, at.detected)
    report.took("attack to containment proven", attacked, at.isolation_proven)
    report.took("attack to rollback proven", attacked, at.rollback_proven)
    report.took("detection to containment", at.detected, at.isolated)
    report.took("detection to containment proven", at.detected, at.isolation_proven)
