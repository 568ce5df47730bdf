"""Passkeys: added after a fresh proof, used to sign in and to prove it afresh, never copied."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from hemostat.identity import secrets
from hemostat.identity.desk import Identity
from tests.authenticator import PRESENT, Authenticator
from tests.browser import Browser, csrf_in, identity_of, member

SITE = "http://localhost:8787"


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    monkeypatch.setattr(secrets, "_N", 16)
    return identity_of(tmp_path, f'url = "{SITE}"')


async def added(identity: Identity, name: str = "ic-1") -> tuple[Browser, Authenticator]:
    """A person who signed in with a password and added a passkey."""
    browser, device = Browser(identity, SITE), Authenticator()
    await browser.sign_in(name, member(identity, name))
    token = csrf_in((await browser.get("/me")).text)
    options = (await browser.post("/passkeys/options", headers={"x-csrf": token})).json()
    answer = await browser.post(
        "/passkeys", headers={"x-csrf": token}, content=device.create(options)
    )
    assert answer.json() == {"next": "/me"}
    return browser, device


async def used(browser: Browser, device: Authenticator, token: str, **how: Any) -> httpx2.Response:
    asked = await browser.post("/login/passkey/options", headers={"x-csrf": token}, params=how)
    return await browser.post(
        "/login/passkey", headers={"x-csrf": token}, content=device.get(asked.json())
    )


async def test_a_passkey_signs_in_and_counts_as_a_fresh_proof(identity: Identity) -> None:
    _, device = await added(identity)
    other = Browser(identity, SITE)
    token = await other.form("/login?next=/incidents")
    assert (await used(other, device, token)).json() == {"next": "/incidents"}
    me = await other.me()
    assert me is not None
    assert (me["person"], me["method"]) == ("ic-1", "passkey")
    assert (await other.post("/change", {"csrf": me["csrf"]})).json()["changed"]


async def test_a_passkey_proves_it_afresh_under_a_new_session(identity: Identity) -> None:
    browser, device = await added(identity)
    before = browser.session
    token = csrf_in((await browser.get("/step-up?next=/change")).text)
    assert (await used(browser, device, token, next="/change")).json() == {"next": "/change"}
    me = await browser.me()
    assert me is not None
    assert me["method"] == "passkey"
    assert browser.session != before


async def test_somebody_elses_passkey_proves_nothing_of_one(identity: Identity) -> None:
    browser, _ = await added(identity)
    _, theirs = await added(identity, "ml-1")
    token = csrf_in((await browser.get("/step-up")).text)
    assert (await used(browser, theirs, token)).status_code == 403
    me = await browser.me()
    assert me is not None
    assert me["method"] == "password"


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"site": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"count": -1},
    ],
)
async def test_a_wrong_origin_site_or_touch_or_a_copied_key_is_refused(
    identity: Identity, wrong: dict[str, Any]
) -> None:
    _, device = await added(identity)
    first = Browser(identity, SITE)
    await used(first, device, await first.form("/login"))
    for name, value in wrong.items():
        setattr(device, name, value)
    other = Browser(identity, SITE)
    assert (await used(other, device, await other.form("/login"))).status_code == 403
    assert await other.me() is None


async def test_a_challenge_is_used_once_and_by_the_browser_that_asked(identity: Identity) -> None:
    _, device = await added(identity)
    browser, thief = Browser(identity, SITE), Browser(identity, SITE)
    token = await browser.form("/login")
    asked = await browser.post("/login/passkey/options", headers={"x-csrf": token})
    sent = device.get(asked.json())
    theirs = await thief.form("/login")
    await thief.post("/login/passkey/options", headers={"x-csrf": theirs})
    stolen = await thief.post("/login/passkey", headers={"x-csrf": theirs}, content=sent)
    assert stolen.status_code == 403
    own = await browser.post("/login/passkey", headers={"x-csrf": token}, content=sent)
    assert own.status_code == 200
    again = await browser.post("/login/passkey", headers={"x-csrf": token}, content=sent)
    assert again.status_code == 403


@pytest.mark.parametrize("sent", ["", "{}", "[]", "null", '{"id": 7}', "x" * 70_000])
async def test_whatever_is_sent_instead_is_refused(identity: Identity, sent: str) -> None:
    await added(identity)
    browser = Browser(identity, SITE)
    token = await browser.form("/login")
    await browser.post("/login/passkey/options", headers={"x-csrf": token})
    answer = await browser.post("/login/passkey", headers={"x-csrf": token}, content=sent)
    assert answer.status_code == 403


async def test_adding_a_passkey_needs_the_form_and_a_fresh_proof(identity: Identity) -> None:
    browser, device = await added(identity)
    assert (await browser.post("/passkeys/options")).status_code == 403
    assert (await browser.post("/passkeys", content=device.create({"challenge": "x"}))).is_error
    account = identity.accounts.get("ic-1")
    assert account is not None
    assert len(account.passkeys) == 1
