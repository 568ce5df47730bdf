"""From where a request comes behind proxies: what trusted ones say, and nothing that others do."""

from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner
from starlette.requests import Request

from hemostat.cli.check import command as check
from hemostat.gateway.proxies import sender_of
from hemostat.identity import secrets, throttle
from hemostat.identity.desk import Identity
from hemostat.identity.throttle import FREE, asker
from hemostat.settings import Settings
from hemostat.settings.addresses import parse_network
from hemostat.settings.problems import InvalidSettings
from tests.browser import csrf_in, identity_of, member
from tests.unit.api_stage import Temporal, app_of, asking

PROXY, HOLDER, GUESSER = "10.0.0.7", "198.51.100.9", "203.0.113.5"
TRUSTED = [parse_network("10.0.0.0/8"), parse_network("2001:db8:1::/48")]


@pytest.mark.parametrize(
    ("peer", "told", "sender"),
    [
        (PROXY, [HOLDER], HOLDER),
        (PROXY, [f"{GUESSER}, {HOLDER}"], HOLDER),
        (PROXY, [GUESSER, HOLDER], HOLDER),
        (PROXY, [f"{HOLDER}, 10.9.9.9"], HOLDER),
        (PROXY, [f"{GUESSER}, {HOLDER}, 10.9.9.9, 10.1.1.1"], HOLDER),
        (PROXY, [f"{HOLDER}:5123"], HOLDER),
        (PROXY, ["[2001:db8:9::5]:5123"], "2001:db8:9::5"),
        (PROXY, ["2001:db8:9::5"], "2001:db8:9::5"),
        (PROXY, [f"{HOLDER}, 2001:db8:1::7"], HOLDER),
        ("2001:db8:1::7", [HOLDER], HOLDER),
        (f"::ffff:{PROXY}", [f"::ffff:{HOLDER}"], HOLDER),
        (PROXY, ["10.9.9.9"], "10.9.9.9"),
        # What is no address is nobody's word, and what stands before it is not looked at.
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, [f"{HOLDER}, unknown"], PROXY),
        (PROXY, [f"{HOLDER}, 10.9.9.9, x"], PROXY),
        (PROXY, [f"{HOLDER},"], PROXY),
        (PROXY, ["\xff\xfe"], PROXY),
        # Nobody else is believed.
        (GUESSER, [HOLDER], GUESSER),
        (GUESSER, [f"{HOLDER}, {PROXY}"], GUESSER),
        ("not-an-address", [HOLDER], "not-an-address"),
        (PROXY, [", ".join([HOLDER, *["10.1.1.1"] * 500])], "10.1.1.1"),
    ],
)
def test_the_sender_is_the_nearest_address_that_no_trusted_proxy_has(
    peer: str, told: list[str], sender: str
) -> None:
    assert sender_of(peer, [one.encode("latin-1") for one in told], TRUSTED) == sender


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        (HOLDER, HOLDER),
        (f"::ffff:{HOLDER}", HOLDER),
        ("2001:db8:9:8:7:6:5:4", "2001:db8:9:8::/64"),
        ("2001:db8:9:8::1", "2001:db8:9:8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_who_has_a_network_of_addresses_is_one_asker(host: str, counted: str) -> None:
    request = Request({"type": "http", "client": (host, 1), "headers": []})
    assert asker(request) == counted


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    monkeypatch.setattr(secrets, "_N", 16)
    monkeypatch.setattr(throttle, "monotonic", lambda: 1000.0)
    tables = '[gateway]\ntrusted_proxies = ["10.0.0.0/8"]\n'
    return identity_of(tmp_path, tables=tables)


async def tries(http: httpx2.AsyncClient, secret: str, told: str) -> int:
    headers = {"X-Forwarded-For": told}
    page = await http.get("/login", headers=headers)
    form = {"csrf": csrf_in(page.text), "name": "ic-1", "secret": secret}
    return (await http.post("/login", data=form, headers=headers)).status_code


async def test_who_guesses_behind_a_proxy_makes_nobody_wait_but_themselves(
    identity: Identity, tmp_path: Path
) -> None:
    password = member(identity)
    async with asking(app_of(tmp_path, identity, Temporal()), PROXY) as http:
        for _ in range(FREE + 1):
            assert await tries(http, "a guess", GUESSER) == 401
        assert await tries(http, password, GUESSER) == 401  # too soon, even though it is right
        assert await tries(http, password, HOLDER) == 303


async def test_a_forged_header_gives_who_guesses_no_further_try(
    identity: Identity, tmp_path: Path
) -> None:
    password = member(identity)
    app = app_of(tmp_path, identity, Temporal())
    async with asking(app, GUESSER) as http, asking(app, PROXY) as proxied:
        for number in range(FREE):
            assert await tries(http, "a guess", f"192.0.2.{number}") == 401
        assert await tries(http, password, "192.0.2.99") == 401
        # Nor where it came by the proxy, which adds the address that it was asked from.
        for number in range(FREE):
            assert await tries(proxied, "a guess", f"192.0.2.{number}, {GUESSER}") == 401
        assert await tries(proxied, password, f"192.0.2.99, {GUESSER}") == 401
        assert await tries(proxied, password, HOLDER) == 303


async def test_by_no_header_is_a_request_from_this_machine(
    identity: Identity, tmp_path: Path
) -> None:
    async with asking(app_of(tmp_path, identity, Temporal()), PROXY) as http:
        answer = await http.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ('"10.0.0.0/99"', "no network"),
        ('"proxy.example"', "no network"),
        ("10", "no network"),
        ('"0.0.0.0/0"', "every address there is"),
        ('"::/0"', "every address there is"),
        ('"10.1.2.3/8"', 'did you mean "10.0.0.0/8"'),
    ],
)
def test_check_names_a_network_that_is_none(tmp_path: Path, network: str, says: str) -> None:
    file = tmp_path / "hemostat.toml"
    file.write_text(f'[gateway]\nport = 8787\ntrusted_proxies = ["192.0.2.7", {network}]\n')
    with pytest.raises(InvalidSettings) as caught:
        Settings.load(file)
    assert says in str(caught.value)
    assert f"{file}:3" in str(caught.value)
    told = CliRunner().invoke(check, ["--offline", "--config", str(file)], standalone_mode=False)
    assert says in told.output
    assert told.return_value == 2
