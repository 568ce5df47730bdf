"""Kill -9 of the sealer at every write, and two at once: no gap, no fork, nothing sealed twice."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from hemostat.audit.follower import Sealer
from hemostat.audit.pack.export import export
from hemostat.audit.register import Register
from hemostat.audit.sealer import run_sealer, seal_all
from hemostat.audit.store import register_name
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.verify.pack import verify_pack
from hemostat.processes import ChildProcess
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import open_envelope
from tests.audit.conftest import Room, registered, room
from tests.audit.killed_sealer import PATIENT, kind_of
from tests.workflows.case import Case
from tests.workflows.conftest import FLAGS, IMPATIENT, server

pytestmark = pytest.mark.temporal

AT_ONCE = 3
POINTS = ("half", "after")
"""Where a write is cut: before it has its name, and before anybody knows that it has."""


class Counting(FolderStore):
    """Knows what was written, in its order."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.written: list[str] = []

    def put(self, name: str, content: bytes) -> bool:
        """Keep it."""
        new = super().put(name, content)
        self.written += [kind_of(name)] if new else []
        return new


def holds(parts: Room, store: FolderStore, folder: Path, incident: str) -> None:
    """What was sealed is whole, once."""
    pack = folder / "pack.zip"
    export(store, parts.vault, incident, pack)
    assert verify_pack(pack, parts.trust).findings == ()
    entries = registered_in(store)
    assert [(e.what, e.incident) for e in entries if e.incident == incident] == [
        (What.OPENED, incident),
        (What.CLOSED, incident),
    ]


def written_in(store: FolderStore) -> list[Path]:
    """What has its name in the store."""
    return [
        path
        for kind in ("register", "incidents", "objects")
        for path in (store.folder / kind).rglob("*")
        if path.is_file()
    ]


def registered_in(store: FolderStore) -> list[RegisterEntry]:
    """The whole register."""
    names = store.names("register")
    assert names == [register_name(number) for number in range(len(names))]
    return [open_envelope(KIND, store.get(name) or b"", RegisterEntry).body for name in names]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_killed_at_every_write_the_next_one_goes_on(tmp_path: Path) -> None:
    async with server(FLAGS | IMPATIENT) as env, room(env.client, tmp_path) as parts:
        case = await Case.open(parts.client, parts.queue, playbook="triage")
        for gate in ("acknowledge", "close"):
            await case.approve(gate)
        await case.result()
        for digest, archived in parts.world.journals.items():  # the child reads a real vault
            kept = await parts.vault.put(
                archived.encode(), media_type="", name="journal", source="", method=""
            )
            assert kept.digest == digest
        counting = Counting(tmp_path / "counting" / "store")
        await seal_all(sealer(parts, counting))
        holds(parts, counting, counting.folder.parent, case.handle.id)
        assert len(counting.written) >= 8
        key = tmp_path / "key.pem"
        key.write_text(parts.key.pem())
        key.chmod(0o600)
        turns = asyncio.Semaphore(AT_ONCE)

        async def killed(number: int, point: str) -> None:
            folder = tmp_path / f"{number}-{point}"
            store = FolderStore(folder / "store")
            async with turns:
                config = parts.client.service_client.config
                argv = [sys.executable, "-m", "tests.audit.killed_sealer", config.target_host]
                argv += [parts.client.namespace, str(store.folder), str(key), str(number), point]
                child = await ChildProcess.start("sealer", argv, log=folder / "log")
                left = await child.wait()
            reached = (folder / "reached").read_text() if (folder / "reached").exists() else None
            # Exit 0: it had sealed everything before this point came. That proves nothing.
            where = f"{point} write {number}, of {counting.written[number - 1]}: exit {left}"
            assert (left, reached) == (-signal.SIGKILL, counting.written[number - 1]), where
            if point == "half":
                assert (store.folder / "incoming" / "half").exists(), where
            assert len(written_in(store)) == number - (point == "half"), where
            await seal_all(sealer(parts, store))
            holds(parts, store, folder, case.handle.id)

        # Every write has its points, by its number; the short way goes to each write once.
        points = [(n, point) for n in range(1, len(counting.written) + 1) for point in POINTS]
        short = [*points[1::2], points[0], points[4]]
        whole = os.environ.get("HEMOSTAT_CRASH_MATRIX") == "whole"
        await asyncio.gather(*(killed(*point) for point in (points if whole else short)))


def sealer(parts: Room, store: FolderStore) -> Sealer:
    return Sealer(
        parts.client, store, parts.key, parts.vault, patience=PATIENT, journal_within=PATIENT
    )


async def test_two_sealers_at_once_do_not_fork(tmp_path: Path) -> None:
    async with server(FLAGS) as env, room(env.client, tmp_path) as parts:
        stop = asyncio.Event()
        both = [asyncio.create_task(run_sealer(parts.sealer(), stop)) for _ in range(2)]
        cases = [await Case.open(parts.client, parts.queue, playbook="triage") for _ in range(3)]
        for case in cases:
            await case.approve("acknowledge")
        for case in cases:
            await case.approve("close")
            await case.result()
        for case in cases:
            await registered(parts, case.handle.id)
        stop.set()
        await asyncio.gather(*both)
        for number, case in enumerate(cases):
            (folder := tmp_path / str(number)).mkdir()
            holds(parts, parts.store, folder, case.handle.id)


def test_a_number_that_is_taken_is_not_written_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert store.put("register/0000000000.json", b"first")
    assert not store.put("register/0000000000.json", b"second")
    assert store.get("register/0000000000.json") == b"first"
    assert (tmp_path / "register/0000000000.json").stat().st_mode & 0o777 == 0o444
    assert Register(store).open_ones() == []
