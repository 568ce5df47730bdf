"""Sessions at a real OpenID Connect provider: a token from before is refused after, and only that."""

import json
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from activities.sessions_oidc import Connection, SessionsOidc
from hemostat.processes import ChildProcess, free_port
from hemostat.vault import Vault
from schemas.errors import BadInput, SystemRefused, SystemUnreachable
from schemas.ports.sessions import EndSessions, TrySession
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real

INSIDER, COLLEAGUE = "someone@corp.example", "s-2"
END = EndSessions(connection="c", incident="inc-1", key="k", subject="ck-7f3a")
TRY = TrySession(subject="ck-7f3a", lived=True)
BACK = "https://app.example/back"


@pytest.fixture(scope="module")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The provider as a process."""
    port = free_port()
    people = [json.dumps({"sub": subject}) for subject in (INSIDER, COLLEAGUE)]
    async with await ChildProcess.start(
        "oidc-provider-mock",
        [
            *(sys.executable, "-m", "oidc_provider_mock", "-p", str(port)),
            *(word for claims in people for word in ("--user-claims", claims)),
        ],
        log=tmp_path_factory.mktemp("provider") / "log",
    ) as process:
        url = f"http://localhost:{port}"

        async def alive() -> bool:
            async with httpx2.AsyncClient(trust_env=False) as http:
                return (await http.get(f"{url}/.well-known/openid-configuration")).is_success

        await process.wait_ready(alive, timedelta(seconds=30))
        yield url


@dataclass
class SignedIn:
    """What a person holds after signing in."""

    issuer: str
    access: str
    refresh: str

    async def opens(self) -> int:
        """What the provider answers the access token."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            bearer = {"Authorization": f"Bearer {self.access}"}
            return (await http.get(f"{self.issuer}/userinfo", headers=bearer)).status_code

    async def refreshes(self) -> int:
        """What the provider answers the refresh token."""
        return (await _token(self.issuer, grant_type="refresh_token", refresh_token=self.refresh))[
            0
        ]


async def _token(issuer: str, **form: str) -> tuple[int, Any]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{issuer}/oauth2/token", data=form, auth=httpx2.BasicAuth("app", "app's own")
        )
        return answer.status_code, answer.json()


async def sign_in(issuer: str, subject: str) -> SignedIn:
    """As a browser goes: through the provider's form, and back with a code."""
    asked = {
        "client_id": "app",
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid",
        "nonce": secrets.token_hex(8),
        "state": "s",
    }
    async with httpx2.AsyncClient(trust_env=False) as http:
        consent = await http.post(f"{issuer}/oauth2/authorize", params=asked, data={"sub": subject})
    (code,) = parse_qs(urlsplit(consent.headers["location"]).query)["code"]
    _, made = await _token(issuer, grant_type="authorization_code", code=code, redirect_uri=BACK)
    return SignedIn(issuer, made["access_token"], made["refresh_token"])


@dataclass
class People:
    """Who is signed in."""

    insider: SignedIn
    colleague: SignedIn


@pytest.fixture
async def people(issuer: str, tmp_path: Path) -> People:
    """Both signed in anew, their tokens where the connection reads them."""
    there = People(await sign_in(issuer, INSIDER), await sign_in(issuer, COLLEAGUE))
    (tmp_path / "witness").write_text(there.insider.access)
    (tmp_path / "control").write_text(there.colleague.access)
    (tmp_path / "admin").write_text("the admin's own")
    return there


@pytest.fixture
async def liar(issuer: str) -> AsyncIterator[Liar]:
    async with Liar(issuer, keeps_host=True) as lying:
        yield lying


@pytest.fixture
async def adapter(liar: Liar, people: People, tmp_path: Path) -> AsyncIterator[SessionsOidc]:
    made = SessionsOidc(
        Connection.model_validate(
            {
                "adapter": "sessions_oidc",
                "end": f"{liar.url}/users/{{subject}}/revoke-tokens?all=true",
                "userinfo": f"{liar.url}/userinfo",
                "admin_token": f"file:{tmp_path / 'admin'}",
                "scheme": "SSWS",
                "subjects": {
                    "ck-7f3a": {"subject": INSIDER, "witness": f"file:{tmp_path / 'witness'}"},
                    "ck-19b2": {"subject": COLLEAGUE},
                },
                "control": f"file:{tmp_path / 'control'}",
                "timeout_seconds": 2,
            }
        ),
        Vault(tmp_path / "vault"),
    )
    yield made
    await made.aclose()


async def test_every_token_of_the_subject_is_refused_afterwards_and_nobody_elses(
    adapter: SessionsOidc, people: People, liar: Liar
) -> None:
    assert await adapter.check() == []
    before = await adapter.try_session(TRY)
    assert (before.answer, before.control) == ("accepted", "accepted")
    assert not before.ended()
    await adapter.end_sessions(END)
    after = await adapter.try_session(TRY)
    assert (after.answer, after.control) == ("refused", "accepted")
    assert after.ended()
    assert await people.insider.opens() >= 400
    assert await people.insider.refreshes() >= 400
    assert await people.colleague.opens() == 200
    await adapter.end_sessions(END)  # again is harmless
    posted = [path for method, path in liar.requests if method == "POST"]
    assert set(posted) == {"/users/someone%40corp.example/revoke-tokens?all=true"}
    assert {h["authorization"] for h in map(_lowered, liar.headers) if "authorization" in h} >= {
        "SSWS the admin's own"
    }
    (problem,) = await adapter.check()
    assert "ck-7f3a is not accepted" in problem


def _lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def test_a_provider_that_only_says_so_is_found_out(adapter: SessionsOidc, liar: Liar) -> None:
    liar.lie = lambda method, _: Lie.NO_EFFECT if method == "POST" else Lie.NONE
    await adapter.end_sessions(END)
    assert not (await adapter.try_session(TRY)).ended()


async def test_a_provider_that_refuses_everyone_shows_nothing(
    adapter: SessionsOidc, tmp_path: Path
) -> None:
    await adapter.end_sessions(END)
    (tmp_path / "control").write_text("no token at all")
    seen = await adapter.try_session(TRY)
    assert (seen.answer, seen.control) == ("refused", "refused")
    assert not seen.ended()


async def test_a_session_that_did_not_work_before_cannot_be_seen_to_end(
    adapter: SessionsOidc,
) -> None:
    unknown = await adapter.try_session(TrySession(subject="ck-19b2"))
    assert unknown.answer is None
    assert not unknown.ended()
    with pytest.raises(BadInput, match="seen to work"):
        await adapter.try_session(TrySession(subject="ck-19b2", lived=False))
    with pytest.raises(BadInput, match="no such subject"):
        await adapter.try_session(TrySession(subject="ck-0000"))


@pytest.mark.parametrize(
    ("lie", "error"), [(Lie.FAIL, SystemUnreachable), (Lie.NOT_FOUND, SystemRefused)]
)
async def test_no_answer_names_a_person_or_a_token(
    adapter: SessionsOidc, liar: Liar, people: People, lie: Lie, error: type[Exception]
) -> None:
    liar.lie = lambda method, _: lie if method == "POST" else Lie.NONE
    with pytest.raises(error) as caught:
        await adapter.end_sessions(END)
    assert not any(
        word in str(caught.value) for word in (INSIDER, people.insider.access, "the admin's own")
    )
