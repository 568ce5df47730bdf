"""Assistant exfiltration, its worker killed: no effect is lost, none is doubled, the record whole.

By default one kill for each port that is this playbook's own, before its act or after it in turns;
``make crash`` kills on both sides of every act.
"""

from hemostat.drill.range.exfiltration.range import (
    COLLEAGUES,
    SERVICE_PRINCIPAL,
    SUSPECT,
    SUSPECT_PRINCIPAL,
)
from tests.crash.conftest import MARKS, WHOLE
from tests.crash.exfiltration_scene import ExfiltrationScene
from tests.crash.matrix import Undisturbed, kill_the_worker, told_when_done_twice
from tests.crash.report import Report

pytestmark = MARKS
SCENE = ExfiltrationScene

EXPECTED = {
    *("hold_logs", "seal_assistant", "seal_credentials", "seal_edge", "block_caller"),
    *("isolate_endpoint", "take_offline", "deactivate_key", "deny_older_sessions"),
    *("create_key", "distribute_key", "reload_credentials", "retire_keys", "delete_key"),
    *(
        "revoke_connector",
        "send_disclosure",
        "apply_controls",
        "bring_online",
        "admit_cohort",
        "restore_endpoint",
    ),
    *("unblock_caller", "seal_report", "page", "acknowledge_page", "resolve_page"),
}


async def test_an_undisturbed_incident_has_each_of_its_effects_once(
    peace: list[Undisturbed],
) -> None:
    for left in peace:
        assert {act.port for act in left.acts} == EXPECTED
        effects = left.effects
        assert effects["keys"] == {
            SUSPECT_PRINCIPAL: [("insider's", "Inactive")],
            SERVICE_PRINCIPAL: [("new", "Active")],
        }
        assert effects["the secret holds the one key that works"]
        assert effects["secret versions made"] == 1
        assert effects["denials"] == {SUSPECT_PRINCIPAL: 1, SERVICE_PRINCIPAL: 1}
        assert len(set(effects["cloud changes"])) == len(effects["cloud changes"]) == 8
        gateway = effects["gateway changes"]
        assert [what for what in gateway if "assistant" in what] == [
            "PUT assistant 0 %",
            "PATCH assistant 50 %",
            "PATCH assistant 100 %",
        ]
        blocked = sorted(what for what in gateway if what.startswith("PUT caller-"))
        assert blocked == [f"PUT caller-{who} 0 %" for who in sorted((SUSPECT, *COLLEAGUES))]
        assert gateway.count("DELETE") == len(COLLEAGUES) + 1  # the insider's key stays blocked
        assert effects["the log is held"]
        assert effects["mails"] == ["researcher@outside.example"]
        assert effects["connector revoked"] == 1
        assert left.record["chain"] == "holds"
        assert left.record["ended"] == "resolved"


async def test_a_killed_worker_neither_loses_nor_doubles_an_effect(
    scenes: list[ExfiltrationScene], peace: list[Undisturbed], report: Report
) -> None:
    await kill_the_worker(scenes, peace, report, whole=WHOLE)


async def test_the_measure_sees_what_is_done_twice(
    scenes: list[ExfiltrationScene], peace: list[Undisturbed]
) -> None:
    told = await told_when_done_twice(scenes[0], peace[0], scenes[0].outside.do_again)
    assert told >= {"keys", "secret versions made", "mails", "gateway changes"}
