"""Incidents that really ran on a real Temporal, sealed while they did, and their packs."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from hemostat.audit.follower import Sealer
from hemostat.audit.keys import with_key
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.sealer import run_sealer
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.timestamps import Timestamps
from hemostat.temporal import ensure_namespace
from hemostat.vault import Vault
from schemas.audit.signing import SigningKey
from schemas.audit.trust import Trust
from schemas.canonical import canonical_json
from schemas.journal import Entry, Kind
from tests.workflows.case import Case
from tests.workflows.conftest import FLAGS, IMPATIENT, server, working
from tests.workflows.voice import Voice
from tests.workflows.world import World


class WorldVault(Vault):
    """The vault that a test's world archives journals in."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder)
        self.world = world

    def read(self, digest: str) -> bytes:
        """Return what the world took."""
        archived = self.world.journals.get(digest)
        return super().read(digest) if archived is None else archived.encode()


@dataclass
class Room:
    """A Temporal, a worker, and a sealer's parts."""

    client: Client
    queue: str
    world: World
    folder: Path
    key: SigningKey
    trust: Trust

    @property
    def store(self) -> FolderStore:
        """The write-once store."""
        return FolderStore(self.folder / "store")

    @property
    def vault(self) -> Vault:
        """The vault."""
        return WorldVault(self.folder / "vault", self.world)

    def sealer(self, patience: float = 20, timestamps: Timestamps | None = None) -> Sealer:
        """A sealer of this room."""
        return Sealer(
            self.client,
            self.store,
            self.key,
            self.vault,
            every=timedelta(seconds=30),
            patience=timedelta(seconds=patience),
            timestamps=timestamps,
        )

    @asynccontextmanager
    async def sealing(self, sealer: Sealer | None = None) -> AsyncIterator[Sealer]:
        """A sealer that runs."""
        parts, stop = sealer or self.sealer(), asyncio.Event()
        task = asyncio.create_task(run_sealer(parts, stop))
        try:
            yield parts
        finally:
            stop.set()
            await task

    def export(self, incident: str, *, evidence: bool = False) -> Path:
        """Its pack."""
        path = self.folder / f"{incident}-{uuid.uuid4().hex[:6]}.zip"
        choice = Choice(include=evidence, withheld=frozenset({"replicas"}))
        export(self.store, self.vault, incident, path, choice=choice)
        return path


@asynccontextmanager
async def room(client: Client, folder: Path) -> AsyncIterator[Room]:
    """A room with a worker that works."""
    key, world = SigningKey.make(), World()
    trust = with_key(None, key, datetime.now(UTC) - timedelta(hours=1))
    async with working(client, world) as queue:
        yield Room(client, queue, world, folder, key, trust)


async def until(holds: Callable[[], bool | Awaitable[bool]], what: str, within: float = 30) -> None:
    """Wait until *holds*, but not for ever."""
    try:
        async with asyncio.timeout(within):
            while True:
                answer = holds()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


async def registered(parts: Room, incident: str, within: float = 30) -> None:
    """Wait until the close of *incident* is in the register."""
    from hemostat.audit.register import Register  # noqa: PLC0415 - used here alone

    def closed() -> bool:
        register = Register(parts.store)
        register.catch_up()
        return any(known == incident for known, _ in register.closed)

    await until(closed, f"{incident} is sealed", within)


async def in_the_vault(parts: Room, sealed: Sequence[Entry]) -> None:
    """Put there what the world only said that it sealed: its items are their own names."""
    for entry in sealed:
        if "name" in entry.data:
            name = str(entry.data["name"])
            kept = await parts.vault.put(
                canonical_json(name), media_type="", name=name, source="", method=""
            )
            assert kept.digest == entry.data["digest"]


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A Temporal for tests that need nothing more of it; who waits for events waits long."""
    async with server(FLAGS | {"history.longPollExpirationInterval": '"3m"'}) as env:
        yield env.client


@pytest.fixture
async def client(temporal: Client) -> Client:
    """Its client, in a namespace of the test's own: a sealer seals all that is in one."""
    client = Client(
        temporal.service_client,
        namespace=f"n-{uuid.uuid4().hex[:8]}",
        data_converter=temporal.data_converter,
    )
    await ensure_namespace(client)
    return client


@pytest.fixture(scope="session")
async def resolved(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Room, str]]:
    """An incident of one run, resolved by people, sealed; its room stays for the session."""
    async with server(FLAGS) as env, room(env.client, tmp_path_factory.mktemp("one")) as parts:
        async with parts.sealing():
            case = await Case.open(parts.client, parts.queue, drill=True, voice=Voice())
            await case.answer_everything()
            await case.result()
            await registered(parts, case.handle.id)
        await in_the_vault(parts, await case.kinds(Kind.EVIDENCE))
        yield parts, case.handle.id


@pytest.fixture(scope="session")
async def continued(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Room, str]]:
    """An incident of many runs."""
    flags = FLAGS | IMPATIENT
    async with server(flags) as env, room(env.client, tmp_path_factory.mktemp("many")) as parts:
        async with parts.sealing():
            case = await Case.open(parts.client, parts.queue)
            await case.answer_everything()
            await case.result()
            await registered(parts, case.handle.id)
        yield parts, case.handle.id
