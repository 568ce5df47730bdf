"""Whatever dies, and whenever: no effect is lost, none is doubled, and the record is whole.

What is tried where follows from the history of an undisturbed incident. By default a part of the
matrix is run that fits into a continuous integration: the worker's death before and after every
effect, and each other fault where it can do the most harm. ``make crash`` runs all of it.
"""

import asyncio
from datetime import timedelta

import pytest

from schemas.incident import IncidentView, Resolution
from schemas.standing_proof import StandingProof
from schemas.step import StepState, StepView
from tests.crash.conftest import MARKS, WHOLE
from tests.crash.course import Course
from tests.crash.fault import Point, When
from tests.crash.matrix import Undisturbed, disturb_all, told_when_done_twice
from tests.crash.points import Fault, points
from tests.crash.report import Report
from tests.crash.sentiment_scene import SentimentScene

pytestmark = MARKS
SCENE = SentimentScene

TELLING = {"isolate_endpoint", "move_alias", "rescore_decisions", "admit_cohort", "resolve_page"}
"""Where Temporal is killed if not everywhere: one act each of containing, rolling back,
correcting, re-enabling and telling."""
EXPECTED = {
    *("isolate_endpoint", "pause_retraining", "move_alias", "reload_replicas", "open_ticket"),
    *("seal_edge", "seal_registry", "seal_serving", "seal_probes", "rescore_decisions"),
    *("retrain_without_poison", "admit_cohort", "resume_retraining", "restore_endpoint"),
    *("page", "acknowledge_page", "resolve_page"),
}


async def test_an_undisturbed_incident_has_each_of_its_effects_once(
    scenes: list[SentimentScene], peace: list[Undisturbed]
) -> None:
    for left in peace:
        assert {act.port for act in left.acts} == EXPECTED
        assert len({act for act in left.acts if act.port == "admit_cohort"}) == 4
        effects = left.effects
        assert effects["gateway changes"] == [
            "PUT feedback 0 %",
            *(f"PATCH feedback {percent} %" for percent in (1, 10, 50, 100)),
            "DELETE",
        ]
        assert effects["gateway as before"]
        assert effects["alias moves"] == [scenes[0].range.known_good]
        assert set(effects["loads"].values()) == {1}
        assert effects["retraining paused"] == ["1", "0"]
        assert effects["versions registered"] == 1
        assert set(effects["decisions rescored"]) == {1}
        assert effects["feedback taken"] == 0
        assert effects["notifications"] == [""]
        assert effects["tickets"] == ["/root-cause"]
        assert left.record["chain"] == "holds"
        assert left.record["ended"] == "resolved"


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_fault_neither_loses_nor_doubles_an_effect(
    fault: Fault, scenes: list[SentimentScene], peace: list[Undisturbed], report: Report
) -> None:
    tried = [p for p in points(fault, peace[0].acts) if WHOLE or chosen(fault, p)]
    await disturb_all(scenes, peace, fault, tried, report)


def chosen(fault: Fault, point: Point) -> bool:
    """Whether a point belongs to the part of the matrix that always runs."""
    act, after = point.act, point.when is When.AFTER
    match fault:
        case Fault.TEMPORAL_KILLED:
            return act.port in TELLING and (after or act.port == "isolate_endpoint")
        case Fault.MLFLOW_DOWN:
            return act.port in {"move_alias", "retrain_without_poison"}
        case _:
            return True


async def test_a_gateway_that_comes_up_without_its_configuration_is_closed_again_by_itself(
    scenes: list[SentimentScene],
) -> None:
    scene, second = scenes[0], timedelta(seconds=1)
    await scene.outside.reset()
    scene.no_traps()
    scene.new_routing_key()
    course = await Course.open(
        scene.client,
        scene.settings,
        scene.playbook,
        scene.service,
        scene.alert(),
        looks=StandingProof(first=second, at_most=second),
    )

    def isolation(view: IncidentView) -> StepView | None:
        return next((s for s in view.steps if s.id == "isolate-the-feedback-endpoint"), None)

    def held(view: IncidentView, attempt: int) -> bool:
        step = isolation(view)
        proven = step is not None and step.state is StepState.PROVEN and step.attempt == attempt
        return proven and step is not None and step.held_at is not None

    await course.until(lambda view: held(view, 1))
    await scene.outside.lose_configuration()
    await course.until(lambda view: held(view, 2))
    lost = [e for e in await course.journal() if "containment lost" in e.says]
    assert len(lost) == 1
    assert "a canary feedback from outside is refused" in lost[0].says
    people = asyncio.create_task(course.people())
    result = await course.result()
    people.cancel()
    assert result.resolution is Resolution.RESOLVED
    effects = await scene.outside.effects(course.id)
    assert effects["gateway changes"][0] == effects["gateway changes"][1] == "PUT feedback 0 %"
    assert effects["gateway as before"]


async def test_the_measure_sees_what_is_done_twice(
    scenes: list[SentimentScene], peace: list[Undisturbed]
) -> None:
    told = await told_when_done_twice(scenes[0], peace[0], scenes[0].outside.do_again)
    wanted = {"gateway changes", "gateway as before", "alias moves", "decisions rescored"}
    assert told == wanted | {"accounts excluded", "retraining paused"}
