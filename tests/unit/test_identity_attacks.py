"""What was tried against signing in: fixation, CSRF, open redirects, forged cookies and tokens.

Each test is named for the attack. What is tried against decisions is in
``tests/unit/test_signed_statement.py`` and ``tests/workflows/test_speakers.py``.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hemostat.identity import secrets
from hemostat.identity.desk import Identity, here
from hemostat.identity.sealed import SealedCookie
from hemostat.identity.sessions import Session
from hemostat.speaking import MayNotSpeak, sign
from schemas.canonical import digest_of
from schemas.gate import Choice, Decision
from schemas.who import Who
from tests.browser import SITE, Browser, csrf_in, identity_of, member


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost nothing here."""
    monkeypatch.setattr(secrets, "_N", 16)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return identity_of(tmp_path)


# Session fixation


async def test_session_fixation_a_planted_session_is_not_the_one_signed_in_to(
    identity: Identity,
) -> None:
    attacker, victim = Browser(identity), Browser(identity)
    await attacker.sign_in("at-1", member(identity, "at-1"))
    planted = attacker.session
    victim.http.cookies = attacker.http.cookies
    await victim.sign_in("ic-1", member(identity))
    assert victim.session != planted
    me = await victim.me()
    assert me is not None
    assert me["person"] == "ic-1"
    attacker.plant(identity.sessions.cookie.name, planted or "")
    assert await attacker.me() is None  # the planted one is over as well


async def test_session_fixation_a_fresh_proof_changes_the_session(identity: Identity) -> None:
    password = member(identity)
    browser, thief = Browser(identity), Browser(identity)
    await browser.sign_in("ic-1", password)
    thief.plant(identity.sessions.cookie.name, browser.session or "")
    token = await browser.form("/step-up")
    await browser.post("/step-up", {"csrf": token, "secret": password})
    assert await browser.me()
    assert await thief.me() is None


# Cookies


@pytest.mark.parametrize("value", ["", "x", "null", "e30", "A" * 5000, "../../etc/passwd", "é"])
async def test_a_made_up_cookie_is_nobodys(identity: Identity, value: str) -> None:
    browser = Browser(identity)
    header = {"cookie": f"{identity.sessions.cookie.name}={value}".encode()}
    assert (await browser.get("/whoami", headers=header)).status_code == 401


async def test_no_flipped_bit_of_a_cookie_is_read(identity: Identity) -> None:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    cookie, value = identity.sessions.cookie, browser.session or ""
    raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    for at in range(0, len(raw), 7):
        flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        text = base64.urlsafe_b64encode(flipped).rstrip(b"=").decode()
        assert cookie.opened(text, Session) is None


async def test_a_cookie_of_one_purpose_does_not_serve_another(identity: Identity) -> None:
    browser = Browser(identity)
    await browser.get("/login")
    flow = next(c.value for c in browser.http.cookies.jar if "sign-in" in c.name)
    assert identity.sessions.cookie.opened(flow or "", Session) is None


async def test_cookies_are_out_of_reach_of_scripts_and_bound_to_https(tmp_path: Path) -> None:
    identity = identity_of(tmp_path, 'url = "https://hemostat.example"')
    password = member(identity)
    browser = Browser(identity, "https://hemostat.example")
    answer = await browser.sign_in("ic-1", password)
    (session,) = [
        v for v in answer.headers.get_list("set-cookie") if "session" in v.partition("=")[0]
    ]
    name, _, rest = session.partition("=")
    assert name == "__Host-hemostat-session"
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    assert "ic-1" not in rest
    assert await browser.me()


# Cross-site request forgery


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, ""),
        ({}, "made-up"),
        ({"origin": "https://evil.example"}, "own"),
        ({"origin": "null"}, "own"),
        ({"origin": f"{SITE}.evil.example"}, "own"),
        ({"sec-fetch-site": "cross-site"}, "own"),
        ({"sec-fetch-site": "same-site"}, "own"),
    ],
)
@pytest.mark.parametrize("path", ["/change", "/logout", "/device", "/step-up"])
async def test_csrf_a_form_of_another_site_changes_nothing(
    identity: Identity, path: str, headers: dict[str, str], token: str
) -> None:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    me = await browser.me()
    assert me is not None
    csrf = me["csrf"] if token == "own" else token
    answer = await browser.post(path, {"csrf": csrf, "answer": "lend"}, headers=headers)
    assert answer.status_code == 403
    assert await browser.me()


async def test_csrf_the_token_of_somebody_else_does_not_serve(identity: Identity) -> None:
    browser, attacker = Browser(identity), Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    await attacker.sign_in("at-1", member(identity, "at-1"))
    theirs = await attacker.me()
    assert theirs is not None
    assert (await browser.post("/change", {"csrf": theirs["csrf"]})).status_code == 403


async def test_login_csrf_a_sign_in_without_our_form_is_refused(identity: Identity) -> None:
    password = member(identity, "at-1")
    victim, attacker = Browser(identity), Browser(identity)
    token = await attacker.form("/login")
    form = {"csrf": token, "name": "at-1", "secret": password}
    assert (await victim.post("/login", form)).status_code == 403
    await victim.get("/login")
    assert (await victim.post("/login", form)).status_code == 403
    assert await victim.me() is None


async def test_json_and_multipart_bodies_are_no_forms(identity: Identity) -> None:
    password = member(identity)
    browser = Browser(identity)
    token = await browser.form("/login")
    form = {"csrf": token, "name": "ic-1", "secret": password}
    as_json = await browser.post("/login", content=json.dumps(form))
    assert as_json.status_code == 403
    as_files = await browser.http.post("/login", files={"csrf": (None, token)})
    assert as_files.status_code == 403


# Open redirects

AWAY = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "/é",
    "",
]


@pytest.mark.parametrize("target", AWAY)
def test_open_redirect_no_address_leads_away(target: str) -> None:
    assert here(target) == "/"


@pytest.mark.parametrize("target", AWAY)
async def test_open_redirect_after_signing_in(identity: Identity, target: str) -> None:
    password = member(identity)
    browser = Browser(identity)
    page = await browser.get("/login", params={"next": target})
    form = {"csrf": csrf_in(page.text), "name": "ic-1", "secret": password}
    answer = await browser.post("/login", form)
    assert answer.headers["location"] == "/"
    token = await browser.form("/me")
    done = await browser.post("/step-up", {"csrf": token, "secret": password, "next": target})
    assert done.headers["location"] == "/"


# Script and headers


@pytest.mark.parametrize("text", ['"><script>alert(1)</script>', "{{7*7}}", "a\r\nset-cookie: x=1"])
async def test_reflected_script_and_header_injection(identity: Identity, text: str) -> None:
    browser = Browser(identity)
    token = await browser.form("/login")
    answer = await browser.post("/login", {"csrf": token, "name": text, "secret": "x"})
    assert "<script>alert" not in answer.text
    assert ">49<" not in answer.text
    assert "x=1" not in str(answer.headers.get_list("set-cookie"))
    await browser.sign_in("ic-1", member(identity))
    page = await browser.get("/device", params={"code": text})
    assert "<script>alert" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"


async def test_path_traversal_serves_two_files_and_no_other(identity: Identity) -> None:
    browser = Browser(identity)
    assert (await browser.get("/login/assets/style.css")).status_code == 200
    for name in ("..%2f..%2fdesk.py", "../desk.py", "sign_in.css", "%2e%2e"):
        assert (await browser.get(f"/login/assets/{name}")).status_code == 404


# Tokens


async def test_a_device_code_that_nobody_lent_to_gives_nothing(identity: Identity) -> None:
    browser = Browser(identity)
    for code in ("", "x", "0" * 43):
        answer = await browser.post("/device/token", {"device_code": code})
        assert answer.json() == {"error": "expired_token"}
    asked = (await browser.post("/device/code")).json()
    by_user_code = await browser.post("/device/token", {"device_code": asked["user_code"]})
    assert by_user_code.json() == {"error": "expired_token"}


@pytest.mark.parametrize("header", ["Bearer ", "Bearer x", "Basic aWMtMTp4", "bearer\x00x", "x"])
async def test_a_made_up_authorization_is_nobodys_also_with_a_session(
    identity: Identity, header: str
) -> None:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    answer = await browser.get("/whoami", headers={"authorization": header})
    assert answer.status_code == 401


# Privilege escalation: who may have what signed

ROLES = ("commander", "ml-lead", "ml-on-call", "counsel", "ciso", "data-owner", "service-owner")
NOW = datetime.now(UTC)


def who(person: str, kind: str = "person") -> Who:
    proof = {"subject": f"local:{person}", "method": "password", "authenticated_at": NOW}
    return Who.model_validate({"person": person, "roles": (), "kind": kind, **proof})


def said(actor: str, role: str) -> Decision:
    return Decision(
        decision_id="d-1",
        gate="re-enable",
        nonce="n-1",
        digest=digest_of("shown"),
        choice=Choice.APPROVE,
        actor=actor,
        role=role,
        reason="seen",
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ["service", "auditor"])
def test_privilege_escalation_what_is_no_person_has_nothing_signed(
    identity: Identity, role: str, kind: str
) -> None:
    assert identity.key is not None
    with pytest.raises(MayNotSpeak):
        sign(said("x-1", role), who("x-1", kind), identity.key, incident="i", run="r", channel="c")


@pytest.mark.parametrize("role", ROLES)
def test_privilege_escalation_nobody_has_signed_what_another_says(
    identity: Identity, role: str
) -> None:
    assert identity.key is not None
    with pytest.raises(MayNotSpeak):
        sign(said("ic-1", role), who("ml-1"), identity.key, incident="i", run="r", channel="c")


def test_a_key_that_is_not_ours_seals_no_cookie(identity: Identity) -> None:
    forged = SealedCookie("session", bytes(32), https=False)
    session = Session(id="1", who=who("ic-1"), csrf="x", began=NOW, seen=NOW + timedelta(seconds=1))
    assert identity.sessions.cookie.opened(forged.sealed(session), Session) is None
