"""Tickets against a strict ServiceNow: one ticket for one correlation, whatever goes wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from activities import tickets_servicenow
from activities.tickets_servicenow import Connection, ServiceNow
from hemostat.drill.range.standins.standin import Control, Lie
from hemostat.vault import Vault
from schemas.errors import BadInput, SystemRefused, SystemUnreachable
from schemas.incident import Severity
from schemas.ports.tickets import OpenTicket, ReadTicket
from tests.adapters.conftest import SERVICENOW_PASSWORD, SERVICENOW_USER

pytestmark = pytest.mark.real


def a_ticket(correlation: str = "feedback-poisoning-0123", **changes: Any) -> OpenTicket:
    fields: dict[str, Any] = {
        "incident": "feedback-poisoning-0123",
        "correlation": correlation,
        "title": "Clean and retrain the sentiment model",
        "body": "The feedback of the last day is suspect.",
        "severity": Severity.SEV3,
    }
    return OpenTicket(**fields | changes)


@pytest.fixture
async def tickets(
    servicenow: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServiceNow]:
    monkeypatch.setenv("SNOW_USER", SERVICENOW_USER)
    monkeypatch.setenv("SNOW_PASSWORD", SERVICENOW_PASSWORD)
    connection = Connection(
        adapter="tickets_servicenow",
        url=servicenow.url,
        username="env:SNOW_USER",
        password="env:SNOW_PASSWORD",
        fields={"assignment_group": "ml-on-call"},
        ca=f"file:{servicenow.ca}",
    )
    adapter = ServiceNow(connection, Vault(tmp_path / "vault"))
    yield adapter
    await adapter.aclose()


async def test_a_ticket_opened_twice_is_one_and_reads_back(
    tickets: ServiceNow, servicenow: Control
) -> None:
    first = await tickets.open_ticket(a_ticket())
    second = await tickets.open_ticket(a_ticket())
    assert (first.changed, second.changed) == (True, False)
    assert first.number == second.number
    read = await tickets.read_ticket(ReadTicket(correlation="feedback-poisoning-0123"))
    assert (read.number, read.open) == (first.number, True)
    (record,) = (await servicenow.state())["tickets"]
    assert (record["impact"], record["urgency"], record["priority"]) == ("2", "2", "3")
    assert record["assignment_group"] == "ml-on-call"
    assert all(isinstance(value, str) for value in record.values())


async def test_ten_at_once_are_one_ticket(tickets: ServiceNow, servicenow: Control) -> None:
    opened = await asyncio.gather(*(tickets.open_ticket(a_ticket()) for _ in range(10)))
    assert len({ticket.number for ticket in opened}) == 1
    assert [ticket.changed for ticket in opened].count(True) == 1
    assert len((await servicenow.state())["tickets"]) == 1


async def test_a_time_out_after_acting_and_a_retry_are_one_ticket(
    tickets: ServiceNow, servicenow: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets_servicenow, "_TIMEOUT", httpx2.Timeout(0.5))
    await servicenow.lie(Lie.HANG)
    with pytest.raises(SystemUnreachable):
        await tickets.open_ticket(a_ticket())
    assert (await tickets.open_ticket(a_ticket())).changed is False
    assert len((await servicenow.state())["tickets"]) == 1


async def test_a_success_without_effect_is_not_believed(
    tickets: ServiceNow, servicenow: Control
) -> None:
    await servicenow.lie(Lie.NO_EFFECT)
    with pytest.raises(SystemUnreachable, match="does not have it"):
        await tickets.open_ticket(a_ticket())
    assert (await tickets.open_ticket(a_ticket())).changed is True
    assert len((await servicenow.state())["tickets"]) == 1


@pytest.mark.parametrize("lie", [Lie.ERROR, Lie.THROTTLE])
async def test_a_failure_is_one_to_try_again(
    tickets: ServiceNow, servicenow: Control, lie: Lie
) -> None:
    await servicenow.lie(lie)
    with pytest.raises(SystemUnreachable, match=r"answered (500|429)"):
        await tickets.open_ticket(a_ticket())
    assert (await servicenow.state())["tickets"] == []


async def test_a_wrong_password_is_refused_for_good_and_appears_nowhere(
    tickets: ServiceNow,
    servicenow: Control,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SNOW_PASSWORD", "wrong-but-secret")
    with pytest.raises(SystemRefused, match="401") as raised:
        await tickets.open_ticket(a_ticket())
    (problem,) = await tickets.check()
    said = caplog.text + repr(raised.value) + problem + str(await servicenow.state())
    assert "wrong-but-secret" not in said
    assert SERVICENOW_USER not in said


async def test_a_table_that_is_not_there_is_refused(
    tickets: ServiceNow, servicenow: Control
) -> None:
    settings = tickets._connection.model_copy(update={"table": "no_such_table"})
    other = ServiceNow(settings, Vault(Path("unused")))
    with pytest.raises(SystemRefused, match="400"):
        await other.open_ticket(a_ticket())
    await other.aclose()


@pytest.mark.parametrize("correlation", ["", "a^ORactive=true", "a\nb", "x" * 101, "^", "a=b"])
async def test_a_correlation_cannot_widen_the_query(tickets: ServiceNow, correlation: str) -> None:
    with pytest.raises(BadInput):
        await tickets.open_ticket(a_ticket(correlation))


async def test_what_nobody_opened_is_not_there(tickets: ServiceNow) -> None:
    assert await tickets.check() == []
    assert (await tickets.read_ticket(ReadTicket(correlation="unheard-of"))).number is None


async def test_long_words_are_cut_as_servicenow_would_cut_them(
    tickets: ServiceNow, servicenow: Control
) -> None:
    await tickets.open_ticket(a_ticket(title="t" * 1000, body="b" * 9000, drill=True))
    (record,) = (await servicenow.state())["tickets"]
    assert record["short_description"].startswith("EXERCISE: t")
    assert len(record["short_description"]) == 160
    assert len(record["description"]) == 4000
