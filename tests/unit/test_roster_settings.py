"""People in hemostat.toml: what cannot be is refused, what is weak is told by check and people."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from hemostat.cli import hemostat
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from schemas.gate import GatePolicy, OnSilence
from schemas.step import StepClass
from workers.people import weaknesses

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE = '[services.sentiment-api]\nplaybooks = ["feedback-poisoning"]\n'
PEOPLE = "".join(f"[people.p{number}]\n" for number in range(1, 10))
ROLES = """
[roles.commander]
primary = "p1"
deputies = ["p2"]
ladder = ["executive"]
[roles.deputy-commander]
primary = "p2"
[roles.ml-on-call]
primary = ["p3", "p4"]
ladder = ["commander"]
[roles.ml-secondary]
primary = "p4"
[roles.ml-lead]
primary = ["p5", "p6"]
ladder = ["commander"]
[roles.service-owner]
primary = "p7"
deputies = ["p8"]
ladder = ["executive"]
[roles.data-owner]
primary = "p8"
[roles.executive]
primary = "p9"
"""
WHOLE = SERVICE + PEOPLE + ROLES


def delegation(of: str, to: str, role: str = "ml-lead", until: str = "2027-01-01") -> str:
    return (
        f'[[delegations]]\nof = "{of}"\nto = "{to}"\nroles = ["{role}"]\n'
        f"since = 2026-01-01T00:00:00Z\nuntil = {until}T00:00:00Z\n"
    )


def refused(text: str) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        Settings.parse(text)
    return str(caught.value).splitlines()


def weak(text: str) -> list[str]:
    return [str(problem) for problem in weaknesses(Settings.parse(text), NOW)]


def line_of(text: str, what: str) -> int:
    return text[: text.index(what)].count("\n") + 1


def test_people_who_can_answer_everything_have_no_problem() -> None:
    assert weak(WHOLE + delegation("p5", "p7")) == []


def test_a_service_carries_its_people_only_where_roles_are_declared() -> None:
    assert Settings.parse(SERVICE).service("sentiment-api").roster is None
    text = WHOLE.replace("playbooks", 'conflicts = ["p3"]\nplaybooks')
    roster = Settings.parse(text).service("sentiment-api").roster
    assert roster is not None
    assert roster.conflicts == ("p3",)
    assert roster.roles["commander"].primary == ("p1",)


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        (WHOLE.replace('"p1"', '"nobody"'), 'primary = "nobody"', "there is no person 'nobody'"),
        (
            WHOLE.replace('ladder = ["executive"]', 'ladder = ["board"]', 1),
            'ladder = ["board"]',
            "there is no role 'board'",
        ),
        (
            WHOLE.replace('ladder = ["executive"]', 'ladder = ["deputy-commander"]', 1),
            'ladder = ["deputy-commander"]',
            "ends nowhere",
        ),
        (
            WHOLE + delegation("p5", "p7") + delegation("p7", "p9"),
            'roles = ["ml-lead"]\nsince = 2026-01-01T00:00:00Z\nuntil = 2027-01-01T00:00:00Z\n[[',
            "passes on 'ml-lead'",
        ),
        (WHOLE + delegation("p1", "p7"), 'of = "p1"', "does not hold 'ml-lead'"),
        (WHOLE + '[break_glass]\npeople = ["p10"]\n', "people = [", "there is no person 'p10'"),
        (WHOLE + '[break_glass]\nttl = "61m"\n', "ttl = ", "less than or equal"),
        (WHOLE + delegation("p5", "p5"), "[[delegations]]", "nobody delegates to themselves"),
        (WHOLE.replace("[people.p9]", "[people.p9]\naway = [{since = 2026-01-01T00:00:00Z, "
         "until = 2025-01-01T00:00:00Z}]"), "away = ", "not after"),
        (WHOLE.replace("[people.p9]", "[people.p9]\naway = [{since = 2026-01-01T00:00:00, "
         "until = 2027-01-01T00:00:00Z}]"), "away = ", "timezone"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(text: str, at: str, says: str) -> None:
    said = refused(text)
    assert any(says in line for line in said), said
    if "passes on" not in says:
        place = f"hemostat.toml:{line_of(text, at)}: "
        assert any(line.startswith(place) and says in line for line in said), (place, said)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            WHOLE.replace('[roles.data-owner]\nprimary = "p8"\n', ""),
            "asks the role 'data-owner', which nobody holds",
        ),
        (
            WHOLE.replace('primary = ["p5", "p6"]', 'primary = "p8"').replace(
                '[roles.ml-lead]\nprimary = "p8"\nladder = ["commander"]',
                '[roles.ml-lead]\nprimary = "p8"',
            ).replace('primary = "p1"\ndeputies = ["p2"]', 'primary = "p8"')
            .replace('[roles.executive]\nprimary = "p9"', '[roles.executive]\nprimary = "p8"')
            .replace('deputies = ["p8"]\nladder = ["executive"]', 'deputies = ["p8"]')
            .replace('ladder = ["executive"]\n', "")
            .replace('primary = "p7"', 'primary = "p8"'),
            "wants 2 people, more than",
        ),
        (
            WHOLE.replace('deputies = ["p2"]\nladder = ["executive"]', ""),
            "if 'p1' were the suspect, nobody could decide at gate 'close-incident'",
        ),
        (
            WHOLE.replace('deputies = ["p2"]\nladder = ["executive"]', 'deputies = ["p2"]'),
            "gate 'close-incident' of 'sentiment-api' ends nowhere when commander are silent",
        ),
        (
            WHOLE + delegation("p5", "p7", until="2026-11-22"),
            "the delegation from 'p5' to 'p7' has expired",
        ),
    ],
)  # fmt: skip
def test_what_is_weak_is_told_before_an_incident_and_keeps_nothing_from_starting(
    text: str, says: str
) -> None:
    found = weak(text)
    assert any(says in line and line.startswith("hemostat.toml:") for line in found), found


def test_people_lists_who_may_decide_now_and_the_problems(tmp_path: Path) -> None:
    file = tmp_path / "hemostat.toml"
    file.write_text(WHOLE + delegation("p5", "p7", until="2026-02-01"))
    result = CliRunner().invoke(
        hemostat, ["people", "--config", str(file), "--json"], standalone_mode=False
    )
    assert result.return_value == 1
    told = json.loads(result.stdout)
    assert [problem["what"] for problem in told["problems"]] == [
        "the delegation from 'p5' to 'p7' has expired"
    ]
    assert {"person": "p9", "role": "executive"}.items() <= told["now"][-1].items()
    human = CliRunner().invoke(hemostat, ["people", "--config", str(file)], standalone_mode=False)
    assert "executive" in human.stdout
    assert "has expired" in human.stdout


def test_check_tells_what_is_weak(tmp_path: Path) -> None:
    file = tmp_path / "hemostat.toml"
    file.write_text(WHOLE.replace('[roles.data-owner]\nprimary = "p8"\n', ""))
    result = CliRunner().invoke(
        hemostat, ["check", "--offline", "--config", str(file), "--json"], standalone_mode=False
    )
    assert result.return_value == 2
    told = [problem["what"] for problem in json.loads(result.stdout)["problems"]]
    assert any("asks the role 'data-owner', which nobody holds" in what for what in told)


@pytest.mark.parametrize("dangerous", [StepClass.DESTROY, StepClass.RESTORE, StepClass.DISCLOSE])
def test_one_pair_of_eyes_is_refused_for_what_destroys_restores_or_discloses(
    dangerous: StepClass,
) -> None:
    policy = {"id": "g", "asks": "?", "roles": ("commander",), "step_class": dangerous}
    with pytest.raises(ValueError, match="two pairs of eyes"):
        GatePolicy.model_validate(policy)
    with pytest.raises(ValueError, match="two pairs of eyes"):
        GatePolicy.model_validate(policy | {"quorum": 2, "distinct_persons": False})
    GatePolicy.model_validate(policy | {"one_person_because": "a drill without consequences"})
    undeclared = GatePolicy(id="g", asks="?", roles=("commander",), on_silence=OnSilence.HOLD)
    assert undeclared.for_class(dangerous).quorum == 2
