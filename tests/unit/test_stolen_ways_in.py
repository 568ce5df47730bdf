"""What a stolen, overheard or outdated way in is still good for: nothing, and at once.

Each test is named for what was tried.
"""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hemostat.cli import run
from hemostat.identity import secrets, throttle
from hemostat.identity.accounts import Account, Accounts
from hemostat.identity.desk import Identity
from hemostat.identity.sessions import Session
from hemostat.identity.throttle import FREE, MOST_CHECKED
from schemas.base import iso
from tests.authenticator import Authenticator
from tests.browser import Browser, csrf_in, identity_of, member
from tests.provider import ISSUER, Provider

SITE = "http://localhost:8787"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost nothing here."""
    monkeypatch.setattr(secrets, "_N", 16)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return identity_of(tmp_path, f'url = "{SITE}"')


async def with_passkey(identity: Identity, name: str, device: Authenticator) -> int:
    browser = Browser(identity, SITE)
    await browser.sign_in(name, member(identity, name))
    headers = {"x-csrf": csrf_in((await browser.get("/me")).text)}
    options = (await browser.post("/passkeys/options", headers=headers)).json()
    answer = await browser.post("/passkeys", headers=headers, content=device.create(options))
    return answer.status_code


# Guessing


async def test_many_guesses_at_one_moment_are_as_slow_as_one_after_the_other(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "monotonic", lambda: 1000.0)
    looked_at: list[str] = []

    def verify(self: Accounts, name: str, secret: str) -> Account | None:
        looked_at.append(secret)
        return None

    monkeypatch.setattr(Accounts, "verify", verify)
    browser = Browser(identity, SITE)
    form = {"csrf": await browser.form("/login"), "name": "ic-1"}
    guesses = (browser.post("/login", {**form, "secret": f"guess {n}"}) for n in range(30))
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}
    assert len(looked_at) == FREE


async def test_a_flood_of_guesses_at_many_names_leaves_the_threads_that_seal_alerts_alone(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, looking = threading.Event(), []

    def verify(self: Accounts, name: str, secret: str) -> Account | None:
        looking.append(name)
        go_on.wait(20)
        return None

    monkeypatch.setattr(Accounts, "verify", verify)
    browser = Browser(identity, SITE)
    form = {"csrf": await browser.form("/login"), "secret": "a guess"}
    flood = [
        asyncio.create_task(browser.post("/login", {**form, "name": f"nobody-{n}"}))
        for n in range(3 * MOST_CHECKED)
    ]
    try:
        refused, _ = await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert refused  # beyond what can wait, nothing is looked at
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "sealed"), 20) == "sealed"
        assert len(looking) == 1
    finally:
        go_on.set()
        await asyncio.gather(*flood)


# Passkeys


async def test_an_overheard_answer_of_a_passkey_that_counts_nothing_is_good_once(
    identity: Identity,
) -> None:
    device = Authenticator()
    assert await with_passkey(identity, "ic-1", device) == 200
    browser, thief = Browser(identity, SITE), Browser(identity, SITE)
    headers = {"x-csrf": await browser.form("/login")}
    asked = await browser.post("/login/passkey/options", headers=headers)
    device.count = -1  # as synced passkeys are: they always say 0
    sent = device.get(asked.json())
    thief.http.cookies = dict(browser.http.cookies)
    assert (await browser.post("/login/passkey", headers=headers, content=sent)).status_code == 200
    again = await thief.post("/login/passkey", headers=headers, content=sent)
    assert again.status_code == 403
    assert await thief.me() is None


async def test_a_passkey_under_the_id_of_somebody_elses_is_not_taken(identity: Identity) -> None:
    device = Authenticator()
    assert await with_passkey(identity, "ic-1", device) == 200
    assert await with_passkey(identity, "at-1", Authenticator(id=device.id)) == 403
    browser = Browser(identity, SITE)
    headers = {"x-csrf": await browser.form("/login")}
    asked = await browser.post("/login/passkey/options", headers=headers)
    answer = await browser.post("/login/passkey", headers=headers, content=device.get(asked.json()))
    assert answer.status_code == 200


# Sessions and tokens that outlive what they came of


@pytest.mark.parametrize("how", ["reset", "remove"])
async def test_a_stolen_session_and_token_end_when_the_account_is_reset_or_given_to_another(
    identity: Identity, tmp_path: Path, how: str
) -> None:
    browser = Browser(identity, SITE)
    await browser.sign_in("ic-1", member(identity))
    asked = (await browser.post("/device/code")).json()
    form = {"csrf": await browser.form("/device"), "code": asked["user_code"], "answer": "lend"}
    await browser.post("/device", form)
    lent = await browser.post("/device/token", {"device_code": asked["device_code"]})
    bearer = {"authorization": f"Bearer {lent.json()['access_token']}"}
    assert (await Browser(identity).get("/whoami", headers=bearer)).status_code == 200
    config = ["--config", str(tmp_path / "hemostat.toml")]
    assert run(["accounts", how, "ic-1", *config]) == 0
    if how == "remove":
        assert run(["accounts", "add", "ic-1", *config]) == 0
    assert await browser.me() is None
    assert (await Browser(identity).get("/whoami", headers=bearer)).status_code == 401


OIDC = f"""
groups = {{ ml = ["ml-lead"] }}
oidc = {{ issuer = "{ISSUER}", client_id = "hemostat", person_claim = "upn" }}
"""


async def signed_in(browser: Browser, provider: Provider) -> int:
    back = provider.consent((await browser.get("/login/oidc")).headers["location"])
    return (await browser.get("/login/callback", params=back)).status_code


async def test_a_role_that_was_taken_away_is_gone_from_sessions_and_tokens_of_the_provider(
    tmp_path: Path,
) -> None:
    provider = Provider()
    provider.claims = {"sub": "s-1", "upn": "ic-1", "groups": ["ml"]}
    people = '[people]\nic-1 = {}\nic-2 = {}\n[roles]\ncommander = { primary = "%s" }\n'
    before = identity_of(tmp_path, OIDC, provider.transport(), people % "ic-1")
    browser = Browser(before)
    assert await signed_in(browser, provider) == 303
    asked = (await browser.post("/device/code")).json()
    form = {"csrf": await browser.form("/device"), "code": asked["user_code"], "answer": "lend"}
    await browser.post("/device", form)
    lent = await browser.post("/device/token", {"device_code": asked["device_code"]})
    bearer = {"authorization": f"Bearer {lent.json()['access_token']}"}
    after = identity_of(
        tmp_path, OIDC.replace('"ml-lead"', '"ml-on-call"'), provider.transport(), people % "ic-2"
    )
    found = []
    for identity in (before, after):
        later = Browser(identity)
        with_token = (await later.get("/whoami", headers=bearer)).json()
        later.http.cookies = browser.http.cookies
        with_cookie = await later.me()
        assert with_cookie is not None
        found.append((with_cookie["roles"], with_token["roles"]))
    assert found == [(["commander", "ml-lead"], ["commander", "ml-lead"]), ([], [])]


async def test_who_left_a_group_of_the_provider_has_its_roles_no_longer_than_groups_hold(
    tmp_path: Path,
) -> None:
    provider = Provider()
    provider.claims = {"sub": "s-1", "upn": "ic-1", "groups": ["ml"]}
    identity = identity_of(tmp_path, OIDC + 'groups_hold = "4h"', provider.transport())
    browser = Browser(identity)
    assert await signed_in(browser, provider) == 303
    session = identity.sessions.cookie.opened(browser.session or "", Session)
    assert session is not None
    for age, roles in ((timedelta(hours=3, minutes=59), ["ml-lead"]), (timedelta(hours=4), None)):
        then = session.who.model_copy(update={"authenticated_at": datetime.now(UTC) - age})
        aged = session.model_copy(update={"who": then})
        browser.plant(identity.sessions.cookie.name, identity.sessions.cookie.sealed(aged))
        me = await browser.me()
        assert (me and me["roles"]) == roles
        device, code = identity.tokens.ask()
        identity.tokens.answer(code, then)
        lent = (await browser.post("/device/token", {"device_code": device})).json()
        assert lent["expires_at"] <= iso(then.authenticated_at + timedelta(hours=4))
        bearer = {"authorization": f"Bearer {lent['access_token']}"}
        answer = await Browser(identity).get("/whoami", headers=bearer)
        assert (answer.json() and answer.json()["roles"]) == roles
    # Signed in anew they have what the provider says by now, and no session outlives it by groups.
    provider.claims["groups"] = []
    assert await signed_in(browser, provider) == 303
    me = await browser.me()
    assert me is not None
    assert me["roles"] == []


async def test_roles_of_the_file_need_no_provider_to_hold(tmp_path: Path) -> None:
    provider = Provider()
    provider.claims = {"sub": "s-1", "upn": "ic-1"}
    people = '[people]\nic-1 = {}\n[roles]\ncommander = { primary = "ic-1" }\n'
    identity = identity_of(tmp_path, OIDC + 'groups_hold = "1ms"', provider.transport(), people)
    browser = Browser(identity)
    assert await signed_in(browser, provider) == 303
    me = await browser.me()
    assert me is not None
    assert me["roles"] == ["commander"]


@pytest.mark.parametrize("subject", ["local:ic-1", "service:grafana"])
async def test_a_subject_of_the_provider_that_is_spelled_like_an_account_is_nobody(
    tmp_path: Path, subject: str
) -> None:
    provider = Provider()
    provider.claims = {"sub": subject, "upn": "at-1"}
    identity = identity_of(tmp_path, OIDC, provider.transport())
    member(identity, "ic-1", "commander")
    browser = Browser(identity)
    assert await signed_in(browser, provider) == 403
    assert await browser.me() is None
