"""The recorded courses of adversarial evasion."""

from datetime import timedelta

from schemas.alert import Alert
from schemas.gate import Choice
from schemas.incident import GateOverride
from schemas.step import StepState
from tests.replay.stage import Scenario, Stage
from tests.workflows.case import Case, alert
from tests.workflows.moderation_world import ModerationWorld, image_moderation
from tests.workflows.watched import calmly, step_of

FALLBACK = "let-fallback-rules-decide-all-uploads"


def misses() -> Alert:
    """What the monitor tells."""
    measured = {"audit_n": 1240.0, "fn_rate": 0.023, "fn_base": 0.005, "cluster_items": 11.0}
    return alert().model_copy(update={"evidence": measured})


async def evasion(
    stage: Stage, timer: timedelta = timedelta(minutes=5), *, stands: bool = False
) -> tuple[Case, ModerationWorld]:
    """An incident of adversarial evasion, and its world."""
    assert isinstance(stage.world, ModerationWorld)
    # No skipping of time here: it waits for the watch, which never ends.
    service = image_moderation(gates={"to-fallback-rules": GateOverride(timer=timer)})
    of = calmly(service) if stands else service
    case = await Case.open(
        stage.env.client, stage.queue, misses(), playbook="adversarial-evasion", of=of
    )
    return case, stage.world


async def contained(case: Case) -> None:
    await case.approve("acknowledge")
    await case.approve("to-fallback-rules")
    await case.approve("block-accounts")


async def swept_and_recovered(case: Case) -> None:
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.approve("statements-of-reasons", "trust-and-safety", "legal")
    await case.approve("adversarial-retraining", "ml-lead", "security-lead")
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.approve("close-incident")


async def hardened(stage: Stage) -> Case:
    """The undisturbed course."""
    case, _ = await evasion(stage)
    await contained(case)
    await swept_and_recovered(case)
    return case


async def flagged(stage: Stage) -> Case:
    """One item is flagged, a silent commander gets the fallback rules, uploads are held."""
    case, world = await evasion(stage, timedelta(seconds=1))
    world.flag()
    await case.approve("legal-path", "legal", "trust-and-safety")
    await case.approve("hold-uploads", "commander", "service-owner")
    await case.approve("block-accounts")
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.approve("statements-of-reasons", "trust-and-safety", "legal")
    await case.approve("adversarial-retraining", "ml-lead", "security-lead")
    await case.approve("accept-uploads", "commander", "service-owner")
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.approve("close-incident")
    return case


async def flagged_and_told_in_full(stage: Stage) -> Case:
    """The same where the journal tells until when answers were due, over what, and what was sent."""
    return await flagged(stage)


async def without_a_set(stage: Stage) -> Case:
    """Retraining does not start; the containment stays, and the incident is closed by hand."""
    case, world = await evasion(stage)
    world.sets.clear()
    await contained(case)
    await case.decide("retroactive-sweep", Choice.REJECT, actor="b", role="legal")
    await case.decide_no("provide-adversarial-set")
    await case.approve("close-by-hand")
    return case


async def canary_breach(stage: Stage) -> Case:
    """A stage breaks its guard and falls back; the next try holds."""
    case, world = await evasion(stage)
    world.canary_clusters = 4
    await contained(case)
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.approve("statements-of-reasons", "trust-and-safety", "legal")
    await case.approve("adversarial-retraining", "ml-lead", "security-lead")
    first = await case.gate("canary-recovery")
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.asked_anew(first)
    world.canary_clusters = 0
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.approve("close-incident")
    return case


async def evasion_false_alarm(stage: Stage) -> Case:
    """Two people judge it false: everything is taken back."""
    case, _ = await evasion(stage)
    await contained(case)
    await case.gate("retroactive-sweep")
    await case.false_alarm()
    return case


async def analysis_fails(stage: Stage) -> Case:
    """The fallback rules wait for no analysis; when it comes, the accounts are blocked."""
    case, world = await evasion(stage)
    world.refuse.add("identify_pattern")
    await case.approve("acknowledge")
    await case.approve("to-fallback-rules")
    await case.step(FALLBACK, StepState.PROVEN)
    world.refuse.clear()
    await case.approve("retry-identify-the-pattern")
    await case.approve("block-accounts")
    await swept_and_recovered(case)
    return case


async def held_and_taken_back(stage: Stage) -> Case:
    """Everybody meets the hold; then two people judge it false, and every undo is shown."""
    case, world = await evasion(stage)
    world.flag()
    await case.approve("legal-path", "legal", "trust-and-safety")
    await case.approve("to-fallback-rules")
    await case.approve("hold-uploads", "commander", "service-owner")
    await case.approve("block-accounts")
    await case.gate("retroactive-sweep")
    await case.false_alarm()
    return case


async def mode_set_back(stage: Stage) -> Case:
    """Somebody sets the mode back under the fallback rules: it is seen, and set again."""
    case, world = await evasion(stage, stands=True)
    await contained(case)
    await case.until(lambda v: step_of(v.steps, FALLBACK).held_at is not None, "looked at again")
    await case.gate("retroactive-sweep")
    world.mode = "auto"
    await case.until(lambda v: step_of(v.steps, FALLBACK).attempt == 2, "contained again")
    await case.step(FALLBACK, StepState.PROVEN)
    await swept_and_recovered(case)
    return case


EVASION: tuple[Scenario, ...] = (
    hardened,
    flagged,
    flagged_and_told_in_full,
    without_a_set,
    canary_breach,
    evasion_false_alarm,
    mode_set_back,
    analysis_fails,
    held_and_taken_back,
)
"""All of them."""
