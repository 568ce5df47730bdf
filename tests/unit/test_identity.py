"""Signing in with accounts of this machine: sessions, fresh proofs, terminals, roles."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.identity import secrets, throttle
from hemostat.identity.accounts import ROLES_OF_ONE_OPERATOR
from hemostat.identity.desk import Identity, here
from hemostat.identity.secrets import hashed, matches, one_time_secret
from hemostat.identity.sessions import Session
from hemostat.identity.throttle import FREE, Throttle
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.errors import BadInput
from tests.browser import Browser, csrf_in, identity_of, member
from workers.people import gates_of
from workers.registry import discover_playbooks


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost nothing here."""
    monkeypatch.setattr(secrets, "_N", 16)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return identity_of(tmp_path)


def aged(browser: Browser, identity: Identity, **changes: Any) -> None:
    """Make the browser's session an older one."""
    cookie = identity.sessions.cookie
    assert browser.session is not None
    session = cookie.opened(browser.session, Session)
    assert session is not None
    browser.plant(cookie.name, cookie.sealed(session.model_copy(update=changes)))


async def test_a_one_time_secret_chooses_a_password_and_is_used_up(identity: Identity) -> None:
    secret = identity.accounts.add("ic-1", ("commander",))
    browser = Browser(identity)
    first = await browser.sign_in("ic-1", secret, "/incidents")
    assert "Choose your password" in first.text
    assert await browser.me() is None
    form = {"csrf": csrf_in(first.text), "name": "ic-1", "secret": secret}
    short = await browser.post("/login", {**form, "password": "short", "again": "short"})
    assert short.status_code == 400
    password = "a password of one's own"
    done = await browser.post("/login", {**form, "password": password, "again": password})
    assert (done.status_code, done.headers["location"]) == (303, "/incidents")
    me = await browser.me()
    assert me is not None
    assert (me["person"], me["subject"], me["method"]) == ("ic-1", "local:ic-1", "password")
    assert me["roles"] == ["commander"]
    assert (await Browser(identity).sign_in("ic-1", secret)).status_code == 401
    assert (await Browser(identity).sign_in("ic-1", password)).status_code == 303


async def test_wrong_secrets_and_unknown_accounts_look_alike(identity: Identity) -> None:
    member(identity)
    known = await Browser(identity).sign_in("ic-1", "wrong")
    unknown = await Browser(identity).sign_in("nobody", "wrong")
    assert known.status_code == unknown.status_code == 401
    assert known.text.replace("ic-1", "") == unknown.text.replace("nobody", "") or (
        len(known.text) - len("ic-1") == len(unknown.text) - len("nobody")
    )


async def test_guessing_gets_slower_also_with_the_right_secret(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "monotonic", lambda: 1000.0)
    password = member(identity)
    browser = Browser(identity)
    for _ in range(FREE + 1):
        await browser.sign_in("ic-1", "a guess")
    assert (await browser.sign_in("ic-1", password)).status_code == 401


def test_the_throttle_forgets_what_was_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "monotonic", lambda: 1000.0)
    tries = Throttle()
    for _ in range(FREE):
        assert tries.wait("a") == 0
        tries.failed("a")
    assert tries.wait("a") == 1
    assert tries.wait("b") == 0
    tries.held("a")
    assert tries.wait("a") == 0


def test_secrets_are_kept_by_scrypt_and_shown_nowhere(identity: Identity, tmp_path: Path) -> None:
    secret = identity.accounts.add("ic-1")
    kept = (tmp_path / "var" / "identity" / "accounts.json").read_text()
    assert secret not in kept
    assert "scrypt$" in kept
    assert (tmp_path / "var" / "identity" / "accounts.json").stat().st_mode & 0o777 == 0o600
    assert secret not in repr(identity.accounts.get("ic-1"))
    assert matches(secret, hashed(secret))
    assert not matches(secret + "x", hashed(secret))
    assert one_time_secret() != one_time_secret()
    with pytest.raises(BadInput, match="exists"):
        identity.accounts.add("ic-1")


async def test_a_session_ends_by_idling_by_age_and_with_the_account(identity: Identity) -> None:
    password, now = member(identity), datetime.now(UTC)
    browser = Browser(identity)
    await browser.sign_in("ic-1", password)
    aged(browser, identity, seen=now - timedelta(minutes=29))
    assert await browser.me()
    aged(browser, identity, seen=now - timedelta(minutes=31))
    assert await browser.me() is None
    await browser.sign_in("ic-1", password)
    aged(browser, identity, began=now - timedelta(hours=13))
    assert await browser.me() is None
    await browser.sign_in("ic-1", password)
    assert await browser.me()
    identity.accounts.remove("ic-1")
    assert await browser.me() is None


async def test_a_session_that_is_used_does_not_go_idle(identity: Identity) -> None:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    before = browser.session
    await browser.me()
    assert browser.session == before  # used within the minute: no new cookie
    aged(browser, identity, seen=datetime.now(UTC) - timedelta(minutes=20))
    old = browser.session
    await browser.me()
    assert browser.session != old
    assert await browser.me()


async def test_signing_out_ends_the_session_wherever_its_cookie_is(identity: Identity) -> None:
    password = member(identity)
    browser, thief, phone = Browser(identity), Browser(identity), Browser(identity)
    await browser.sign_in("ic-1", password)
    await phone.sign_in("ic-1", password)
    thief.http.cookies = browser.http.cookies
    token = await browser.form("/me")
    assert (await browser.post("/logout", {"csrf": token})).status_code == 303
    assert await thief.me() is None
    assert await phone.me()
    await browser.sign_in("ic-1", password)
    token = await browser.form("/me")
    await browser.post("/logout", {"csrf": token, "everywhere": "yes"})
    assert await phone.me() is None


async def test_a_fresh_proof_is_asked_for_and_given(identity: Identity) -> None:
    password = member(identity)
    browser, now = Browser(identity), datetime.now(UTC)
    await browser.sign_in("ic-1", password)
    me = await browser.me()
    assert me is not None
    assert (await browser.post("/change", {"csrf": me["csrf"]})).json()["changed"]
    session = identity.sessions.cookie.opened(browser.session or "", Session)
    assert session is not None
    stale = session.who.model_copy(update={"stepped_up_at": now - timedelta(minutes=30)})
    aged(browser, identity, who=stale)
    answer = (await browser.post("/change", {"csrf": me["csrf"]})).json()
    assert answer == {"changed": False, "step_up": "/step-up?next=/change"}
    token = await browser.form(answer["step_up"])
    wrong = await browser.post("/step-up", {"csrf": token, "secret": "no", "next": "/change"})
    assert wrong.status_code == 401
    before = browser.session
    right = {"csrf": token, "secret": password, "next": "/change"}
    done = await browser.post("/step-up", right)
    assert done.headers["location"] == "/change"
    assert browser.session != before
    assert (await browser.post("/change", {"csrf": token})).json()["changed"]


async def test_a_terminal_is_lent_the_proof_of_its_person(identity: Identity) -> None:
    password = member(identity)
    terminal, browser = Browser(identity), Browser(identity)
    asked = (await terminal.post("/device/code")).json()
    waiting = await terminal.post("/device/token", {"device_code": asked["device_code"]})
    assert waiting.json() == {"error": "authorization_pending"}
    to_login = await browser.get("/device")
    assert to_login.headers["location"] == "/login?next=/device"
    await browser.sign_in("ic-1", password)
    page = await browser.get("/device")
    form = {"csrf": csrf_in(page.text), "code": asked["user_code"].lower(), "answer": "lend"}
    assert "signed in as you" in (await browser.post("/device", form)).text
    given = (await terminal.post("/device/token", {"device_code": asked["device_code"]})).json()
    assert given["person"] == "ic-1"
    bearer = {"authorization": f"Bearer {given['access_token']}"}
    me = (await terminal.get("/whoami", headers=bearer)).json()
    assert (me["person"], me["method"], me["kind"]) == ("ic-1", "password", "person")
    again = await terminal.post("/device/token", {"device_code": asked["device_code"]})
    assert again.json() == {"error": "expired_token"}
    assert (await terminal.post("/change", headers=bearer)).json()["changed"]
    identity.tokens.end(given["access_token"])
    assert (await terminal.get("/whoami", headers=bearer)).status_code == 401


async def test_a_terminal_is_lent_nothing_without_a_fresh_proof(identity: Identity) -> None:
    browser, now = Browser(identity), datetime.now(UTC)
    await browser.sign_in("ic-1", member(identity))
    asked = (await browser.post("/device/code")).json()
    session = identity.sessions.cookie.opened(browser.session or "", Session)
    assert session is not None
    stale = session.who.model_copy(update={"stepped_up_at": now - timedelta(minutes=30)})
    aged(browser, identity, who=stale)
    code = asked["user_code"]
    away = await browser.get("/device")
    assert away.headers["location"] == "/step-up?next=/device"
    form = {"csrf": session.csrf, "code": code, "answer": "lend"}
    assert (await browser.post("/device", form)).status_code == 303
    waiting = await browser.post("/device/token", {"device_code": asked["device_code"]})
    assert waiting.json() == {"error": "authorization_pending"}


async def test_codes_are_given_slower_to_an_address_that_wants_many(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    browser = Browser(identity)
    answers = [(await browser.post("/device/code")).status_code for _ in range(FREE + 1)]
    assert answers == [200] * FREE + [429]
    now[0] += 1
    assert (await browser.post("/device/code")).status_code == 200
    now[0] += 1
    assert (await browser.post("/device/code")).json() == {"error": "slow_down"}


async def test_a_terminal_can_be_refused(identity: Identity) -> None:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    asked = (await browser.post("/device/code")).json()
    token = await browser.form("/device")
    form = {"csrf": token, "code": asked["user_code"], "answer": "refuse"}
    assert "refused" in (await browser.post("/device", form)).text
    answer = await browser.post("/device/token", {"device_code": asked["device_code"]})
    assert answer.json() == {"error": "access_denied"}
    unknown = {"csrf": token, "code": "BCDF-GHJK", "answer": "lend"}
    assert (await browser.post("/device", unknown)).status_code == 404


async def test_roles_are_those_of_the_file_of_today_and_auditors_only_read(tmp_path: Path) -> None:
    people = '[people]\nic-1 = {}\nml-1 = {}\n[roles]\ncommander = { primary = "ic-1" }\n'
    identity = identity_of(tmp_path, 'auditors = ["au-1"]', tables=people)
    for name in ("ic-1", "ml-1", "au-1"):
        member(identity, name, "ciso")
    member(identity, "au-2", auditor=True)
    found = {}
    for name in ("ic-1", "ml-1", "au-1", "au-2"):
        browser = Browser(identity)
        await browser.sign_in(name, f"correct horse of {name}")
        me = await browser.me()
        assert me is not None
        found[name] = (me["kind"], me["roles"])
    assert found == {
        "ic-1": ("person", ["commander"]),  # what an account says counts only without [roles]
        "ml-1": ("person", []),
        "au-1": ("auditor", []),
        "au-2": ("auditor", ["auditor"]),
    }


async def test_a_service_token_is_a_service(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-of-a-service\n")
    identity = identity_of(tmp_path, 'services = { grafana = "file:token" }')
    browser = Browser(identity)
    bearer = {"authorization": "Bearer s3cret-of-a-service"}
    me = (await browser.get("/whoami", headers=bearer)).json()
    assert (me["person"], me["kind"]) == ("grafana", "service")
    wrong = {"authorization": "Bearer s3cret-of-another"}
    assert (await browser.get("/whoami", headers=wrong)).status_code == 401


def test_the_first_account_holds_every_role_that_a_playbook_asks() -> None:
    asked = {
        role
        for playbook in discover_playbooks().values()
        for gate in gates_of(playbook)
        for role in (*gate.roles, *gate.ladder)
    }
    assert asked <= set(ROLES_OF_ONE_OPERATOR)


def test_paths_of_this_server_alone_are_followed() -> None:
    assert here("/incidents?open=1") == "/incidents?open=1"
    assert here("relative") == "/"


async def test_the_gateway_serves_the_sign_in_beside_the_alerts(
    identity: Identity, tmp_path: Path
) -> None:
    settings = Settings.load(tmp_path / "hemostat.toml")
    signals = IncidentSignals("hemostat")
    app = gateway_app(settings, signals, Vault(tmp_path / "vault"), identity=identity)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1"
    ) as http:
        assert "Sign in" in (await http.get("/login")).text
        assert (await http.get("/healthz")).json() == {"status": "alive"}
        assert (await http.post("/alerts/nobody")).status_code == 404
