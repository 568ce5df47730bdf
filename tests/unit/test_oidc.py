"""Signing in with a provider that can lie: what was tried, attack by attack, and what holds."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey

from hemostat.identity.desk import Identity
from hemostat.identity.oidc import Oidc
from hemostat.settings.identity import OidcTable
from tests.browser import Browser, identity_of
from tests.provider import ISSUER, KEY, OTHER, Provider

OIDC = f"""
subjects = {{ ic-1 = "s-1" }}
groups = {{ ml = ["ml-lead"], eyes = ["auditor"] }}
oidc = {{ issuer = "{ISSUER}", client_id = "hemostat" }}
"""


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def identity(tmp_path: Path, provider: Provider) -> Identity:
    return identity_of(tmp_path, OIDC, provider.transport())


async def signed_in(browser: Browser, provider: Provider, **answer: str) -> Any:
    """Go through a sign-in; return the answer to the browser's return."""
    away = await browser.get("/login/oidc")
    back = provider.consent(away.headers["location"])
    return await browser.get("/login/callback", params={**back, **answer})


async def test_a_sign_in_with_pkce_state_and_nonce(identity: Identity, provider: Provider) -> None:
    provider.claims = {"groups": ["ml", "other"]}
    browser = Browser(identity)
    await browser.get("/login?next=/incidents")
    done = await signed_in(browser, provider)
    assert (done.status_code, done.headers["location"]) == (303, "/incidents")
    me = await browser.me()
    assert me is not None
    assert (me["person"], me["subject"], me["method"]) == ("ic-1", "s-1", "oidc")
    assert me["roles"] == ["ml-lead"]
    assert me["stepped_up_at"] is None  # a session at the provider is no fresh proof
    assert provider.asked["code_challenge_method"] == "S256"
    assert provider.asked["redirect_uri"] == "http://127.0.0.1:8787/login/callback"
    assert len(provider.asked["nonce"]) >= 32


async def test_who_is_not_known_here_is_not_signed_in(
    identity: Identity, provider: Provider
) -> None:
    provider.claims = {"sub": "a-stranger", "preferred_username": "ic-1"}
    browser = Browser(identity)
    assert (await signed_in(browser, provider)).status_code == 403
    assert await browser.me() is None


async def test_a_claim_names_people_only_where_that_is_configured_and_never_twice(
    tmp_path: Path, provider: Provider
) -> None:
    by_claim = OIDC.replace('client_id = "hemostat"', 'client_id = "h", person_claim = "upn"')
    identity = identity_of(tmp_path, by_claim, provider.transport())
    found = []
    for subject, claimed in (("s-2", "ml-1"), ("s-2", "ic-1"), ("s-2", "../x"), ("s-1", "ml-1")):
        provider.claims = {"sub": subject, "upn": claimed}
        browser = Browser(identity)
        await signed_in(browser, provider)
        me = await browser.me()
        found.append(me and me["person"])
    assert found == ["ml-1", None, None, "ic-1"]


async def test_an_auditor_by_group_is_an_auditor(identity: Identity, provider: Provider) -> None:
    provider.claims = {"groups": ["ml", "eyes"]}
    browser = Browser(identity)
    await signed_in(browser, provider)
    me = await browser.me()
    assert me is not None
    assert me["kind"] == "auditor"


# JWT algorithm confusion


def unsigned(provider: Provider, header: dict[str, Any], signature: bytes = b"") -> str:
    """A token with any header and no signature, or any."""
    _, claims, _ = provider.honest(provider.asked["nonce"], "hemostat").split(".")
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    tail = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return f"{head}.{claims}.{tail}"


async def confused(identity: Identity, provider: Provider, make: Any) -> int:
    browser = Browser(identity)
    away = await browser.get("/login/oidc")
    back = provider.consent(away.headers["location"])
    provider.token = make()
    answer = await browser.get("/login/callback", params=back)
    assert await browser.me() is None
    return int(answer.status_code)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0])
async def test_jwt_confusion_alg_none(identity: Identity, provider: Provider, alg: Any) -> None:
    header = {"alg": alg, "kid": "k1"}
    assert await confused(identity, provider, lambda: unsigned(provider, header)) == 403


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
async def test_jwt_confusion_hs256_with_the_public_rsa_key(
    identity: Identity, provider: Provider, form: str
) -> None:
    public = {
        "pem": KEY.as_pem(private=False),
        "der": KEY.as_der(private=False),
        "jwk": json.dumps(KEY.as_dict(private=False)).encode(),
    }[form]

    def make() -> str:
        text = unsigned(provider, {"alg": "HS256", "kid": "k1"}).rpartition(".")[0]
        mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert await confused(identity, provider, make) == 403


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "RS256", "kid": "unknown"},
        {"alg": "RS256", "kid": "../../dev/null"},
        {"alg": "RS256", "kid": "k1' OR '1'='1"},
        {"alg": "RS256", "kid": 1},
        {"alg": "RS256", "jku": "https://evil.example/keys", "kid": "k2"},
        {"alg": "RS256", "x5u": "https://evil.example/cert", "kid": "k2"},
        {"alg": "RS256", "jwk": OTHER.as_dict(private=False), "kid": "k2"},
        {"alg": "RS256", "crit": ["exp"], "exp": 1},
        {"alg": "RS256", "b64": False, "crit": ["b64"]},
    ],
)
async def test_jwt_confusion_header_tricks_with_another_key(
    identity: Identity, provider: Provider, header: dict[str, Any]
) -> None:
    signature = b"\0" * 256
    assert await confused(identity, provider, lambda: unsigned(provider, header, signature)) == 403
    assert not [url for url in provider.fetched if "evil" in url]


async def test_jwt_confusion_signed_by_a_key_of_nobody(
    identity: Identity, provider: Provider
) -> None:
    make = lambda: provider.honest(provider.asked["nonce"], "hemostat", OTHER)  # noqa: E731 - two lines fewer
    assert await confused(identity, provider, make) == 403


async def test_jwt_confusion_an_algorithm_that_the_key_is_not_for(
    identity: Identity, provider: Provider
) -> None:
    curve = ECKey.generate_key("P-256", {"kid": "k1"})
    provider.header = {"alg": "ES256"}
    make = lambda: provider.honest(provider.asked["nonce"], "hemostat", curve)  # type: ignore[arg-type]  # noqa: E731 - on purpose
    assert await confused(identity, provider, make) == 403


async def test_a_shared_secret_among_the_providers_keys_is_no_key(
    identity: Identity, provider: Provider
) -> None:
    provider.keys = (OctKey.generate_key(256, {"kid": "k1"}), KEY)
    browser = Browser(identity)
    assert (await signed_in(browser, provider)).status_code == 303


# The ID token's claims


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"aud": ["hemostat", "another"]},
        {"aud": ["hemostat", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"iat": int(time.time()) + 3600},
        {"iat": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
async def test_a_claim_that_is_not_right_signs_nobody_in(
    identity: Identity, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    browser = Browser(identity)
    assert (await signed_in(browser, provider)).status_code == 403
    assert await browser.me() is None


async def test_several_audiences_with_our_authorized_party_are_right(
    identity: Identity, provider: Provider
) -> None:
    provider.claims = {"aud": ["hemostat", "another"], "azp": "hemostat"}
    assert (await signed_in(Browser(identity), provider)).status_code == 303


# The browser's way there and back


async def test_the_answer_of_another_browser_or_another_sign_in_is_refused(
    identity: Identity, provider: Provider
) -> None:
    attacker, victim = Browser(identity), Browser(identity)
    away = await attacker.get("/login/oidc")
    back = provider.consent(away.headers["location"])
    assert (await victim.get("/login/callback", params=back)).status_code == 403
    await victim.get("/login/oidc")
    assert (await victim.get("/login/callback", params=back)).status_code == 403
    assert await victim.me() is None
    state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
    for forged in ({"state": ""}, {"state": "x"}, {"state": state + "x"}, {"state": "é"}):
        answer = await attacker.get("/login/callback", params={**back, **forged})
        assert answer.status_code == 403


async def test_a_code_is_bound_to_the_browser_that_asked(
    identity: Identity, provider: Provider
) -> None:
    victim, attacker = Browser(identity), Browser(identity)
    stolen = provider.consent((await victim.get("/login/oidc")).headers["location"])
    own = provider.consent((await attacker.get("/login/oidc")).headers["location"])
    injected = {"code": stolen["code"], "state": own["state"]}
    answer = await attacker.get("/login/callback", params=injected)
    assert answer.status_code == 403  # the verifier is in the victim's cookie
    assert await attacker.me() is None


async def test_mix_up_the_answer_of_another_provider_is_refused(
    identity: Identity, provider: Provider
) -> None:
    answer = await signed_in(Browser(identity), provider, iss="https://evil.example")
    assert answer.status_code == 403
    assert (await signed_in(Browser(identity), provider, iss=ISSUER)).status_code == 303
    again = Browser(identity)
    assert (await signed_in(again, provider, error="access_denied")).status_code == 403
    assert (await signed_in(again, provider, code="")).status_code == 403


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example/token"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
async def test_ssrf_a_discovery_document_that_leads_elsewhere_is_refused(
    tmp_path: Path, provider: Provider, discovery: dict[str, Any]
) -> None:
    provider.discovery = discovery
    identity = identity_of(tmp_path, OIDC, provider.transport())
    answer = await Browser(identity).get("/login/oidc")
    assert answer.status_code == 403
    assert provider.fetched == [f"{ISSUER}/.well-known/openid-configuration"]


async def test_a_provider_that_is_down_or_odd_is_told_in_words(
    tmp_path: Path, provider: Provider
) -> None:
    provider.status = 500
    identity = identity_of(tmp_path, OIDC, provider.transport())
    answer = await signed_in(Browser(identity), provider)
    assert answer.status_code == 403
    assert "the provider answered 500" in answer.text.lower()


async def test_keys_that_rotate_are_fetched_again(identity: Identity, provider: Provider) -> None:
    browser = Browser(identity)
    assert (await signed_in(browser, provider)).status_code == 303
    assert identity.oidc is not None
    identity.oidc._fetched -= 100
    provider.keys, provider.header = (OTHER,), {"kid": "k2"}
    away = await browser.get("/login/oidc")
    back = provider.consent(away.headers["location"])
    provider.token = provider.honest(provider.asked["nonce"], "hemostat", OTHER)
    assert (await browser.get("/login/callback", params=back)).status_code == 303


# Proving it afresh


async def test_a_fresh_proof_needs_the_provider_to_ask_again_and_to_say_so(
    identity: Identity, provider: Provider
) -> None:
    browser = Browser(identity)
    await signed_in(browser, provider)
    page = (await browser.get("/step-up?next=/change")).text
    assert 'href="/login/oidc?afresh=1&amp;next=/change"' in page
    results = []
    for auth_time in (None, int(time.time()) - 3600, int(time.time())):
        provider.claims = {"auth_time": auth_time}
        away = await browser.get("/login/oidc?afresh=1&next=/change")
        back = provider.consent(away.headers["location"])
        assert (provider.asked["prompt"], provider.asked["max_age"]) == ("login", "0")
        results.append((await browser.get("/login/callback", params=back)).status_code)
    assert results == [403, 403, 303]
    me = await browser.me()
    assert me is not None
    assert me["stepped_up_at"] is not None
    assert (await browser.post("/change", {"csrf": me["csrf"]})).json()["changed"]


async def test_a_fresh_proof_of_somebody_else_is_none(
    identity: Identity, provider: Provider
) -> None:
    browser = Browser(identity)
    await signed_in(browser, provider)
    provider.claims = {"auth_time": int(time.time()), "sub": "s-9"}
    away = await browser.get("/login/oidc?afresh=1")
    back = provider.consent(away.headers["location"])
    assert (await browser.get("/login/callback", params=back)).status_code == 403
    me = await browser.me()
    assert me is not None
    assert me["stepped_up_at"] is None


def test_a_sign_in_is_a_new_one_each_time() -> None:
    one, two = Oidc.begin(), Oidc.begin()
    assert len({one.state, two.state, one.nonce, two.nonce, one.verifier, two.verifier}) == 6
    assert OidcTable(issuer=ISSUER, client_id="h").algorithms
