"""The courses of assistant exfiltration that are recorded."""

from schemas.alert import Alert
from tests.replay.stage import Scenario, Stage
from tests.workflows.case import Case
from tests.workflows.exfiltration_world import (
    ExfiltrationWorld,
    assistant_service,
    canary,
    report,
)


async def leaking(stage: Stage, *alerts: Alert) -> Case:
    """An incident of assistant exfiltration."""
    return await Case.open(
        stage.env.client,
        stage.queue,
        *alerts,
        playbook="assistant-exfiltration",
        of=assistant_service(),
    )


async def answered(case: Case, *, widened: bool) -> Case:
    """The people of an extraction, to its end."""
    if widened:
        await case.approve("take-offline")
        await case.approve("rotate-credential", "security-on-call", "service-owner")
        await case.approve("delete-key", "security-on-call", "legal-counsel")
    await case.approve("determine-gdpr-33")
    await case.approve("file-gdpr-33", "legal-counsel", "dpo")
    await case.decide_no("determine-nis2-23")
    await case.approve("state-researcher", "legal-counsel", "comms")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    if widened:
        await case.approve("bring-back-closed", "commander", "security-on-call")
        await case.approve("re-enable-assistant", "ciso", "legal-counsel")
    await case.approve("board-report")
    await case.approve("close-incident", "commander", "legal-counsel")
    return case


async def everything_revoked(stage: Stage) -> Case:
    """An active extraction: each key by itself, offline, rotated, told, reopened."""
    return await answered(await leaking(stage, canary(), report(disclosed=1.0)), widened=True)


async def scoped(stage: Stage) -> Case:
    """A covert case: one caller suspended, and people keep it so."""
    world = stage.world
    assert isinstance(world, ExfiltrationWorld)
    world.canaries = 0
    case = await leaking(stage, report(covert=1.0))
    await case.approve("keep-scoped")
    return await answered(case, widened=False)


EXFILTRATION: tuple[Scenario, ...] = (everything_revoked, scoped)
