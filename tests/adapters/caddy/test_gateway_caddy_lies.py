"""The gateway adapter where others write as well, and where the gateway lies."""

import itertools
from pathlib import Path

import pytest

from activities.gateway_caddy import Connection, GatewayCaddy
from hemostat.vault import Vault
from schemas.errors import (
    ConflictingChange,
    HemostatError,
    SystemRefused,
    SystemUnreachable,
)
from tests.adapters.caddy.edge import (
    Edge,
    admitting,
    digest_of_config,
    isolating,
)
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real


async def test_a_change_by_someone_else_in_between_is_kept(
    edge: Edge, liar: Liar, patient: GatewayCaddy
) -> None:
    others = iter(range(8000, 8003))

    async def another_is_faster(method: str, path: str) -> None:
        if method == "PUT" and (port := next(others, None)):
            await edge.set("apps/http/http_port", port)

    liar.before = another_is_faster
    isolation = await patient.isolate_endpoint(isolating())
    assert isolation.changed
    assert len(liar.writes()) == 4
    config = await edge.config()
    assert config["apps"]["http"]["http_port"] == 8002
    restored = await patient.restore_endpoint(isolating())
    assert restored.exact  # from before our write, with the other's change


async def test_who_always_loses_the_race_gives_up_without_harm(
    edge: Edge, liar: Liar, patient: GatewayCaddy
) -> None:
    others = itertools.count(8000)

    async def another_is_faster(method: str, path: str) -> None:
        if method == "PUT":
            await edge.set("apps/http/http_port", next(others))

    liar.before = another_is_faster
    with pytest.raises(ConflictingChange):
        await patient.isolate_endpoint(isolating())
    assert await edge.post("/feedback") == 200
    assert (await edge.config())["apps"]["http"]["http_port"] == next(others) - 1


async def test_an_answer_lost_after_the_effect_does_not_double_it(
    edge: Edge, liar: Liar, deceived: GatewayCaddy
) -> None:
    before = digest_of_config(await edge.config())
    liar.lie = lambda method, path: Lie.ACT_THEN_SILENCE if method != "GET" else Lie.NONE
    with pytest.raises(SystemUnreachable):
        await deceived.isolate_endpoint(isolating())
    assert await edge.post("/feedback") == 503
    retried = await deceived.isolate_endpoint(isolating())
    assert (retried.changed, retried.config_before) == (False, before)
    with pytest.raises(SystemUnreachable):
        await deceived.admit_cohort(admitting(10))
    assert not (await deceived.admit_cohort(admitting(10))).changed
    with pytest.raises(SystemUnreachable):
        await deceived.restore_endpoint(isolating())
    undone = await deceived.restore_endpoint(isolating())
    assert (undone.changed, undone.exact, undone.config) == (False, True, before)
    assert [method for method, _ in liar.writes()] == ["PUT", "PATCH", "DELETE"]


async def test_yes_without_an_effect_is_not_believed(
    edge: Edge, liar: Liar, patient: GatewayCaddy
) -> None:
    liar.lie = lambda method, path: Lie.NO_EFFECT if method != "GET" else Lie.NONE
    with pytest.raises(ConflictingChange):
        await patient.isolate_endpoint(isolating())
    liar.lie = lambda method, path: Lie.NONE
    await patient.isolate_endpoint(isolating())
    liar.lie = lambda method, path: Lie.NO_EFFECT if method != "GET" else Lie.NONE
    with pytest.raises(ConflictingChange):
        await patient.admit_cohort(admitting(10))
    with pytest.raises(ConflictingChange):
        await patient.restore_endpoint(isolating())
    liar.lie = lambda method, path: Lie.NONE
    await patient.admit_cohort(admitting(10))
    liar.lie = lambda method, path: Lie.NO_EFFECT if method != "GET" else Lie.NONE
    with pytest.raises(ConflictingChange):
        await patient.isolate_endpoint(isolating())  # the cohort still passes


async def test_a_request_that_arrives_twice_acts_once(
    edge: Edge, liar: Liar, patient: GatewayCaddy
) -> None:
    liar.lie = lambda method, path: Lie.ACT_TWICE if method == "PUT" else Lie.NONE
    isolation = await patient.isolate_endpoint(isolating())
    # The second was refused by If-Match; the first one's effect was found on the next look.
    assert not isolation.changed
    routes = (await edge.config())["apps"]["http"]["servers"]["api"]["routes"]
    assert [r["@id"] for r in routes if r.get("@id", "").startswith("hemostat:")] == [
        "hemostat:inc-1:feedback"
    ]


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (Lie.FAIL, SystemUnreachable),
        (Lie.BUSY, SystemUnreachable),
        (Lie.GARBAGE, SystemUnreachable),
        (Lie.OTHER_SHAPE, HemostatError),
        (Lie.OVERSIZED, SystemRefused),
        (Lie.REDIRECT, SystemRefused),
        (Lie.DRIP, SystemUnreachable),
    ],
)
async def test_a_broken_gateway_is_an_error_of_ours_that_quotes_nothing(
    liar: Liar, deceived: GatewayCaddy, lie: Lie, error: type[HemostatError]
) -> None:
    liar.lie = lambda method, path: lie
    with pytest.raises(error) as raised:
        await deceived.isolate_endpoint(isolating())
    assert "attacker" not in repr(raised.value)
    assert len(await deceived.check()) == 1


async def test_a_gateway_that_is_down_is_unreachable(vault: Vault) -> None:
    connection = Connection(adapter="gateway_caddy", admin="http://127.0.0.1:9")
    adapter = GatewayCaddy(connection, vault)
    with pytest.raises(SystemUnreachable):
        await adapter.isolate_endpoint(isolating())
    await adapter.aclose()


async def test_containment_does_not_wait_for_a_vault_that_fails(
    edge: Edge, tmp_path: Path, trusted: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    connection = Connection(adapter="gateway_caddy", admin=edge.admin)
    adapter = GatewayCaddy(connection, Vault(tmp_path / "file"))
    assert (await adapter.isolate_endpoint(isolating())).changed
    assert await edge.post("/feedback") == 503
    await adapter.aclose()
