"""Somebody edits Temporal's database while an incident is open: the sealer says so, and keeps the truth."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from temporalio.client import Client

from hemostat.audit.account.reading import record_at
from hemostat.audit.pack.reader import Pack
from hemostat.audit.store import place_of
from hemostat.audit.verify.pack import verify_pack
from hemostat.processes import free_ports
from hemostat.temporal import connect_to, ensure_namespace
from hemostat.temporal.embedded import start_embedded_temporal
from schemas.audit.checkpoint import Why
from tests.audit.conftest import registered, room, until
from tests.workflows.case import Case

pytestmark = pytest.mark.temporal

SAID, FORGED = b"SentimentNegativeShareHigh", b"SentimentNegativeShareLow!"


def edit_the_database(file: Path) -> int:
    """Replace what an alert said, wherever a history keeps it; how many rows that were."""
    database = sqlite3.connect(file)
    rows = database.execute("SELECT rowid, data FROM history_node").fetchall()
    found = [(rowid, data) for rowid, data in rows if SAID in data]
    for rowid, data in found:
        edited = data.replace(SAID, FORGED)
        database.execute("UPDATE history_node SET data = ? WHERE rowid = ?", (edited, rowid))
    database.commit()
    database.close()
    return len(found)


@pytest.mark.slow
async def test_an_edited_database_is_noticed_and_the_first_version_kept(tmp_path: Path) -> None:
    port, ui_port = free_ports(2)
    folder = tmp_path / "temporal"
    async with await start_embedded_temporal(folder, port, ui_port) as temporal:
        client: Client = await connect_to(temporal.address, temporal.namespace)
        await ensure_namespace(client)
        async with room(client, tmp_path) as parts, parts.sealing():
            case = await Case.open(client, parts.queue, playbook="triage")
            await case.gate("close")
            first = case.handle.first_execution_run_id or ""
            place = place_of(case.handle.id, first)
            await until(lambda: bool(parts.store.names(place)), "its opening is sealed")
    assert edit_the_database(next(folder.glob("*.db"))) > 0
    async with await start_embedded_temporal(folder, port, ui_port) as temporal:
        client = await connect_to(temporal.address, temporal.namespace)
        parts.client = client
        await client.get_workflow_handle(case.handle.id).terminate("over")
        async with parts.sealing(parts.sealer(patience=0)):
            await registered(parts, case.handle.id)
        pack = parts.export(case.handle.id)
        codes = {finding.code for finding in verify_pack(pack, parts.trust).findings}
        assert codes == {"temporal-altered"}
        assert Why.ALARM in {held.body.why for held in Pack.open(pack).checkpoints()}
        seals = (await asyncio.to_thread(record_at, pack)).seals
        assert seals is not None
        assert seals.alarms
        kept = b"".join(bytes(event) for event in Pack.open(pack).events("histories/01"))
        assert SAID in kept
        assert FORGED not in kept
