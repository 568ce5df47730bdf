"""Adversarial evasion, its worker killed: no effect is lost, none is doubled, the record is whole.

By default one kill for each port that is this playbook's own, before its act or after it in turns;
``make crash`` kills on both sides of every act.
"""

from tests.crash.conftest import MARKS, WHOLE
from tests.crash.evasion_scene import EvasionScene
from tests.crash.matrix import Undisturbed, kill_the_worker, told_when_done_twice
from tests.crash.report import Report

pytestmark = MARKS
SCENE = EvasionScene

EXPECTED = {
    *("seal_moderation", "seal_edge", "preserve_items", "set_moderation_mode"),
    *("isolate_endpoint", "block_accounts", "open_ticket", "rescan_approvals"),
    *("retrain_hardened", "restore_endpoint", "admit_canary", "promote_version"),
    "send_disclosure",
    *("page", "acknowledge_page", "resolve_page"),
}


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
    await kill_the_worker(scenes, peace, report, whole=WHOLE)


async def test_the_measure_sees_what_is_done_twice(
    scenes: list[EvasionScene], peace: list[Undisturbed]
) -> None:
    told = await told_when_done_twice(scenes[0], peace[0], scenes[0].outside.do_again)
    assert told >= {"modes set", "versions trained", "items re-scanned", "gateway changes"}
