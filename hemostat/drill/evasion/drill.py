"""The drill of the adversarial-evasion playbook: a sticker really sought, the real response.

The people are scripted; one is silent and one refuses. Everything else is production code against
real services. Every claim is checked against what was seen from outside, or read back.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hemostat.drill.addresses import Addresses
from hemostat.drill.course import Tell, beside, closed, detected, follow
from hemostat.drill.evasion.configuration import evasion_configuration
from hemostat.drill.evasion.report import SECOND_LOOKS, EvasionDrill
from hemostat.drill.evasion.verification import EvasionMoments, verify_evasion, verify_response
from hemostat.drill.people import Answer, People, Script
from hemostat.drill.range.evasion.range import ModerationRange
from hemostat.drill.range.population import MEMBERS
from hemostat.drill.report import ATTACK_BEGINS
from hemostat.drill.stage import StageOn
from hemostat.incidents import journal_from
from schemas.gate import Choice

SCENARIO: Final = "adversarial-evasion"
_CONTROL_SECONDS: Final = 16.0
_GIVES_UP_AFTER: Final = 5.0

EvasionStage = StageOn[ModerationRange]


async def drill(tell: Tell, respond: bool) -> EvasionDrill:
    """Run the drill and return its report; raises only if the stage itself does not come up."""
    report = EvasionDrill(SCENARIO, respond)
    began = asyncio.get_running_loop().time()
    tell("drill", "training a moderation model; a red team prepares its sealed sets")
    async with EvasionStage(ModerationRange()) as stage:
        look = await stage.ground.look()
        report.looks.append(look)
        before = await stage.ground.admin("/admin/signals")
        report.measured["before"] = {
            "misses among audits": before["fn_rate"],
            "unstable under transforms": before["transform_disagree"],
            "benign served": look.served,
        }
        tell("outside", f"before: people find {before['fn_rate']:.1%} misses in their audits")
        if respond:
            tell("drill", "starting Temporal, a worker, the alert gateway, and the stand-ins")
            await _install(stage, before["fn_rate"], before["transform_disagree"])
        report.durations["stage ready"] = asyncio.get_running_loop().time() - began
        async with beside(_watch(stage, report)):
            if respond:
                await _attack_and_respond(stage, report, tell)
            else:
                await _attack_only(stage, report, tell)
    report.durations["whole drill"] = asyncio.get_running_loop().time() - began
    return report


async def _install(stage: EvasionStage, fn_rate: float, disagreement: float) -> None:
    key = stage.state / "evidence-key"
    key.touch(mode=0o600)
    key.write_bytes(b64encode(secrets.token_bytes(32)))

    (stage.state / "outbox").mkdir()

    def describe(where: Addresses) -> str:
        return evasion_configuration(
            stage.ground, where, fn_rate=fn_rate, disagreement=disagreement
        )

    await stage.install(describe, MEMBERS)


async def _watch(stage: EvasionStage, report: EvasionDrill) -> None:
    """Look from outside every second until cancelled."""
    while True:
        report.looks.append(await stage.ground.look())
        await asyncio.sleep(1.0)


async def _attack_only(stage: EvasionStage, report: EvasionDrill, tell: Tell) -> None:
    """The control: the same attack with nobody there."""
    tell("attacker", "seeking a sticker against the stolen model; nobody will respond")
    await stage.ground.start_attack()
    _tell_of_the_sticker(stage, tell)
    await asyncio.sleep(_CONTROL_SECONDS)
    attack = report.attack = stage.ground.attack_report()
    report.note(datetime.fromisoformat(attack.began_at), ATTACK_BEGINS, "attacker")
    verify_evasion(report, attack, await stage.ground.admin("/admin/signals"))


def _tell_of_the_sticker(stage: EvasionStage, tell: Tell) -> None:
    attack = stage.ground.attack_report()
    tell(
        "attacker",
        f"has a sticker: {attack.success_offline:.0%} of explicit pictures pass with it, "
        f"{attack.success_without:.0%} without",
    )


async def _attack_and_respond(stage: EvasionStage, report: EvasionDrill, tell: Tell) -> None:
    await stage.ground.start_monitor(
        f"{stage.gateway_url}/alerts/alertmanager", stage.state / "alert-token"
    )
    attacked = datetime.now(UTC)
    tell("attacker", "seeking a sticker against the stolen model, by masked gradient descent")
    await stage.ground.start_attack()
    _tell_of_the_sticker(stage, tell)
    incident = report.incident = await detected(stage)
    tell("gateway", f"the alert opened {incident}")
    stage.ground.flag_one_item()
    over: list[bool] = []
    people = People(stage.client, stage.key, incident, _script(lambda: bool(over)))
    async with beside(
        people.answer(),
        follow(stage, incident, tell),
        _give_up(stage, over, tell),
    ):
        result = await closed(stage, incident)
    entries = await journal_from(stage.client, incident, 0)
    report.attack = stage.ground.attack_report()
    _tell_of(report, EvasionMoments(entries), attacked)
    await verify_response(report, stage, result, entries)


def _script(attack_is_over: Callable[[], bool]) -> Script:
    """Who answers what.

    Nobody answers the commander's gate for the fallback rules: silence proceeds there. The service
    owner refuses to hold all uploads.
    """
    return {
        "acknowledge": (Answer("commander", "on it"),),
        "hold-uploads": (
            Answer("service-owner", "the fallback rules are proven, members go on", Choice.REJECT),
        ),
        "block-accounts": (Answer("secops", "all uploads of these accounts carry the sticker"),),
        "legal-path": (
            Answer("legal", "the report says what the law asks for"),
            Answer("trust-and-safety", "it names the preserved item's hash"),
        ),
        "retroactive-sweep": (
            Answer("trust-and-safety", "members must not see these"),
            Answer("legal", "statements of reasons are prepared"),
        ),
        "statements-of-reasons": (
            Answer("trust-and-safety", "that is why we took them down"),
            Answer("legal", "redress is named"),
        ),
        "adversarial-retraining": (
            Answer("ml-lead", "the set is the one we validated"),
            Answer("security-lead", "evidence is sealed; no hold applies"),
        ),
        "canary-recovery": (
            Answer("commander", "the attack has stopped", ready=attack_is_over),
            Answer("trust-and-safety", "held-out stickers fail", ready=attack_is_over),
        ),
        "close-incident": (Answer("commander", "debriefed, recovered and proven"),),
    }


async def _give_up(stage: EvasionStage, over: list[bool], tell: Tell) -> None:
    """The attacker gives up some time after its accounts are refused."""
    while "403" not in stage.ground.attack_report().answers:
        await asyncio.sleep(0.5)
    await asyncio.sleep(_GIVES_UP_AFTER)
    await stage.ground.stop_attack()
    tell("attacker", f"gives up: {stage.ground.attack_report().answers}")
    over.append(True)


def _tell_of(report: EvasionDrill, at: EvasionMoments, attacked: datetime) -> None:
    """Put moments together: from the attacker, from outside, and from the record."""
    attack = report.attack
    assert attack is not None  # noqa: S101 - the caller has just read it
    report.note(datetime.fromisoformat(attack.began_at), ATTACK_BEGINS, "attacker")
    report.note(at.detected, "detected: an alert opens the incident by itself", "record")
    report.note(at.second_looks, SECOND_LOOKS, "record")
    last = attack.last_safe_at
    report.note(
        datetime.fromisoformat(last) if last else None, "the last sticker that passes", "attacker"
    )
    report.note(at.second_looks_proven, "second looks PROVEN", "record")
    report.note(at.flagged, "a flagged item is preserved: the legal path begins", "record")
    report.note(at.fallback_proven, "fallback rules PROVEN on all traffic", "record")
    report.note(at.blocked_proven, "the accounts are blocked: PROVEN", "record")
    report.note(at.swept, "everything approved meanwhile was re-scanned: PROVEN", "record")
    report.note(at.hardened, "a hardened version withstands held-out stickers", "record")
    report.note(at.recovered, "the hardened version decides everything", "record")
    report.note(at.closed, "closed", "record")
    report.took("attack to detection", attacked, at.detected)
    report.took("attack to containment proven", attacked, at.second_looks_proven)
    report.took("attack to accounts blocked", attacked, at.blocked_proven)
    report.took("detection to containment proven", at.detected, at.second_looks_proven)
