"""The courses that are recorded: each playbook along its branches, with people who always answer.

A scenario opens an incident in a fresh world and brings it to its end. Its name is the name of
the recorded history.
"""

from datetime import timedelta

from schemas.alert import AlertAction
from schemas.clocks.states import ClockState
from schemas.gate import Choice
from schemas.incident import Containment
from schemas.journal import Kind
from schemas.step import StepState
from tests.replay.evasion_scenarios import EVASION
from tests.replay.exfiltration_scenarios import EXFILTRATION
from tests.replay.speaker_scenarios import (
    by_people_who_prove_it,
    exclusions_by_old_and_by_fresh_proofs,
    with_answers_to_pages,
)
from tests.replay.stage import Scenario, Stage
from tests.workflows.case import Case, alert
from tests.workflows.counsel import Counsel, under
from tests.workflows.exfiltration_world import ExfiltrationWorld
from tests.workflows.moderation_world import ModerationWorld
from tests.workflows.roster import roster, staffed
from tests.workflows.telling_world import TellingWorld, followed
from tests.workflows.watched import isolated, step_of, watched, wipe
from tests.workflows.world import World

ISOLATE, ROLL_BACK = "isolate-the-feedback-endpoint", "roll-the-model-back"


async def resolved(stage: Stage) -> Case:
    """The undisturbed course."""
    case = await stage.poisoned()
    await case.answer_everything()
    return case


async def false_alarm(stage: Stage) -> Case:
    """Two people judge it false after the rollback: everything is undone."""
    case = await stage.poisoned()
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    await case.false_alarm()
    return case


async def benign_change(stage: Stage) -> Case:
    """The shadow model rises too."""
    stage.world.shadow_rises = True
    return await stage.poisoned()


async def lying_gateway(stage: Stage) -> Case:
    """Isolation is commanded twice and disproven; people have it tried again."""
    stage.world.lie.add("isolate_endpoint")
    case = await stage.poisoned()
    await case.gate(f"retry-{ISOLATE}")
    stage.world.lie.clear()
    await case.approve(f"retry-{ISOLATE}")
    await case.answer_everything()
    return case


async def alias_moved(stage: Stage) -> Case:
    """Something moves the alias back, and it is put back."""
    case = await stage.poisoned()
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    stage.world.someone_moves_the_alias("5")
    await case.approve("put-alias-back")
    await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
    await case.answer_the_rest()
    return case


async def breach(stage: Stage) -> Case:
    """A stage breaks its guard; retraining was rejected."""
    case = await stage.poisoned()
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.decide_no("retrain-without-poison")
    stage.world.breach = 3
    first = await case.gate("re-enable-feedback")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.asked_anew(first)
    stage.world.breach = 0
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    return case


async def nobody_answers(stage: Stage) -> Case:
    """Reminders, escalation, a choice by policy, a registry that is down; then people come."""
    stage.world.fail["list_versions"] = 2
    case = await stage.poisoned()
    gate = await case.gate("confirm-known-good")
    await stage.env.fast_forward(case.handle, gate.policy.timer)
    await case.step(ROLL_BACK, StepState.PROVEN)
    await case.answer_the_rest()
    return case


async def garbage(stage: Stage) -> Case:
    """Signals that nobody should send, and a cancel request."""
    case = await stage.poisoned()
    await case.gate("confirm-known-good")
    await case.signal("decide", "approve")
    await case.signal("decide")
    await case.signal("alert", [1, 2])
    await case.signal("approve", {"yes": True})
    await case.decide("confirm-known-good", Choice.APPROVE, role="visitor")
    await case.handle.cancel()
    await case.until_journal(Kind.REFUSED, 6)
    await case.answer_everything()
    return case


async def end_before_its_beginning(stage: Stage) -> Case:
    """Only an end arrives."""
    case = await stage.poisoned(alert(action=AlertAction.CLOSE))
    await stage.env.fast_forward(case.handle, timedelta(minutes=11))
    return case


async def fires_again(stage: Stage) -> Case:
    """It fires again while people close it."""
    case = await stage.poisoned()
    await case.answer_everything(leave_open=True)
    await case.gate("close-incident")
    await case.send(alert("e2"))
    await case.approve("close-incident")
    await case.step(f"{ISOLATE}-r2", StepState.PROVEN)
    await case.answer_everything()
    return case


async def by_people(stage: Stage) -> Case:
    """Declared people: attested, a suspect, a pool that is too small, broken glass, a review."""
    stage.world.refuse.add("isolate_endpoint")
    case = await Case.open(stage.env.client, stage.queue, of=staffed(away=("d1",)))
    await case.gate(f"retry-{ISOLATE}")
    stage.world.isolated["feedback"], stage.world.paused = 0, True
    await case.say("attest", "o1", "ml-on-call", step=ISOLATE)
    await case.say("grade", "c1", "commander", facts={"public_disclosure": "yes"})
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate("rescore-decisions")
    await case.say("suspect", "l1", "counsel", person="s1")
    await case.by("rescore-decisions", ml_lead="m1")
    shown = await case.gate("rescore-decisions")
    use = {"use_id": "u1", "gate": shown.policy.id, "nonce": shown.nonce, "actor": "o2"}
    await case.signal("break-glass", use | {"reason": "nobody else is left"})
    await case.decide("rescore-decisions", actor="o2", role="break-glass")
    await case.by("retrain-without-poison", ml_lead="m1", commander="c1")
    await case.by("review-break-glass-1", ciso="z1")
    stage.world.refuse.clear()
    await case.by("re-enable-feedback", commander="c1", ml_lead="m2")
    await case.by("close-incident", commander="c1")
    return case


async def lost_and_contained_again(stage: Stage) -> Case:
    """The gateway loses its configuration; it is seen, closed again and looked at until the end."""
    case = await isolated(stage.env.client, stage.queue, watched(look_every=0.2))
    await case.approve("acknowledge")
    await case.gate("confirm-known-good")
    wipe(stage.world)
    await case.until(lambda v: step_of(v.steps).attempt == 2, "it is contained again")
    await case.step(ISOLATE, StepState.PROVEN)
    await case.approve("confirm-known-good")
    await case.answer_the_rest()
    return case


async def told(stage: Stage) -> Case:
    """Channels are told and people asked; mail fails at first, and one person is excluded."""
    stage.world.fail["mail_report"] = 3
    case = await Case.open(stage.env.client, stage.queue, of=followed())
    await case.by("acknowledge", ml_on_call="o1")
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate("rescore-decisions")
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.by("rescore-decisions", service_owner="s1", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m1")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.by("close-incident", commander="c1")
    return case


async def closed(stage: Stage) -> Case:
    """A person takes it and closes it."""
    case = await stage.unrouted()
    await case.approve("acknowledge")
    await case.approve("close")
    return case


async def stormed(stage: Stage) -> Case:
    """Many alerts, then a person closes it."""
    case = await stage.unrouted()
    for _ in range(40):
        await case.send(alert())
    await case.until(lambda v: v.alerts == 41, "all were counted")
    await case.approve("close")
    return case


async def held(stage: Stage) -> Case:
    """Nobody comes for a day."""
    case = await stage.unrouted()
    await case.gate("close")
    await stage.env.fast_forward(case.handle, timedelta(hours=25))
    await case.approve("close")
    return case


async def determined_by_the_roster(stage: Stage) -> Case:
    """Somebody who is no counsel speaks as one and is refused; then counsel determines."""
    of = under("nis2-23-4a").model_copy(update={"roster": roster()})
    case = await Case.open(stage.env.client, stage.queue, playbook="triage", of=of)
    counsel = Counsel(case)
    for actor in ("o1", "l1"):
        await counsel.determines("nis2-23-4a", "applicability", "not-applicable", actor=actor)
    await counsel.until_state("nis2-23-4a", ClockState.NOT_APPLICABLE)
    await case.by("acknowledge", ml_on_call="o1")
    await case.by("close", commander="c1")
    return case


async def someone_excluded(stage: Stage) -> Case:
    """A service anyone may see, until somebody becomes a suspect: then its mark changes."""
    case = await Case.open(
        stage.env.client, stage.queue, of=staffed().model_copy(update={"restricted": False})
    )
    await case.gate("confirm-known-good")
    await case.say("suspect", "z1", "ciso", person="d1")
    await case.until(lambda v: v.restricted, "someone is excluded")
    await case.by("false-alarm", commander="c1", ml_lead="m1")
    return case


SCENARIOS: dict[str, tuple[Scenario, ...]] = {
    "feedback-poisoning": (
        resolved,
        false_alarm,
        benign_change,
        lying_gateway,
        alias_moved,
        breach,
        nobody_answers,
        garbage,
        end_before_its_beginning,
        fires_again,
        by_people,
        by_people_who_prove_it,
        with_answers_to_pages,
        exclusions_by_old_and_by_fresh_proofs,
        someone_excluded,
        told,
        lost_and_contained_again,
    ),
    "adversarial-evasion": EVASION,
    "assistant-exfiltration": EXFILTRATION,
    "triage": (closed, held, determined_by_the_roster),
}
"""By playbook."""

OF_MANY_RUNS: dict[str, tuple[Scenario, ...]] = {
    "feedback-poisoning": (
        resolved,
        false_alarm,
        by_people,
        by_people_who_prove_it,
        told,
        lost_and_contained_again,
    ),
    "triage": (stormed,),
}
"""Those that are recorded on a server as well that asks for a new run all the time."""

WORLDS: dict[str, type[World]] = {
    "adversarial-evasion": ModerationWorld,
    "assistant-exfiltration": ExfiltrationWorld,
    "feedback-poisoning": TellingWorld,
}
"""The world that a playbook's scenarios play in, where it is not the plain one."""
