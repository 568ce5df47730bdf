"""Every block of the documents is what it looks like: commands exist, settings hold, JSON parses."""

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from hemostat.cli import hemostat
from hemostat.gateway.routing import destination_of
from hemostat.gateway.sources import kinds
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas import visibility
from schemas.gate import Decision
from tests.docs.documents import ROOT, Block, all_blocks, blocks
from tests.senders import STRUCTURED, alarm, datadog, grafana, mlflow, read
from workers.connections import close_adapters, connect_adapters, unwired
from workers.registry import discover_playbooks

HOW_TO = ROOT / "docs" / "how-to"
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def dedented(document: Path) -> list[Block]:
    """The blocks of a document, those within list items as well."""
    found = blocks(document)
    fence = re.compile(r"^( +)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
    for indent, language, text in fence.findall(document.read_text()):
        lines = [line.removeprefix(indent) for line in text.splitlines(keepends=True)]
        found.append(Block(document, 0, language, "".join(lines)))
    return found


def commands() -> list[tuple[str, list[str]]]:
    found = []
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    for page in pages:
        for block in dedented(page):
            if block.language == "sh":
                for line in block.text.splitlines():
                    words = shlex.split(line)
                    if words:
                        found.append((f"{page.name}: {line[:60]}", words))
    return found


@pytest.mark.parametrize("words", [c[1] for c in commands()], ids=[c[0] for c in commands()])
def test_a_command_exists_and_takes_what_it_is_given(words: list[str]) -> None:
    program, *arguments = words
    if program == "make":
        assert set(arguments) <= TARGETS
    elif program == "hemostat":
        command = hemostat.get_command(click.Context(hemostat), arguments[0])
        assert command is not None
        command.make_context(arguments[0], arguments[1:])
    elif program == "python":
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]), arguments[1]
    else:
        assert program in {"aws", "export", "temporal"}


def test_inline_commands_exist() -> None:
    names = set(hemostat.list_commands(click.Context(hemostat)))
    for page in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]:
        text = page.read_text()
        assert set(re.findall(r"`(?:\.venv/bin/)?hemostat ([a-z]+)", text)) <= names, page
        assert set(re.findall(r"`make ([a-z]+)`", text)) <= TARGETS, page


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_a_toml_block_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


async def test_the_whole_hemostat_toml_has_all_that_its_playbooks_need(tmp_path: Path) -> None:
    block, people = blocks(ROOT / "docs" / "reference" / "hemostat-toml.md", "toml")
    assert Settings.parse(people.text).roster().break_glass.people == ("p-04",)
    settings = Settings.parse(block.text, tmp_path / "hemostat.toml")
    connections = connect_adapters(settings)
    try:
        assert unwired(settings, discover_playbooks(), connections) == []
        assert set(connections) == set(settings.connections)
        for connected in connections.values():
            assert connected.name in str(settings.services)
    finally:
        await close_adapters(connections)
    assert str(Vault.of(settings)) == "/var/lib/hemostat/vault"


def test_the_alertmanager_page_is_of_one_piece() -> None:
    page = dedented(HOW_TO / "connect-alertmanager.md")
    (toml,) = (block.text for block in page if block.language == "toml")
    (text,) = (block.text for block in page if block.language == "yaml")
    settings = Settings.parse(toml)
    (receiver,) = yaml.safe_load(text)["receivers"]
    (webhook,) = receiver["webhook_configs"]
    source = webhook["url"].rpartition("/")[2]
    assert webhook["url"] == f"http://127.0.0.1:{settings.gateway.port}/alerts/{source}"
    assert source in settings.sources
    assert webhook["send_resolved"] is True
    assert "payload" not in webhook
    assert webhook["http_config"]["authorization"]["type"] == "Bearer"


def test_the_page_of_the_other_sources_is_of_one_piece() -> None:
    page = dedented(HOW_TO / "connect-a-source.md")
    (toml,) = (block.text for block in page if block.language == "toml")
    event, payload = (block.text for block in page if block.language == "json")
    (program,) = (block.text for block in page if block.language == "python")
    settings = Settings.parse(toml)
    assert (
        not set(kinds())
        - {"alertmanager", "pagerduty", "report"}
        - {table.kind for table in settings.sources.values()}
    )
    made = [
        ("grafana", read("grafana", grafana())),
        ("registry", read("mlflow", mlflow())),
        ("guards", read("cloudevents", event.encode(), STRUCTURED)),
        ("aws", read("eventbridge", alarm())),
        ("datadog", read("datadog", datadog())),
    ]
    for name, normalised in made:
        (alert,) = (one.model_copy(update={"source": name}) for one in normalised.alerts)
        assert destination_of(settings, alert).opening.playbook == "feedback-poisoning", name
    assert set(json.loads(payload)) == set(json.loads(datadog()))
    compile(program, "connect-a-source.md", "exec")
    assert "/alerts/registry" in program


def test_the_search_attributes_to_add_are_those_that_are_used() -> None:
    text = (HOW_TO / "run-on-your-own-temporal.md").read_text()
    added = re.findall(r"search-attribute create --name (\w+) --type (\w+)", text)
    types = {
        "KEYWORD": "Keyword",
        "KEYWORD_LIST": "KeywordList",
        "BOOL": "Bool",
        "DATETIME": "Datetime",
    }
    assert added == [(key.name, types[key.indexed_value_type.name]) for key in visibility.KEYS]


def test_the_decision_that_is_shown_has_the_fields_of_one() -> None:
    text = (HOW_TO / "answer-a-gate.md").read_text()
    (shown,) = re.findall(r"--name decide --input '(\{.*\})'", text)
    known = set(Decision.model_fields)
    assert set(json.loads(shown)) == known - {"statement"}
