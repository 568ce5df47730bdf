"""The gateway adapter against a real Caddy."""

import json
from pathlib import Path
from typing import Any

import pytest

from activities.gateway_caddy import GatewayCaddy
from activities.parts.caddy_configuration import choose_cohort
from hemostat.vault import Vault
from schemas.errors import (
    BadInput,
)
from schemas.ports.gateway import SealEdge
from tests.adapters.caddy.edge import (
    ACCOUNTS,
    Edge,
    admitting,
    digest_of_config,
    isolating,
    reading,
)
from tests.adapters.liar import Liar

pytestmark = pytest.mark.real


async def test_isolating_closes_the_route_and_no_other(edge: Edge, gateway: GatewayCaddy) -> None:
    before = await edge.config()
    isolation = await gateway.isolate_endpoint(isolating())
    assert isolation.changed
    assert isolation.config_before == digest_of_config(before)
    assert isolation.config_after == digest_of_config(await edge.config())
    assert await edge.post("/feedback") == 503
    assert await edge.post("/old-feedback") == 503
    assert await edge.post("/predict") == 200
    assert (await gateway.read_endpoint(reading())).isolated_by == ("inc-1",)


async def test_restoring_gives_back_exactly_the_configuration_from_before(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    before = await edge.client.get(f"{edge.admin}/config/")
    isolation = await gateway.isolate_endpoint(isolating())
    restoration = await gateway.restore_endpoint(isolating())
    assert restoration.changed
    assert restoration.exact
    assert restoration.config == isolation.config_before
    assert (await edge.client.get(f"{edge.admin}/config/")).content == before.content
    assert await edge.post("/feedback") == 200


async def test_both_configurations_are_in_the_vault(
    edge: Edge, gateway: GatewayCaddy, vault: Vault
) -> None:
    before = await edge.config()
    isolation = await gateway.isolate_endpoint(isolating())
    assert json.loads(vault.read(isolation.config_before)) == before
    assert json.loads(vault.read(isolation.config_after)) == await edge.config()
    sealed = await gateway.seal_edge(SealEdge())
    assert [item.digest for item in sealed.items] == [isolation.config_after]


async def test_isolating_twice_writes_once_and_says_the_same(
    edge: Edge, liar: Liar, patient: GatewayCaddy
) -> None:
    first = await patient.isolate_endpoint(isolating())
    again = await patient.isolate_endpoint(isolating())
    assert again == first.model_copy(update={"changed": False})
    assert len(liar.writes()) == 1


async def test_a_route_deep_inside_another_is_closed_in_its_place(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    await gateway.isolate_endpoint(isolating("deep"))
    assert await edge.post("/deep") == 503
    assert await edge.post("/nested") == 200
    assert (await gateway.restore_endpoint(isolating("deep"))).exact


async def test_a_route_without_a_matcher_is_closed_for_all(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    await gateway.isolate_endpoint(isolating("rest"))
    assert await edge.post("/anything") == 503
    assert await edge.post("/feedback") == 200
    await gateway.admit_cohort(admitting(100, "rest"))
    assert await edge.post("/anything") == 503
    assert await edge.post("/anything", ACCOUNTS[0]) == 200


async def test_incidents_close_one_route_independently(edge: Edge, gateway: GatewayCaddy) -> None:
    await gateway.isolate_endpoint(isolating(incident="inc-1"))
    await gateway.isolate_endpoint(isolating(incident="inc-2"))
    state = await gateway.read_endpoint(reading("inc-2"))
    assert state.isolated_by == ("inc-1", "inc-2")
    await gateway.admit_cohort(admitting(100))
    assert await edge.post("/feedback", ACCOUNTS[0]) == 503  # the other incident still holds it
    first = await gateway.restore_endpoint(isolating(incident="inc-1"))
    assert not first.exact  # the other incident's route came after "before"
    assert await edge.post("/feedback") == 503
    await gateway.restore_endpoint(isolating(incident="inc-2"))
    assert await edge.config() == json.loads(json.dumps(edge.initial))
    assert await edge.post("/feedback") == 200


async def test_a_cohort_passes_grows_and_is_shut_out_again(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    isolation = await gateway.isolate_endpoint(isolating())
    for percent, accounts in ((1, 1), (10, 3), (50, 13), (100, 25)):
        admission = await gateway.admit_cohort(admitting(percent))
        assert (admission.accounts, admission.changed) == (accounts, True)
        assert not (await gateway.admit_cohort(admitting(percent))).changed
        cohort = set(choose_cohort(ACCOUNTS, percent))
        for account in [*ACCOUNTS, "stranger"]:
            assert await edge.post("/feedback", account) == (200 if account in cohort else 503)
        assert (await gateway.read_endpoint(reading())).admitted == accounts
        assert (await gateway.read_endpoint(reading())).isolated_by == ("inc-1",)
    again = await gateway.isolate_endpoint(isolating())  # a guard was breached
    assert again.changed
    assert again.config_before == isolation.config_before
    assert await edge.post("/feedback", ACCOUNTS[0]) == 503
    assert (await gateway.restore_endpoint(isolating())).exact


async def test_no_cohort_passes_a_route_that_this_incident_did_not_close(
    gateway: GatewayCaddy,
) -> None:
    with pytest.raises(BadInput):
        await gateway.admit_cohort(admitting(10))


@pytest.mark.parametrize("account", ["*", "a*", "{env.HOME}", 7])
async def test_an_account_that_caddy_would_read_as_a_pattern_is_not_trusted(
    edge: Edge, gateway: GatewayCaddy, trusted: str, account: Any
) -> None:
    await gateway.isolate_endpoint(isolating())
    Path(trusted.removeprefix("file:")).write_text(json.dumps(["good", account]))
    with pytest.raises(BadInput):
        await gateway.admit_cohort(admitting(100))
    assert len(await gateway.check()) == 1
    assert await edge.post("/feedback", "good") == 503


async def test_an_unknown_route_is_refused_and_nothing_written(
    liar: Liar, patient: GatewayCaddy
) -> None:
    with pytest.raises(BadInput):
        await patient.isolate_endpoint(isolating("nowhere"))
    with pytest.raises(BadInput):
        await patient.read_endpoint(reading(route="nowhere"))
    assert liar.writes() == []


async def test_a_restore_that_finds_nothing_and_another_configuration_is_not_exact(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    await gateway.isolate_endpoint(isolating())
    await gateway.restore_endpoint(isolating())
    await edge.set("apps/http/http_port", 8123)
    again = await gateway.restore_endpoint(isolating())
    assert (again.changed, again.exact) == (False, False)


async def test_a_route_of_ours_that_was_made_harmless_does_not_count(
    edge: Edge, gateway: GatewayCaddy
) -> None:
    await gateway.isolate_endpoint(isolating())
    routes = (await edge.config())["apps"]["http"]["servers"]["api"]["routes"]
    closing = next(r for r in routes if r["@id"] == "hemostat:inc-1:feedback")
    closing["match"] = [{"path": ["/elsewhere"]}]
    url = f"{edge.admin}/config/apps/http/servers/api/routes"
    (await edge.client.patch(url, json=routes)).raise_for_status()
    assert (await gateway.read_endpoint(reading())).isolated_by == ()
    repaired = await gateway.isolate_endpoint(isolating())
    assert repaired.changed
    assert (await gateway.read_endpoint(reading())).isolated_by == ("inc-1",)


async def test_a_healthy_gateway_passes_the_check(gateway: GatewayCaddy) -> None:
    assert await gateway.check() == []
