"""Who read a restricted incident is sealed with it, or it is declared that nobody knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from hemostat.audit.account.account import Account
from hemostat.audit.account.reading import record_in
from hemostat.audit.explain.trust import readers
from hemostat.audit.pack.reader import Pack
from hemostat.audit.reads import reads_of
from hemostat.audit.sealer import seal_all
from hemostat.audit.verify.pack import verify_pack
from hemostat.desk.reads import FILE, Reads
from schemas.who import Who
from tests.audit.conftest import Room, room
from tests.forgeries.forge import Draft
from tests.workflows.case import Case, service

pytestmark = pytest.mark.temporal

AUDITOR = Who(
    person="auditor-1",
    subject="s-1",
    kind="auditor",
    method="passkey",
    roles=(),
    authenticated_at=datetime.now(UTC),
)


async def sealed(parts: Room, *, read: bool) -> Path:
    """The pack of a restricted incident that was closed, and that an auditor has read, or not."""
    of = service().model_copy(update={"restricted": True})
    case = await Case.open(parts.client, parts.queue, playbook="triage", of=of)
    await case.approve("acknowledge")
    if read:
        await Reads(parts.folder).note(AUDITOR, [case.handle.id, "another"], "journal")
    await case.approve("close")
    await case.result()
    await seal_all(replace(parts.sealer(), reads=parts.folder / FILE))
    return parts.export(case.handle.id)


async def test_reads_are_sealed_explained_and_cannot_be_taken_out(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        pack = await sealed(parts, read=True)
        assert verify_pack(pack, parts.trust).findings == ()
        assert [(r.person, r.what) for r in Pack.open(pack).reads() or ()] == [
            ("auditor-1", "journal")
        ]
        answer = readers(Account(record_in(pack)))
        assert answer.shown == "partly"
        assert "auditor-1 (auditor by passkey): 1 read," in answer.points[0].says

        draft = Draft.of(pack, parts.key, parts.trust)
        draft.members["reads.jsonl"] = b""
        codes = {finding.code for finding in draft.verdict(tmp_path).findings}
        assert "sealed-changed" in codes


async def test_where_nobody_knows_who_read_it_the_pack_says_so(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        pack = await sealed(parts, read=False)
        verdict = verify_pack(pack, parts.trust)
        assert verdict.findings == ()
        assert any("who read it is not known here" in note for note in verdict.notes)
        assert readers(Account(record_in(pack))).shown == "not shown"


async def test_a_line_that_was_cut_off_is_declared(tmp_path: Path) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    await Reads(tmp_path).note(AUDITOR, ["i-1"], "view")
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"incident":"i-1","at"')
    found = reads_of(tmp_path / FILE, "i-1", began, restricted=True)
    assert len(found.reads or ()) == 1
    assert found.gaps == ("1 lines of the record of reads could not be read",)
    later = reads_of(tmp_path / FILE, "i-1", began + timedelta(days=1), restricted=False)
    assert (later.reads, later.gaps) == (None, ())
