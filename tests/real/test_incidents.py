"""Reading incidents from a real Temporal: with a worker, without one, with parts in the vault."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hemostat.incidents import (
    NoWorkerAnswers,
    journal,
    list_incidents,
    reading,
    view,
    waiting_incidents,
)
from hemostat.processes import free_ports
from hemostat.temporal import connect_to
from hemostat.temporal.embedded import start_embedded_temporal
from hemostat.vault import Vault
from schemas import visibility
from schemas.errors import BadInput
from schemas.incident import JournalQuery
from schemas.journal import Journal, Kind, verify_chain

pytestmark = [pytest.mark.real, pytest.mark.temporal]

ENTRIES = 1234


def a_long_journal() -> Journal:
    kept = Journal()
    began = datetime(2026, 11, 22, tzinfo=UTC)
    for number in range(ENTRIES):
        kept.add(began + timedelta(seconds=number), Kind.FINDING, f"Entry {number}")
    return kept


@workflow.defn(name="long-journal")
class LongJournal:
    """An incident whose first hundred entries moved to the vault."""

    @workflow.init
    def __init__(self, segments: list[str]) -> None:
        self._segments = segments
        self._entries = a_long_journal().entries

    @workflow.run
    async def run(self, segments: list[str]) -> None:
        workflow.upsert_search_attributes([visibility.WAITING_FOR.value_set(["commander"])])
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def segments(self) -> list[str]:
        return self._segments

    @workflow.query
    def journal(self, query: JournalQuery) -> list[dict[str, Any]]:
        start = max(query.start, 100)
        found = self._entries[start : start + query.limit]
        return [entry.model_dump(mode="json") for entry in found]


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    port, ui_port = free_ports(2)
    folder = tmp_path_factory.mktemp("temporal")
    async with await start_embedded_temporal(folder, port, ui_port) as server:
        yield await connect_to(server.address)


async def start(client: Client, name: str, segments: list[str]) -> None:
    attributes = [
        SearchAttributePair(visibility.PLAYBOOK, "long-journal"),
        SearchAttributePair(visibility.SERVICE, name),
    ]
    await client.start_workflow(
        "long-journal",
        segments,
        id=name,
        task_queue=name,
        search_attributes=TypedSearchAttributes(attributes),
    )


def worker(client: Client, name: str) -> Worker:
    return Worker(
        client,
        task_queue=name,
        workflows=[LongJournal],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def test_a_journal_is_read_whole_from_the_vault_and_page_by_page(
    client: Client, tmp_path: Path
) -> None:
    vault = Vault(tmp_path / "vault")
    first = a_long_journal().entries[:100]
    lines = "\n".join(entry.model_dump_json() for entry in first).encode()
    item = await vault.put(lines, media_type="m", name="n", source="s", method="m")
    await start(client, "whole", [item.digest])
    async with worker(client, "whole"):
        read = await journal(client, "whole", vault)
        assert not read.gaps
        assert verify_chain(read.entries) == a_long_journal().head
        async with asyncio.timeout(20):
            while not (found := await waiting_incidents(client)):
                await asyncio.sleep(0.05)
        (waiting,) = found
        assert (waiting.id, waiting.waiting_for) == ("whole", ("commander",))


async def test_a_part_that_is_not_in_the_vault_is_a_gap_and_the_rest_is_read(
    client: Client, tmp_path: Path
) -> None:
    await start(client, "gap", ["sha256:" + "0" * 64])
    async with worker(client, "gap"):
        read = await journal(client, "gap", Vault(tmp_path / "vault"))
    assert len(read.gaps) == 1
    assert [entry.seq for entry in read.entries] == list(range(100, ENTRIES))


async def test_without_a_worker_the_list_is_whole_and_a_question_says_what_to_do(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ANSWER_WITHIN", timedelta(seconds=2))
    await start(client, "alone", [])
    rows = {row.id: row for row in await list_incidents(client)}
    assert rows["alone"].open
    assert rows["alone"].playbook == "long-journal"
    with pytest.raises(NoWorkerAnswers, match="hemostat worker"):
        await view(client, "alone")


async def test_an_incident_that_is_not_there_is_told_as_that(client: Client) -> None:
    with pytest.raises(BadInput, match="there is no such incident"):
        await view(client, "nowhere")
