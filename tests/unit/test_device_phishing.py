"""A code that somebody else sent: what its reader sees before they lend their proof to a stranger."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from hemostat.identity import secrets, throttle
from hemostat.identity.desk import Identity
from hemostat.identity.throttle import FREE
from hemostat.identity.tokens import CODE_LASTS
from tests.browser import Browser, csrf_in, identity_of, member
from tests.unit.api_stage import Temporal, app_of, asking


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    monkeypatch.setattr(secrets, "_N", 16)
    return identity_of(tmp_path)


async def victim(identity: Identity) -> Browser:
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    return browser


async def test_no_link_carries_a_code(identity: Identity) -> None:
    browser = Browser(identity)
    asked = (await browser.post("/device/code")).json()
    assert asked["user_code"] not in str({**asked, "user_code": ""})
    assert set(asked) & {"verification_uri_complete"} == set()
    await browser.sign_in("ic-1", member(identity), f"/device%3Fcode%3D{asked['user_code']}")
    for way in ("code", "user_code"):
        page = await browser.get(f"/device?{way}={asked['user_code']}")
        assert asked["user_code"] not in page.text
        assert re.search(r'<input id="code" name="code"[^>]* value=', page.text) is None


async def test_who_types_a_code_sees_what_it_asks_before_anything_is_lent(
    identity: Identity, tmp_path: Path
) -> None:
    async with asking(app_of(tmp_path, identity, Temporal()), "203.0.113.5") as attacker:
        asked = (await attacker.post("/device/code")).json()
        browser = await victim(identity)
        page = await browser.get("/device")
        assert "somebody sent you" in page.text
        form = {"csrf": csrf_in(page.text), "code": asked["user_code"].lower()}
        seen = await browser.post("/device", form)
        assert seen.status_code == 200
        for told in ("203.0.113.5", "192.0.2.7", "not the address that this browser has",
                     "Did somebody send you this code", "s ago", "ic-1", "commander",
                     "decide, determine and speak as", asked["user_code"]):  # fmt: skip
            assert told in seen.text, told
        form_of_it = {"device_code": asked["device_code"]}
        waiting = await attacker.post("/device/token", data=form_of_it)
        assert waiting.json() == {"error": "authorization_pending"}
        refused = await browser.post("/device", {**form, "answer": "refuse"})
        assert "refused" in refused.text
        denied = await attacker.post("/device/token", data=form_of_it)
        assert denied.json() == {"error": "access_denied"}


async def test_a_terminal_beside_the_browser_is_told_without_alarm(identity: Identity) -> None:
    browser = await victim(identity)
    asked = (await browser.post("/device/code")).json()
    form = {"csrf": await browser.form("/device"), "code": asked["user_code"]}
    seen = await browser.post("/device", form)
    assert "192.0.2.7" in seen.text
    assert "not the address" not in seen.text


async def test_a_code_is_short_lived(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timedelta(minutes=5) >= CODE_LASTS
    monkeypatch.setattr("hemostat.identity.tokens.CODE_LASTS", timedelta())
    browser = await victim(identity)
    asked = (await browser.post("/device/code")).json()
    form = {"csrf": await browser.form("/device"), "code": asked["user_code"]}
    for answer in ({}, {"answer": "lend"}):
        assert (await browser.post("/device", {**form, **answer})).status_code == 404
    over = await browser.post("/device/token", {"device_code": asked["device_code"]})
    assert over.json() == {"error": "expired_token"}


@pytest.mark.parametrize("answer", [{}, {"answer": "lend"}, {"answer": "refuse"}])
async def test_guessing_codes_gets_slower_and_a_right_one_waits_as_well(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    browser = await victim(identity)
    asked = (await browser.post("/device/code")).json()
    form = {"csrf": await browser.form("/device"), **answer}
    for _ in range(FREE):
        assert (await browser.post("/device", {**form, "code": "BBBB-BBBB"})).status_code == 404
    right = {**form, "code": asked["user_code"]}
    assert (await browser.post("/device", right)).status_code == 429
    now[0] += 1
    assert (await browser.post("/device", right)).status_code == 200
