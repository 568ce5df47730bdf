"""The connectors' adapter against a real OAuth authority, and where that authority lies."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from activities.connectors_oauth import Connection, ConnectorsOauth
from hemostat.drill.range.assistant.wiki import Wiki
from hemostat.vault import Vault
from schemas.errors import BadInput, ConflictingChange, SystemRefused, SystemUnreachable
from schemas.ports.connectors import RevokeConnector, TryConnector
from tests.adapters.liar import Liar, Lie

REVOKE = RevokeConnector(connection="c", incident="inc-1", key="k", connector="wiki")
TRY = TryConnector(connector="wiki")


@pytest.fixture
def token(tmp_path: Path) -> str:
    made = secrets.token_urlsafe(24)
    (tmp_path / "token").write_text(made)
    (tmp_path / "client-secret").write_text("the client's own")
    return made


@pytest.fixture
async def liar(tmp_path: Path, token: str) -> AsyncIterator[Liar]:
    settings = {
        "pages": {"home": "Welcome."},
        "client_id": "hemostat",
        "client_secret_file": str(tmp_path / "client-secret"),
        "token_file": str(tmp_path / "token"),
    }
    transport = httpx2.ASGITransport(app=Wiki(settings).app())
    async with Liar("http://wiki", transport) as lying:
        yield lying


@pytest.fixture
async def adapter(liar: Liar, tmp_path: Path) -> AsyncIterator[ConnectorsOauth]:
    made = ConnectorsOauth(
        Connection.model_validate(
            {
                "adapter": "connectors_oauth",
                "revocation": f"{liar.url}/oauth2/revoke",
                "introspection": f"{liar.url}/oauth2/introspect",
                "client_id": "hemostat",
                "client_secret": f"file:{tmp_path / 'client-secret'}",
                "connectors": {
                    "wiki": {
                        "token": f"file:{tmp_path / 'token'}",
                        "resource": f"{liar.url}/pages/home",
                    }
                },
                "timeout_seconds": 0.5,
            }
        ),
        Vault(tmp_path / "vault"),
    )
    yield made
    await made.aclose()


def lying(liar: Liar, path: str, lie: Lie) -> None:
    liar.lie = lambda _, asked: lie if asked == path else Lie.NONE


async def test_a_token_is_ended_by_its_authority_and_opens_nothing_any_more(
    adapter: ConnectorsOauth,
) -> None:
    before = await adapter.try_connector(TRY)
    assert (before.active, before.status) == (True, 200)
    assert (await adapter.revoke_connector(REVOKE)).changed
    after = await adapter.try_connector(TRY)
    assert (after.active, after.status) == (False, 401)


async def test_ending_it_twice_asks_the_authority_once(
    adapter: ConnectorsOauth, liar: Liar
) -> None:
    await adapter.revoke_connector(REVOKE)
    assert not (await adapter.revoke_connector(REVOKE)).changed
    assert [path for _, path in liar.requests].count("/oauth2/revoke") == 1


async def test_a_revocation_that_is_answered_and_not_done_is_none(
    adapter: ConnectorsOauth, liar: Liar
) -> None:
    lying(liar, "/oauth2/revoke", Lie.NO_EFFECT)
    with pytest.raises(ConflictingChange):
        await adapter.revoke_connector(REVOKE)
    assert (await adapter.try_connector(TRY)).active


async def test_done_and_not_said_or_done_twice_is_found_done(
    adapter: ConnectorsOauth, liar: Liar
) -> None:
    lying(liar, "/oauth2/revoke", Lie.ACT_THEN_SILENCE)
    with pytest.raises(SystemUnreachable):
        await adapter.revoke_connector(REVOKE)
    assert not (await adapter.revoke_connector(REVOKE)).changed


async def test_done_twice_is_done_once(adapter: ConnectorsOauth, liar: Liar) -> None:
    lying(liar, "/oauth2/revoke", Lie.ACT_TWICE)
    assert (await adapter.revoke_connector(REVOKE)).changed
    assert (await adapter.try_connector(TRY)).status == 401


async def test_a_resource_that_still_opens_is_told_whatever_the_authority_says(
    adapter: ConnectorsOauth, liar: Liar
) -> None:
    await adapter.revoke_connector(REVOKE)
    lying(liar, "/pages/home", Lie.NO_EFFECT)  # a cache that has not heard of it
    seen = await adapter.try_connector(TRY)
    assert (seen.active, seen.status) == (False, 200)


@pytest.mark.parametrize(
    "lie", [lie for lie in Lie if lie not in (Lie.NONE, Lie.ACT_TWICE, Lie.ACT_THEN_SILENCE)]
)
async def test_no_lie_is_believed_and_neither_token_nor_secret_is_repeated(
    adapter: ConnectorsOauth, liar: Liar, token: str, lie: Lie
) -> None:
    lying(liar, "/oauth2/introspect", lie)
    with pytest.raises((SystemUnreachable, SystemRefused)) as caught:
        await adapter.revoke_connector(REVOKE)
    for hidden in (token, "the client's own", "attacker text"):
        assert hidden not in str(caught.value)


async def test_a_connector_that_the_connection_does_not_know_is_refused(
    adapter: ConnectorsOauth,
) -> None:
    with pytest.raises(BadInput):
        await adapter.revoke_connector(REVOKE.model_copy(update={"connector": "crm"}))


async def test_the_check_says_which_token_is_not_active(
    adapter: ConnectorsOauth, tmp_path: Path
) -> None:
    assert await adapter.check() == []
    await adapter.revoke_connector(REVOKE)
    (problem,) = await adapter.check()
    assert "wiki" in problem
