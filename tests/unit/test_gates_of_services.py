"""Every gate that a service's playbooks may open is known before an incident, and its people checked."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from hemostat.cli import hemostat
from hemostat.settings import Settings
from workers.people import gates_of, weaknesses
from workers.registry import discover_playbooks

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE = """\
[services.assistant]
playbooks = ["assistant-exfiltration"]
[services.assistant.parameters]
callers = { ck-1 = "" }
authorities = { gdpr-33 = "authority" }
audiences = ["researcher"]
"""
ASKED = (
    *("commander", "deputy-commander", "security-on-call", "counsel", "deputy-counsel"),
    *("general-counsel", "hr", "service-owner", "ciso", "dpo", "comms", "executive"),
    *("ml-lead", "chair"),
)
PEOPLE = "".join(f"[people.{role}-{n}]\n" for role in ASKED for n in (1, 2))


def role(name: str, *, ladder: str = "chair", people: tuple[str, ...] = ()) -> str:
    held = json.dumps(list(people) or [f"{name}-1", f"{name}-2"])
    rungs = f'ladder = ["{ladder}"]\n' if ladder and name != "chair" else ""
    return f"[roles.{name}]\nprimary = {held}\n{rungs}"


ROLES = {name: role(name) for name in ASKED}


def weak(text: str) -> list[str]:
    return [str(problem) for problem in weaknesses(Settings.parse(text), NOW)]


def with_roles(**changed: str | None) -> str:
    roles = {**ROLES, **{name.replace("_", "-"): text for name, text in changed.items()}}
    return SERVICE + PEOPLE + "".join(text for text in roles.values() if text)


def test_gates_are_those_of_the_file_its_parts_and_the_service_itself() -> None:
    playbooks = discover_playbooks()
    parameters = Settings.parse(SERVICE).services["assistant"].parameters
    exfiltration = {p.id for p in gates_of(playbooks["assistant-exfiltration"], parameters)}
    assert exfiltration >= {"rotate-credential", "delete-key", "false-alarm", "close-by-hand"}
    assert exfiltration >= {"file-gdpr-33", "complete-gdpr-33", "state-researcher"}
    evasion = {p.id for p in gates_of(playbooks["adversarial-evasion"])}
    assert evasion >= {"hold-uploads", "legal-path", "statements-of-reasons", "canary-recovery"}
    assert {p.id for p in gates_of(playbooks["triage"])} >= {"acknowledge", "close"}


def test_people_who_can_answer_everything_have_no_problem() -> None:
    assert weak(with_roles()) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"dpo": None}, "gate 'file-gdpr-33' of a playbook of 'assistant' asks the role 'dpo'"),
        ({"comms": None}, "gate 'state-researcher' of a playbook of 'assistant' asks the role"),
        (
            {
                name: role(name.replace("_", "-"), ladder="", people=("chair-1",))
                for name in (
                    *("security_on_call", "service_owner", "ciso", "chair", "counsel"),
                    *("dpo", "general_counsel", "comms", "executive"),
                )
            },
            "gate 'rotate-credential' of a playbook of 'assistant' wants 2 people, more than",
        ),
        (
            {
                name: role(name.replace("_", "-"), ladder="", people=("commander-1",))
                for name in ("commander", "hr", "deputy_commander", "chair")
            },
            "if 'commander-1' were the suspect, nobody could decide at gate 'keep-scoped'",
        ),
        (
            {
                "commander": role("commander", people=("commander-1", "commander-2")),
                "general_counsel": role("general-counsel", people=("hr-1",)),
                "chair": role("chair", people=("commander-1", "hr-1")),
            },
            "gate 'board-report' of 'assistant' ends nowhere when commander and general-counsel",
        ),
    ],
)
def test_each_is_told_with_its_gate_before_any_incident(
    changed: dict[str, str | None], says: str
) -> None:
    found = weak(with_roles(**changed))
    assert any(says in line and line.startswith("hemostat.toml:") for line in found), found


def test_who_may_break_the_glass_needs_somebody_to_judge_it() -> None:
    glass = '[break_glass]\npeople = ["hr-1"]\n'
    alone = with_roles(ciso=role("ciso", people=("hr-1",)), commander=role("commander"))
    assert weak(with_roles() + glass) == []
    assert weak(alone.replace('ladder = ["chair"]\n', "") + glass)


def test_a_change_of_a_gate_that_does_not_exist_is_told_also_without_people(
    tmp_path: Path,
) -> None:
    file = tmp_path / "hemostat.toml"
    text = SERVICE.replace(
        "[services.assistant.parameters]",
        '[services.assistant.gates.take-ofline]\ntimer = "5m"\n'
        '[services.assistant.gates.retry-take-the-assistant-offline]\ntimer = "5m"\n'
        "[services.assistant.parameters]",
    )
    file.write_text(text)
    result = CliRunner().invoke(
        hemostat, ["check", "--offline", "--config", str(file), "--json"], standalone_mode=False
    )
    assert result.return_value == 2
    told = [p for p in json.loads(result.stdout)["problems"] if "take-ofline" in p["what"]]
    assert [p["next"] for p in told] == ["did you mean 'take-offline'?"]
    assert told[0]["where"].endswith(":3")
    assert not any("retry-" in p["what"] for p in json.loads(result.stdout)["problems"])
