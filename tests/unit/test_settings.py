"""hemostat.toml: read whole, refused whole, every problem with its line."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from hemostat.gateway.routing import opening_of
from hemostat.settings import Settings, read_secret
from hemostat.settings.problems import InvalidSettings, broken_references
from hemostat.settings.toml_lines import Lines
from hemostat.settings.values import parse_duration
from hemostat.vault import Vault
from schemas.alert import AlertSeverity
from schemas.errors import ConfigurationError
from schemas.standing_proof import StandingProof

GOOD = """
[hemostat]
state = "state"

[gateway]
port = 9000
max_body = "64KiB"

[sources.prometheus]
kind = "alertmanager"
token = ["file:secrets/alerts", "env:OLD_TOKEN"]
default_severity = "high"

[[routes]]
source = "prometheus"
match = { alertname = "FeedbackPoisoningSuspected" }
playbook = "feedback-poisoning"
service = "sentiment-api"
correlate_by = ["model"]

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
connections = { gateway = "edge", registry = "models" }
parameters = { route = "feedback", probes = [1, 2] }

[services.sentiment-api.gates.known-good-version]
timer = "5m"

[connections.edge]
adapter = "gateway_caddy"
admin = "http://127.0.0.1:2019"

[connections.models]
adapter = "registry_mlflow"
password = "file:secrets/mlflow"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        Settings.parse(text)
    return str(caught.value).splitlines()


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "hemostat.toml"
    file.write_text(GOOD)
    settings = Settings.load(file)
    assert settings.gateway.max_body == 65_536
    assert settings.sources["prometheus"].default_severity is AlertSeverity.HIGH
    assert settings.state_folder == tmp_path / "state"
    assert settings.vault_folder == tmp_path / "state" / "vault"
    service = settings.service("sentiment-api")
    assert service.connections == {"gateway": "edge", "registry": "models"}
    assert service.gates["known-good-version"].timer == timedelta(minutes=5)


def test_secret_files_are_relative_to_the_file_and_other_text_is_left_alone(tmp_path: Path) -> None:
    settings = Settings.parse(GOOD, tmp_path / "hemostat.toml")
    assert settings.sources["prometheus"].token == (
        f"file:{tmp_path}/secrets/alerts",
        "env:OLD_TOKEN",
    )
    assert settings.connections["models"]["password"] == f"file:{tmp_path}/secrets/mlflow"
    assert settings.connections["edge"]["admin"] == "http://127.0.0.1:2019"


def test_an_empty_file_is_enough_to_start_with() -> None:
    settings = Settings.parse("")
    assert settings.hemostat.task_queue == "hemostat"
    assert (settings.gateway.bind, settings.gateway.port) == ("127.0.0.1", 8787)


@pytest.mark.parametrize(
    ("bind", "reached"),
    [("127.0.0.1", "http://127.0.0.1:9000"), ("::1", "http://[::1]:9000")],
)
def test_the_gateway_is_reached_where_it_listens(bind: str, reached: str) -> None:
    assert Settings.parse(f'[gateway]\nbind = "{bind}"\nport = 9000').gateway.address == reached


def test_every_problem_is_told_with_its_line_and_the_next_step() -> None:
    text = GOOD.replace("port = 9000", "port = 70000").replace("token = [", "tokens = [")
    text = text.replace('timer = "5m"', 'timer = "5 minutes"').replace(
        'gateway = "edge"', 'gateway = "edje"'
    )
    text = text.replace('service = "sentiment-api"', 'service = "sentiment"')
    said = problems(text)
    assert [line.split(": ", 1)[0] for line in said] == [
        f"hemostat.toml:{number}" for number in (6, 9, 11, 18, 23, 27)
    ]
    assert "less than or equal to 65535" in said[0]
    assert said[1] == (
        "hemostat.toml:9: `token` is missing in `sources.prometheus`. Next: add `token = ...`."
    )
    assert said[2].endswith(
        "`sources.prometheus.tokens` is not a setting. Next: did you mean `token`?"
    )
    assert "there is no service 'sentiment'" in said[3]
    assert "did you mean 'edge'?" in said[4]
    assert '"90s", "10m" or "24h"' in said[5]


def test_the_wrong_form_is_told_in_words_and_never_as_a_pattern() -> None:
    said = problems(
        '[hemostat]\nstate = 7\n[gateway]\npublic_url = "nope"\n'
        '[sources.am]\nkind = "alertmanager"\ntoken = "the token itself"\n'
    )
    assert "a path is text" in said[0]
    assert "no address such as `https://host:port`" in said[1]
    assert "by reference, `env:NAME` or `file:PATH`" in said[2]
    assert not any("^" in line or "the token itself" in line for line in said)


def test_a_text_that_is_not_toml_is_told_with_its_line() -> None:
    (line,) = problems("[hemostat]\nstate = \n")
    assert line.startswith("hemostat.toml:2: this is not TOML: ")


def test_a_route_to_a_playbook_that_the_service_does_not_enable_is_a_problem() -> None:
    (line,) = problems(GOOD.replace('playbooks = ["feedback-poisoning"]', 'playbooks = ["triage"]'))
    assert line.startswith("hemostat.toml:17: the service 'sentiment-api' has no playbook")


def test_evidence_has_one_place_a_folder_or_a_bucket(tmp_path: Path) -> None:
    bucket = '[vault.s3]\nbucket = "b"\nretain = "2555d"\nsecret_key = "file:key"\n'
    settings = Settings.parse(bucket, tmp_path / "hemostat.toml")
    assert settings.vault.s3 is not None
    assert settings.vault.s3.secret_key == f"file:{tmp_path}/key"
    assert str(Vault.of(settings)) == "bucket b"
    assert str(Vault.of(Settings.parse("", tmp_path / "hemostat.toml"))) == f"{tmp_path}/var/vault"
    (problem,) = problems(f'[hemostat]\nvault = "here"\n{bucket}')
    assert "two places" in problem


def test_who_keeps_nothing_in_a_bucket_does_not_load_its_sdk(tmp_path: Path) -> None:
    (tmp_path / "hemostat.toml").write_text('[vault.s3]\nbucket = "b"\n')
    code = (
        "import sys; from pathlib import Path; import hemostat.cli, hemostat.gateway.server\n"
        "from hemostat.settings import Settings; from hemostat.vault import Vault\n"
        "Vault.of(Settings.load(Path(sys.argv[1]))); sys.exit('boto3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "hemostat.toml"], check=True)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="hemostat up"):
        Settings.load(tmp_path / "none.toml")


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[gateway]\nport = 1234\n")
    monkeypatch.setenv("HEMOSTAT_CONFIG", str(file))
    assert Settings.load().gateway.port == 1234


def test_a_line_is_found_for_every_kind_of_key() -> None:
    lines = Lines(
        '# a comment\na.b = 1\n[t]\ntext = """\n[x]\ny = 1\n"""\nlist = [\n  1,\n  { k = 2 },\n]\n'
        "[[r]]\nq = 1\n[[r]]\n[r.m]\nq = 2\n[[r.s]]\nz = 3\n"
    )
    expected: dict[tuple[str | int, ...], int] = {
        ("a", "b"): 2,
        ("t",): 3,
        ("t", "text"): 4,
        ("t", "list", 1, "k"): 8,
        ("r", 0, "q"): 13,
        ("r", 1): 14,
        ("r", 1, "m", "q"): 16,
        ("r", 1, "s", 0, "z"): 18,
        ("r", 0, "absent"): 12,
        ("nowhere",): 1,
    }
    assert {path: lines.line(path) for path in expected} == expected


def test_a_secret_is_read_from_a_file_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("abc\n")
    assert read_secret(f"file:{tmp_path / 's'}") == "abc"


def test_a_secret_that_is_not_there_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEMOSTAT_TEST_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match="env:HEMOSTAT_TEST_SECRET"):
        read_secret("env:HEMOSTAT_TEST_SECRET")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_secret(f"file:{tmp_path / 'empty'}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("24h", 86_400), ("1.5h", 5400), ("250ms", 0.25)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("timer", "says"),
    [
        ("0s", "nobody answers in no time"),
        ("100000h", "ten years at most"),
        ("100000000000h", "ten years at most"),
        ("1" + "0" * 400 + "d", "ten years at most"),
    ],
)
def test_a_time_to_answer_in_is_some_time_and_has_an_end(timer: str, says: str) -> None:
    text = f'[services.a.gates.take-offline]\ntimer = "{timer}"\n'
    with pytest.raises(InvalidSettings) as caught:
        Settings.parse(text)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("hemostat.toml:2: `services.a.gates.take-offline.timer`: ")
    assert says in line


TOML_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70_000) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@trials(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["routes", "services", "sources", "connections"]), TOML_JSON)
)
def test_references_are_checked_in_a_document_of_any_shape(document: dict[str, object]) -> None:
    broken_references(document)


def test_the_legal_regimes_of_a_service_go_into_its_incidents_with_their_clocks() -> None:
    legal = '[services.a]\nregimes = ["nis2", "gdpr-33"]\ncountries = ["DE-BY", "FR"]\n'
    service = Settings.parse(legal).service("a")
    assert service.regimes == ("nis2", "gdpr-33")
    opening = opening_of("triage", service)
    assert opening.legal is not None
    assert {"nis2-23-4a", "gdpr-33"} <= {clock.id for clock in opening.legal.clocks}
    assert opening_of("triage", Settings.parse("[services.a]").service("a")).legal is None


def test_a_regime_or_a_country_that_is_not_known_is_told_with_its_line() -> None:
    said = problems('[services.a]\nregimes = ["gpdr"]\ncountries = ["XX"]\n')
    assert any("toml:2" in line and "no legal regime 'gpdr'" in line for line in said)
    assert any("toml:3" in line and "no country 'XX'" in line for line in said)


def test_a_service_is_looked_at_again_unless_that_is_switched_off() -> None:
    said = "[services.a.standing_proof]\nfirst = '30s'\nat_most = '10m'\n"
    assert Settings.parse("[services.a]").service("a").standing_proof == StandingProof()
    rhythm = Settings.parse(said).service("a").standing_proof
    assert rhythm is not None
    assert (rhythm.first, rhythm.at_most) == (timedelta(seconds=30), timedelta(minutes=10))
    off = "[services.a.standing_proof]\nenabled = false\n"
    assert Settings.parse(off).service("a").standing_proof is None
    (problem,) = problems("[services.a.standing_proof]\nfirst = '10m'\n")
    assert "swap them" in problem
