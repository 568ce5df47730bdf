"""The courses of assistant exfiltration that are recorded."""

from datetime import UTC, datetime, timedelta

from schemas.alert import Alert
from schemas.base import iso
from schemas.gate import Choice
from schemas.step import StepState
from tests.replay.stage import Scenario, Stage
from tests.workflows.case import Case
from tests.workflows.counsel import Counsel
from tests.workflows.exfiltration_world import (
    PERSON,
    ExfiltrationWorld,
    assistant_service,
    canary,
    report,
)
from tests.workflows.watched import calmly, step_of


async def leaking(
    stage: Stage, *alerts: Alert, regimes: tuple[str, ...] = (), stands: bool = False
) -> Case:
    """An incident of assistant exfiltration."""
    service = assistant_service(regimes=regimes)
    return await Case.open(
        stage.env.client,
        stage.queue,
        *alerts,
        playbook="assistant-exfiltration",
        of=calmly(service) if stands else service,
    )


async def answered(case: Case, *, widened: bool) -> Case:
    """The people of an extraction, to its end."""
    if widened:
        await case.approve("take-offline")
        await case.approve("rotate-credential", "security-on-call", "service-owner")
        await case.approve("delete-key", "security-on-call", "counsel")
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    if widened:
        await case.approve("bring-back-closed", "commander", "security-on-call")
        await case.approve("let-callers-in", "security-on-call", "service-owner")
        await case.approve("re-enable-assistant", "ciso", "counsel", "service-owner")
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")
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


async def turned_public(stage: Stage) -> Case:
    """A covert case that was kept scoped, and then became public: the other branch at once."""
    world = stage.world
    assert isinstance(world, ExfiltrationWorld)
    world.canaries = 0
    case = await leaking(stage, report(covert=1.0))
    await case.approve("keep-scoped")
    await case.gate("state-researcher")
    await case.send(report(disclosed=1.0).model_copy(update={"alert_key": "second"}))
    return await answered(case, widened=True)


async def log_unreadable(stage: Stage) -> Case:
    """A log that cannot be read holds up nothing, and people go on without it."""
    stage.world.refuse.add("survey_extraction")
    case = await leaking(stage, canary())
    await case.gate("take-offline")
    await case.decide_no("retry-survey-what-was-taken")
    stage.world.refuse.clear()
    return await answered(case, widened=True)


async def revoked_and_taken_back(stage: Stage) -> Case:
    """Everything is revoked, then judged false: each undo is shown, the denial's as well."""
    case = await leaking(stage, canary())
    await case.approve("take-offline")
    await case.gate("rotate-credential")
    await case.false_alarm()
    return case


async def key_reactivated(stage: Stage) -> Case:
    """Somebody reactivates the insider's key: it is seen, and put out of use again."""
    world = stage.world
    assert isinstance(world, ExfiltrationWorld)
    case = await leaking(stage, canary(), stands=True)
    key = f"deactivate-akiainsider1-of-{PERSON}"
    await case.gate("take-offline")
    await case.until(lambda v: step_of(v.steps, key).held_at is not None, "looked at again")
    world.cloud[PERSON]["AKIAINSIDER1"] = True
    await case.until(lambda v: step_of(v.steps, key).attempt == 2, "contained again")
    await case.step(key, StepState.PROVEN)
    return await answered(case, widened=True)


async def filed(stage: Stage) -> Case:
    """Under legal clocks: one applies and is filed and completed, one does not, a hold is released."""
    case = await leaking(stage, canary(), regimes=("gdpr-33", "nis2-23-4a", "aia-73-6-hold"))
    counsel = Counsel(case)
    await counsel.determines("gdpr-33-2", "applicability", "not-applicable")
    await counsel.determines("nis2-23-4a", "applicability", "not-applicable")
    aware = await counsel.aware_since_the_alert("gdpr-33")
    await case.approve("file-gdpr-33", "counsel", "dpo")
    await case.said("Sent under gdpr-33")
    await counsel.determines("gdpr-33", "filed", iso(aware), reference="DPA 4711")
    await counsel.determines("aia-73-6-hold", "hold-released", "counsel-not-applicable")
    await case.approve("take-offline")
    await case.approve("rotate-credential", "security-on-call", "service-owner")
    await case.approve("delete-key", "security-on-call", "counsel")
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.approve("complete-gdpr-33", "counsel", "dpo")
    return await reopened(case)


async def reopened(case: Case) -> Case:
    """The rest, once the controls are on."""
    await case.approve("bring-back-closed", "commander", "security-on-call")
    await case.approve("let-callers-in", "security-on-call", "service-owner")
    await case.approve("re-enable-assistant", "ciso", "counsel", "service-owner")
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")
    return case


async def agreed_beforehand(stage: Stage) -> Case:
    """Stolen credentials; the first text is filed as agreed beforehand, the last after a no."""
    case = await leaking(stage, canary(received_at=datetime.now(UTC)), regimes=("gdpr-33",))
    counsel = Counsel(case)
    await counsel.determines("gdpr-33-2", "applicability", "not-applicable")
    aware = await counsel.aware_since_the_alert("gdpr-33")
    for ruled_out in ("classify-human-with-assistant", "classify-assistant-hijacked"):
        await case.decide(ruled_out, Choice.REJECT, role="commander")
    await case.approve("classify-stolen-credentials", "commander", "security-on-call")
    await case.approve("pre-authorise-gdpr-33", "counsel", "dpo")
    await case.say("draft", "l1", "counsel", gate="file-gdpr-33", text="A better one.")
    await case.said("counsel wrote a new draft")
    await stage.env.fast_forward(case.handle, timedelta(hours=62))
    await case.said("Sent under gdpr-33")
    await counsel.determines("gdpr-33", "filed", iso(aware), reference="DPA 4711")
    await case.approve("rotate-credential", "security-on-call", "service-owner")
    await case.approve("delete-key", "security-on-call", "counsel")
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.decide("complete-gdpr-33", Choice.REJECT, role="dpo")
    await case.said("a new draft is awaited")
    await case.say(
        "draft", "l1", "counsel", gate="complete-gdpr-33", text="Complete, in other words."
    )
    await case.approve("complete-gdpr-33", "counsel", "dpo")
    return await reopened(case)


EXFILTRATION: tuple[Scenario, ...] = (
    everything_revoked,
    scoped,
    turned_public,
    filed,
    agreed_beforehand,
    key_reactivated,
    log_unreadable,
    revoked_and_taken_back,
)
