"""docs/reference/ against the code: nothing is missing, nothing is made up."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from activities.parts import serving_answers as said
from activities.parts.feedback_survey import Feedback
from activities.parts.mlflow_answers import Version
from hemostat.gateway.sources import kinds
from hemostat.settings import Settings, tables
from hemostat.settings.audit import AuditTable
from hemostat.settings.bucket import S3Table, VaultTable
from hemostat.settings.contacts import PersonTable
from hemostat.settings.identity import IdentityTable, OidcTable
from hemostat.settings.standing_proof import StandingProofTable
from schemas.evidence import EvidenceItem
from schemas.gate import Decision, Refusal
from schemas.journal import Entry, Journal, Kind
from schemas.ports.registry import ModelVersion
from schemas.roster import Delegation, Role
from schemas.signed_statement import SignedStatement, Unproven
from schemas.speakers import SpeakerKey
from tests.docs import generate
from tests.docs.documents import ROOT, blocks, rows
from workers.registry import adapter_names, discover_adapters, discover_playbooks

REFERENCE = ROOT / "docs" / "reference"
SETTINGS = (REFERENCE / "hemostat-toml.md").read_text()
SERVING = (REFERENCE / "serving-contract.md").read_text()
RECORD = REFERENCE / "record.md"


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_a_generated_page_is_what_make_docs_writes(page: Path) -> None:
    assert page.read_text() == generate.pages()[page], "run `make docs`"


def test_every_playbook_has_its_section() -> None:
    sections = re.findall(r"^## ([a-z-]+)$", (REFERENCE / "playbooks.md").read_text(), re.MULTILINE)
    assert sections == sorted(discover_playbooks())


# hemostat.toml


TABLES: dict[str, type[BaseModel]] = {
    "## `[hemostat]`": tables.HemostatTable,
    "## `[gateway]`": tables.GatewayTable,
    "## `[sources.NAME]`": tables.Source,
    "## `[[routes]]`": tables.Route,
    "## `[services.NAME]`": tables.ServiceTable,
    "## `[services.NAME.gates.GATE]`": tables.GateTable,
    "## `[services.NAME.standing_proof]`": StandingProofTable,
    "## `[people.ID]`": PersonTable,
    "## `[roles.NAME]`": Role,
    "## `[[delegations]]`": Delegation,
    "## `[break_glass]`": tables.BreakGlassTable,
    "## `[identity]`": IdentityTable,
    "## `[[identity.keys]]`": SpeakerKey,
    "## `[identity.oidc]`": OidcTable,
    "## `[vault]`": VaultTable,
    "## `[vault.s3]`": S3Table,
    "## `[audit]`": AuditTable,
    "## `[audit.s3]`": S3Table,
    **{f"### `{name}`": kind.connection for name, kind in discover_adapters().adapters.items()},
}


def section(text: str, heading: str) -> str:
    """The text under *heading*, up to the next one."""
    _, found, after = text.partition(f"\n{heading}\n")
    assert found, f"no section {heading}"
    return re.split(r"\n##+ ", after)[0]


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_there_with_its_default(heading: str) -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(SETTINGS, heading), "key")}
    assert told == {
        name: generate.default(field) for name, field in TABLES[heading].model_fields.items()
    }


def test_every_table_and_every_adapter_has_a_section() -> None:
    fields = set(Settings.model_fields)
    assert {re.sub(r"\W", "", table.split(".")[0]) for table in TABLES if "###" not in table} | {
        "connections"
    } == fields
    sections = set(re.findall(r"^##+ `.*`$", SETTINGS, re.MULTILINE))
    assert sections == {*TABLES, "## `[connections.NAME]`"}
    assert set(re.findall(r"^### `(\w+)`$", SETTINGS, re.MULTILINE)) == set(adapter_names())


def test_every_kind_of_source_is_named() -> None:
    assert all(f"`{kind}`" in section(SETTINGS, "## `[sources.NAME]`") for kind in kinds())


# The serving contract


SPOKEN: dict[str, type[BaseModel]] = {
    "GET /admin/model": said.LoadedModel,
    "POST /admin/reload": said.LoadedModel,
    "GET /admin/retraining": said.RetrainingState,
    "PUT /admin/retraining": said.RetrainingState,
    "GET /admin/feedback/offset": said.Offset,
    "GET /admin/feedback/contains": said.Contains,
    "GET /admin/feedback": said.FeedbackPage,
    "GET /admin/inferences": said.Inferences,
    "GET /admin/decisions": said.Decisions,
    "POST /admin/decisions/rescore": said.Decisions,
    "POST /admin/retrain": said.RetrainedAnswer,
    "POST /admin/evaluate": said.Evaluated,
    "POST /v1/predict": said.Predicted,
}


def contract() -> dict[str, str]:
    """Each request of the contract with its answer, as the page tells them."""
    lines = re.findall(r"^\| `((?:GET|POST|PUT) [^`]+)`[^|]*\| ([^|]+) \|", SERVING, re.MULTILINE)
    return dict(reversed(lines))


def test_every_request_that_the_adapters_make_is_in_the_contract() -> None:
    asked: set[str] = set()
    for file in (
        "activities/serving_http.py",
        "activities/parts/serving_client.py",
        "activities/parts/serving_evidence.py",
    ):
        text = (ROOT / file).read_text()
        calls = re.findall(r'"(GET|POST|PUT)",\s*"(/[\w/]+)"', text)
        asked |= {f"{method} {path}" for method, path in calls}
    assert asked == set(SPOKEN)
    assert set(contract()) == {*SPOKEN, "POST /v1/feedback"}


@pytest.mark.parametrize("request_line", SPOKEN)
def test_an_answer_has_the_fields_that_are_read(request_line: str) -> None:
    answer = contract()[request_line]
    if answer == "the same":
        answer = contract()["GET /admin/model"]
    fields = set(SPOKEN[request_line].model_fields)
    if request_line == "GET /admin/feedback":
        fields |= set(Feedback.model_fields)
    if request_line == "GET /admin/inferences":
        fields |= set(said.Inference.model_fields)
    assert set(re.findall(r'"(\w+)"', answer)) == fields


def test_the_lineage_tags_are_those_that_are_read() -> None:
    told = {row[0].strip("`") for row in rows(SERVING, "tag")}
    assert told == set(ModelVersion.model_fields) - {"version"}
    for tag in told:
        value = "2026-11-20T12:00:00Z"
        version = Version.model_validate({"version": "1", "tags": [{"key": tag, "value": value}]})
        assert getattr(version.with_lineage(), tag) is not None


# The record


def test_every_field_and_every_kind_of_an_entry_is_told() -> None:
    text = RECORD.read_text()
    assert [row[0].strip("`") for row in rows(text, "field")] == list(Entry.model_fields)
    assert [row[0].strip("`") for row in rows(text, "kind")] == [kind.value for kind in Kind]
    assert all(f"`{field}`" in text for field in EvidenceItem.model_fields)


def a_journal() -> dict[str, Any]:
    """What ``hemostat show --json`` prints, of a record with awkward content."""
    journal = Journal()
    now = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    journal.add(now, Kind.OPENED, "Incident opened", data={"drill": False, "none": None})
    awkward = {"title": 'é\u2028 "x" \x1b \ud800', "n": 0.1, "big": 2**70, "nan": float("nan")}
    journal.add(now, Kind.ALERT, "Alert", step="a-step", data=awkward)
    journal.add(now, Kind.CLOSED, "Closed", data={"nested": {"b": [1, -0.0, 1e21], "a": ""}})
    entries = [entry.model_dump(mode="json") for entry in journal.entries]
    return {"incident": {"journal_head": journal.head}, "journal": entries, "gaps": []}


def verify(shown: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run the program of the page, which imports nothing of ours."""
    (program,) = blocks(RECORD, "python")
    assert not {"hemostat", "schemas"} & set(re.findall(r"import (\w+)", program.text))
    return subprocess.run(
        [sys.executable, "-c", program.text],
        input=json.dumps(shown),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_of_the_page_verifies_a_journal() -> None:
    shown = a_journal()
    result = verify(shown)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"3 entries hold; the head is {shown['incident']['journal_head']}\n"


@pytest.mark.parametrize("at", range(3))
def test_the_program_of_the_page_notices_an_edit(at: int) -> None:
    shown = a_journal()
    shown["journal"][at]["says"] += "!"
    result = verify(shown)
    assert (result.returncode, result.stderr) == (1, f"the chain breaks at entry {at}\n")


def test_the_program_of_the_page_notices_what_is_cut_off() -> None:
    shown = a_journal()
    del shown["journal"][-1]
    assert verify(shown).stderr == "the last entry is not the head\n"


# Words that other pages use


def test_the_refusals_are_those_of_the_gate() -> None:
    page = (ROOT / "docs" / "how-to" / "answer-a-gate.md").read_text()
    (line,) = re.findall(r"^Why a decision did not count: (.*)$", page, re.MULTILINE)
    assert set(re.findall(r"`([a-z-]+)`", line)) == {refusal.value for refusal in Refusal}
    fields = {name for row in rows(page, "field") for name in re.findall(r"`(\w+)`", row[0])}
    assert fields == set(Decision.model_fields) - {"statement"}


def test_the_page_of_the_signed_statement_names_its_fields_and_refusals() -> None:
    page = (REFERENCE / "signed-statement.md").read_text()
    fields = {name for row in rows(page, "field") for name in re.findall(r"`(\w+)`", row[0])}
    assert fields == set(SignedStatement.model_fields)
    told = {name for row in rows(page, "because") for name in re.findall(r"`([a-z-]+)`", row[0])}
    assert told == {why.value for why in Unproven}
