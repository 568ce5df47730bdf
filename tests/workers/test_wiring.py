"""What a worker says at its start: every problem, a line each, before any incident meets it."""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from schemas.errors import ConfigurationError, SystemUnreachable
from schemas.ports.gateway import seal_edge
from schemas.ports.paging import page
from tests.workers import fake_adapter
from tests.workers.fake_playbook import ClampIt, Parameters
from workers.connections import Connected, Connections, check_adapters, connect_adapters, unwired
from workers.interceptors import failure_of, keep_tracebacks_out_of_the_log
from workers.registry import (
    adapter_in,
    adapter_names,
    all_ports,
    discover_adapters,
    discover_playbooks,
    load_adapter,
    playbooks_in,
    spec_of,
)

PAGER = """
[connections.pager]
adapter = "paging_pagerduty"
routing_key = "env:A_KEY"
"""
PLAYBOOKS: dict[str, type] = {"clamp-it": ClampIt}


def said(settings: Settings, connections: Connections) -> list[str]:
    return [str(problem) for problem in unwired(settings, PLAYBOOKS, connections)]


def clamped(tmp_path: Path) -> Connections:
    kind = adapter_in(fake_adapter)
    connection = fake_adapter.Connection(adapter="fake_adapter", label="hand", token="env:T")
    vault = ModuleType("no vault is needed")
    return {"hand": Connected("hand", kind, kind.build(connection, vault))}  # type: ignore[arg-type]  # the fake does not look at it


def test_every_file_is_an_adapter_or_a_playbook_that_can_be_loaded() -> None:
    discovered = discover_adapters()
    assert discovered.skipped == ()
    assert set(discovered.adapters) == set(adapter_names())
    for name, playbook in discover_playbooks().items():
        assert spec_of(playbook).id == name


def test_every_port_a_playbook_needs_is_declared() -> None:
    needed = {port for cls in discover_playbooks().values() for port in spec_of(cls).ports}
    assert needed <= set(all_ports())


def test_a_missing_connection_is_one_line_that_says_what_needs_it() -> None:
    settings = Settings.parse(
        '[services.sentiment]\nplaybooks = ["clamp-it"]\nparameters.vessel = "aorta"'
    )
    (line,) = said(settings, {})
    assert line == (
        "hemostat.toml:1: service 'sentiment' has no connection for 'clamp', which playbook "
        "'clamp-it' needs for clamp_vessel, look_at_vessel. "
        'Next: add `clamp = "<connection>"` to [services.sentiment.connections].'
    )


def test_an_adapter_that_lacks_a_port_is_one_line(tmp_path: Path) -> None:
    settings = Settings.parse(
        '[connections.hand]\nadapter = "fake_adapter"\n'
        '[services.sentiment]\nplaybooks = ["clamp-it"]\n'
        'connections.clamp = "hand"\nparameters.vessel = "aorta"'
    )
    (line,) = said(settings, clamped(tmp_path))
    assert line.startswith(
        "hemostat.toml:5: connection 'hand' (fake_adapter) does not offer look_at_vessel, "
        "which playbook 'clamp-it' needs"
    )


def test_a_playbook_that_can_seal_needs_a_vault_from_which_it_reads_back() -> None:
    class SealIt:
        spec = replace(ClampIt.spec, id="seal-it", ports=(seal_edge,))

    text = (
        '[connections.edge]\nadapter = "gateway_caddy"\n'
        '[connections.evidence]\nadapter = "vault_folder"\n'
        '[services.a]\nplaybooks = ["seal-it"]\nparameters.vessel = "aorta"\n'
        'connections = { gateway = "edge" }\n'
    )
    playbooks: dict[str, type] = {"seal-it": SealIt}
    there = {"edge": Connected("edge", load_adapter("gateway_caddy"), None)}  # type: ignore[arg-type]  # nothing is asked of it
    (problem,) = unwired(Settings.parse(text), playbooks, there)
    assert "service 'a' has no vault: what playbook 'seal-it' seals by seal_edge" in (str(problem))
    assert '`vault = "evidence"` to [services.a.connections]' in str(problem)
    settings = Settings.parse(text.replace('"edge" }', '"edge", vault = "evidence" }'))
    kept = {"evidence": Connected("evidence", load_adapter("vault_folder"), None)}  # type: ignore[arg-type]  # nothing is asked of it
    assert unwired(settings, playbooks, {**there, **kept}) == []


def test_a_playbook_that_is_not_there_and_wrong_parameters_are_said(tmp_path: Path) -> None:
    settings = Settings.parse(
        '[connections.hand]\nadapter = "fake_adapter"\n'
        '[services.a]\nplaybooks = ["clamp-it", "feed-leeches"]\nconnections.clamp = "hand"\n'
    )
    lines = "\n".join(said(settings, clamped(tmp_path)))
    assert "there is no playbook 'feed-leeches'. Next: use one of: clamp-it." in lines
    assert "service 'a', playbook 'clamp-it': `vessel` is missing" in lines


def test_a_stage_that_lets_in_nobody_or_more_than_everybody_is_told_before_an_incident() -> None:
    settings = Settings.parse(
        '[services.a]\nplaybooks = ["assistant-exfiltration"]\n'
        '[services.a.parameters]\ncallers = { ck-1 = "" }\nstages = [0, 50, 150]\n'
    )
    told = [str(problem) for problem in unwired(settings, discover_playbooks(), {})]
    wrong = [line for line in told if "`stages." in line]
    assert len(wrong) == 2
    assert all(line.startswith("hemostat.toml:5: ") for line in wrong)


def test_all_broken_connections_are_told_at_once_without_their_values() -> None:
    settings = Settings.parse(
        '[connections.pager]\nadapter = "paging_pagerduty"\nrouting_key = "plain-secret"\n'
        '[connections.pigeon]\nadapter = "paging_pigeon"\n'
        '[connections.tickets]\nadapter = "tickets_servicenow"\nurl = "http://x"\nuser = "u"\n'
    )
    with pytest.raises(InvalidSettings) as raised:
        connect_adapters(settings)
    lines = str(raised.value)
    assert "hemostat.toml:3: connection 'pager': `routing_key`" in lines
    assert "there is no adapter 'paging_pigeon'" in lines
    assert "hemostat.toml:8: connection 'tickets': `url`" in lines
    assert "did you mean `username`?" in lines
    assert "plain-secret" not in lines


async def test_a_connection_that_cannot_be_used_is_said_with_its_name() -> None:
    connections = connect_adapters(Settings.parse(PAGER.replace("env:A_KEY", "env:NOT_SET_AT_ALL")))
    problems = await check_adapters({"hand": clamped(Path())["hand"], **connections})
    assert problems[0] == ("hand", "connection 'hand' (fake_adapter): it is not sterile.")
    assert problems[1][0] == "pager"
    assert problems[1][1].startswith("connection 'pager' (paging_pagerduty): env:NOT_SET_AT_ALL: ")


@pytest.fixture
def without_pagerduty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "activities.paging_pagerduty", raising=False)
    monkeypatch.setitem(sys.modules, "pagerduty", None)


@pytest.mark.usefixtures("without_pagerduty")
def test_an_adapter_without_its_sdk_is_skipped_in_one_line_unless_it_is_configured() -> None:
    discovered = discover_adapters()
    assert "paging_pagerduty" not in discovered.adapters
    (line,) = discovered.skipped
    assert line.startswith(
        "skipped the adapter 'paging_pagerduty' needs the Python package 'pagerduty'"
    )
    connect_adapters(Settings.parse(""))
    with pytest.raises(InvalidSettings, match=r"hemostat.toml:2: .* needs the Python package"):
        connect_adapters(Settings.parse(PAGER))


def test_a_module_that_breaks_the_contract_of_adapters_is_told_how() -> None:
    empty = ModuleType("activities.empty")
    with pytest.raises(TypeError, match="no Connection"):
        adapter_in(empty)
    empty.__dict__["Connection"] = fake_adapter.Connection
    with pytest.raises(TypeError, match="0 adapter classes"):
        adapter_in(empty)
    with pytest.raises(ConfigurationError, match="no adapter"):
        load_adapter("os")


def test_only_workflows_that_a_module_defines_itself_are_its_playbooks() -> None:
    module = sys.modules[ClampIt.__module__]
    assert playbooks_in([module]) == PLAYBOOKS
    importing = ModuleType("elsewhere")
    importing.__dict__["ClampIt"] = ClampIt
    assert playbooks_in([importing]) == {}


def test_a_port_is_known_by_its_name() -> None:
    assert {port.name: port for port in all_ports()}["page"] is page


def test_failures_keep_our_sentences_and_lose_those_of_strangers() -> None:
    ours = failure_of(SystemUnreachable("no answer", where="Caddy"))
    assert (ours.message, ours.type) == ("Caddy: no answer.", "SystemUnreachable")
    assert not ours.non_retryable
    with pytest.raises(ValidationError) as raised:
        Parameters.model_validate({"vessel": 1, "password": "hunter2"})
    theirs = failure_of(raised.value)
    assert (theirs.type, theirs.non_retryable) == ("ValidationError", False)
    assert theirs.message.startswith("unexpected ValidationError at ")
    assert "hunter2" not in theirs.message
    assert failure_of(KeyError("x")).message == "unexpected KeyError at an unknown place."


def test_the_sdks_log_line_loses_traceback_and_cause(caplog: pytest.LogCaptureFixture) -> None:
    keep_tracebacks_out_of_the_log()
    logger = logging.getLogger("temporalio.activity")
    try:
        try:
            json.loads("{hunter2")
        except ValueError as error:
            raise ApplicationError("Failed decoding arguments") from error
    except ApplicationError:
        logger.warning("Completing activity as failed 100%", exc_info=True)
    logger.warning("nothing is wrong with %s", "this")
    failed, fine = caplog.records
    assert failed.getMessage() == (
        "Completing activity as failed 100%: ApplicationError: Failed decoding arguments"
    )
    assert failed.exc_info is None
    assert fine.getMessage() == "nothing is wrong with this"


def test_a_service_under_legal_regimes_needs_a_calendar() -> None:
    text = '[services.sentiment]\nregimes = ["nis2"]\n[connections.calendar]\nadapter = "clocks_calendar"\n'
    (line,) = said(Settings.parse(text), {})
    assert line.startswith("hemostat.toml:2: service 'sentiment' declares legal regimes")
    whole = Settings.parse(text.replace("[conn", 'connections.clocks = "calendar"\n[conn'))
    assert said(whole, connect_adapters(whole)) == []
