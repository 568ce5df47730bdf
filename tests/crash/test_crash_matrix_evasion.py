"""Adversarial evasion, its worker killed: no effect is lost, none is doubled, the record is whole.

By default one kill for each port that is this playbook's own, before its act or after it in turns;
``make crash`` kills on both sides of every act.
"""

from collections.abc import AsyncIterator

import pytest

from tests.crash.conftest import WHOLE, standing
from tests.crash.evasion_scene import EvasionScene
from tests.crash.matrix import (
    Undisturbed,
    differences,
    disturb_all,
    in_peace,
    undisturbed,
)
from tests.crash.points import Fault, one_each, points
from tests.crash.report import Report

pytestmark = [
    pytest.mark.real,
    pytest.mark.temporal,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]

EXPECTED = {
    *("seal_moderation", "seal_edge", "preserve_items", "set_moderation_mode"),
    *("isolate_endpoint", "block_accounts", "open_ticket", "rescan_approvals"),
    *("retrain_hardened", "restore_endpoint", "admit_canary", "promote_version"),
    "send_disclosure",
    *("page", "acknowledge_page", "resolve_page"),
}


@pytest.fixture(scope="module")
async def scenes() -> AsyncIterator[list[EvasionScene]]:
    async with standing(EvasionScene) as made:
        yield made


@pytest.fixture(scope="module")
async def peace(scenes: list[EvasionScene], report: Report) -> list[Undisturbed]:
    return await in_peace(scenes, report)


async def test_an_undisturbed_incident_has_each_of_its_effects_once(
    peace: list[Undisturbed],
) -> None:
    for left in peace:
        assert {act.port for act in left.acts} == EXPECTED
        effects = left.effects
        assert effects["modes set"] == [
            "review by 7",
            "fallback by 7",
            *(f"fallback by 7, {percent} % of version 8" for percent in (1, 5, 25, 100)),
            "auto by 8",
        ]
        assert effects["versions trained"] == 1
        for what in ("items re-scanned", "items taken down", "items held"):
            assert set(effects[what]) == {1}, what
        assert effects["items held"] == {1: 1}
        assert effects["gateway changes"] == [
            "PUT moderate 0 %",
            "PUT moderate for some accounts",
            "DELETE",
        ]
        assert effects["tickets"] == ["/root-cause"]
        assert effects["mails"] == ["hotline@outside.example", "notices@outside.example"]
        assert left.record["chain"] == "holds"
        assert left.record["ended"] == "resolved"


async def test_a_killed_worker_neither_loses_nor_doubles_an_effect(
    scenes: list[EvasionScene], peace: list[Undisturbed], report: Report
) -> None:
    acts = peace[0].acts
    tried = points(Fault.WORKER_KILLED, acts) if WHOLE else one_each(acts)
    await disturb_all(scenes, peace, Fault.WORKER_KILLED, tried, report)


async def test_the_measure_sees_what_is_done_twice(
    scenes: list[EvasionScene], peace: list[Undisturbed]
) -> None:
    scene, left = scenes[0], peace[0]
    again = await undisturbed(scene)
    assert differences(left.effects, again.effects) == []
    await scene.outside.do_again()
    twice = await scene.outside.effects(again.incident)
    told = {what.split(":")[0] for what in differences(left.effects, twice)}
    assert told >= {"modes set", "versions trained", "items re-scanned", "gateway changes"}
