"""The callers' adapter against a real Caddy with a route a key, and where that Caddy lies."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from activities.callers_caddy import CallersCaddy, Connection
from hemostat.drill.range.edge import start_caddy, wait_caddy
from hemostat.drill.range.exfiltration.keyed_edge import key_environment, keyed_config
from hemostat.processes import free_ports
from hemostat.vault import Vault
from schemas.errors import BadInput, ConflictingChange, SystemRefused, SystemUnreachable
from schemas.ports.callers import BlockCaller, ReadCaller, TryCaller
from tests.adapters.caddy.edge import Edge
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real

KEYS = {"ck-1": "key-of-one", "ck-2": "key-of-two"}


@pytest.fixture(scope="module")
async def keyed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    state = tmp_path_factory.mktemp("keyed")
    edge, admin, upstream = free_ports(3)
    initial = keyed_config(edge, admin, f"127.0.0.1:{upstream}", KEYS)
    initial["apps"]["http"]["servers"]["upstream"] = {
        "listen": [f"127.0.0.1:{upstream}"],
        "routes": [{"handle": [{"handler": "static_response", "body": "answered"}]}],
    }
    process = await start_caddy(state, initial, key_environment(KEYS))
    async with process:
        url = f"http://127.0.0.1:{admin}"
        await wait_caddy(process, url)
        running = Edge(f"http://127.0.0.1:{edge}", url, initial)
        yield running
        await running.client.aclose()


@pytest.fixture
async def edge(keyed: Edge) -> Edge:
    (await keyed.client.post(f"{keyed.admin}/load", json=keyed.initial)).raise_for_status()
    return keyed


@pytest.fixture
async def liar(edge: Edge) -> AsyncIterator[Liar]:
    async with Liar(edge.admin) as lying:
        yield lying


Made = Callable[..., CallersCaddy]


@pytest.fixture
async def made(edge: Edge, tmp_path: Path) -> AsyncIterator[Made]:
    files = {caller: tmp_path / caller for caller in KEYS}
    for caller, file in files.items():
        file.write_text(KEYS[caller])
    all_made: list[CallersCaddy] = []

    def make(admin: str = "", public: str = "", **changes: Any) -> CallersCaddy:
        connection = Connection(
            adapter="callers_caddy",
            admin=admin or edge.admin,
            edge=public or edge.url,
            keys={caller: f"file:{file}" for caller, file in files.items()},
            **changes,
        )
        all_made.append(CallersCaddy(connection, Vault(tmp_path / "vault")))
        return all_made[-1]

    yield make
    for adapter in all_made:
        await adapter.aclose()


def blocking(caller: str = "ck-1", incident: str = "inc-1") -> BlockCaller:
    return BlockCaller(connection="callers", incident=incident, key="k", caller=caller)


async def tried(adapter: CallersCaddy) -> dict[str, int]:
    return {c: (await adapter.try_caller(TryCaller(caller=c))).status for c in KEYS}


async def blocked_by(adapter: CallersCaddy, caller: str = "ck-1") -> tuple[str, ...]:
    return (await adapter.read_caller(ReadCaller(caller=caller))).blocked_by


async def test_one_key_is_refused_and_the_other_passes_until_it_is_let_in_again(
    edge: Edge, made: Made
) -> None:
    adapter, before = made(), await edge.config()
    assert await tried(adapter) == {"ck-1": 200, "ck-2": 200}
    assert (await adapter.block_caller(blocking())).changed
    assert await tried(adapter) == {"ck-1": 403, "ck-2": 200}
    assert await blocked_by(adapter) == ("inc-1",)
    assert await blocked_by(adapter, "ck-2") == ()
    assert (await adapter.unblock_caller(blocking())).changed
    assert await tried(adapter) == {"ck-1": 200, "ck-2": 200}
    assert await edge.config() == before


async def test_blocking_twice_writes_once(liar: Liar, made: Made) -> None:
    adapter = made(liar.url, timeout_seconds=30)
    first = await adapter.block_caller(blocking())
    assert await adapter.block_caller(blocking()) == first.model_copy(update={"changed": False})
    assert len(liar.writes()) == 1


async def test_incidents_refuse_a_key_independently(made: Made) -> None:
    adapter = made()
    await adapter.block_caller(blocking())
    await adapter.block_caller(blocking(incident="inc-2"))
    await adapter.unblock_caller(blocking())
    assert await blocked_by(adapter) == ("inc-2",)
    assert (await tried(adapter))["ck-1"] == 403


async def test_a_block_that_stands_in_nobodys_way_does_not_count(edge: Edge, made: Made) -> None:
    adapter = made()
    await adapter.block_caller(blocking())
    text = json.dumps(await edge.config())
    block = '"@id": "hemostat:inc-1:caller-ck-1"'
    assert block in text
    moved = await edge.config()
    routes = moved["apps"]["http"]["servers"]["edge"]["routes"][0]["handle"][0]["routes"]
    ours = next(r for r in routes if r.get("@id") == "hemostat:inc-1:caller-ck-1")
    routes.remove(ours)
    routes.append(ours)  # behind the caller's own route, which ends there
    (await edge.client.post(f"{edge.admin}/load", json=moved)).raise_for_status()
    assert await blocked_by(adapter) == ()
    assert (await tried(adapter))["ck-1"] == 200


async def test_a_caller_that_the_gateway_does_not_know_is_refused_and_nothing_written(
    liar: Liar, made: Made
) -> None:
    adapter = made(liar.url)
    for look in (adapter.block_caller(blocking("ck-9")), blocked_by(adapter, "ck-9")):
        with pytest.raises(BadInput):
            await look
    with pytest.raises(BadInput):
        await adapter.try_caller(TryCaller(caller="ck-9"))
    assert liar.writes() == []


async def test_a_block_that_is_taken_and_not_made_is_no_block(liar: Liar, made: Made) -> None:
    adapter = made(liar.url)
    liar.lie = lambda method, _: Lie.NONE if method == "GET" else Lie.NO_EFFECT
    with pytest.raises(ConflictingChange):
        await adapter.block_caller(blocking())
    assert await tried(adapter) == {"ck-1": 200, "ck-2": 200}


async def test_done_and_not_said_is_found_done_and_not_done_again(
    edge: Edge, liar: Liar, made: Made
) -> None:
    adapter = made(liar.url, timeout_seconds=1)
    liar.lie = lambda method, _: Lie.NONE if method == "GET" else Lie.ACT_THEN_SILENCE
    with pytest.raises(SystemUnreachable):
        await adapter.block_caller(blocking())
    assert (await tried(adapter))["ck-1"] == 403
    assert not (await adapter.block_caller(blocking())).changed
    assert json.dumps(await edge.config()).count("hemostat:inc-1:caller-ck-1") == 1


async def test_done_twice_is_one_block(edge: Edge, liar: Liar, made: Made) -> None:
    adapter = made(liar.url, timeout_seconds=30)
    liar.lie = lambda method, _: Lie.NONE if method == "GET" else Lie.ACT_TWICE
    assert (await adapter.block_caller(blocking())).blocked
    assert json.dumps(await edge.config()).count("hemostat:inc-1:caller-ck-1") == 1


@pytest.mark.parametrize(
    "lie", [lie for lie in Lie if lie not in (Lie.NONE, Lie.ACT_TWICE, Lie.ACT_THEN_SILENCE)]
)
async def test_no_lie_is_believed_and_no_key_is_told(liar: Liar, made: Made, lie: Lie) -> None:
    adapter = made(liar.url, timeout_seconds=0.5)
    liar.lie = lambda method, path: lie
    with pytest.raises((SystemUnreachable, SystemRefused, BadInput)) as caught:
        await adapter.block_caller(blocking())
    assert "attacker text" not in str(caught.value)


async def test_an_edge_that_answers_nothing_is_no_refusal(edge: Edge, made: Made) -> None:
    async with Liar(edge.url) as public:
        adapter = made(public=public.url, timeout_seconds=0.5)
        public.lie = lambda method, path: Lie.DRIP
        with pytest.raises(SystemUnreachable) as caught:
            await adapter.try_caller(TryCaller(caller="ck-1"))
        assert KEYS["ck-1"] not in str(caught.value)
        public.lie = lambda method, path: Lie.FAIL
        assert (await adapter.try_caller(TryCaller(caller="ck-1"))).status == 500


async def test_the_check_says_which_caller_has_no_route_or_no_key(made: Made) -> None:
    assert await made().check() == []
    adapter = made(prefix="other-")
    assert len(await adapter.check()) == len(KEYS)
