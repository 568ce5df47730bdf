"""Full sign-ins at the real gateway process with a real OpenID Connect provider, both over HTTP."""

import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from hemostat.keys import create_key
from hemostat.processes import ChildProcess, free_ports
from tests.browser import csrf_in

pytestmark = pytest.mark.real

SOON = timedelta(seconds=30)
PEOPLE = ({"sub": "s-1", "groups": ["ml"]}, {"sub": "s-2", "groups": ["eyes"]})


@asynccontextmanager
async def provider(folder: Path) -> AsyncIterator[str]:
    """The provider as a process; yields its address, which is its issuer."""
    (port,) = free_ports(1)
    claims = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    issuer = f"http://localhost:{port}"
    async with await ChildProcess.start(
        "oidc-provider-mock",
        [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-n", "true", *claims],
        log=folder / "provider.log",
    ) as process:

        async def alive() -> bool:
            async with httpx2.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"{issuer}/.well-known/openid-configuration")
                return answer.status_code == 200

        await process.wait_ready(alive, SOON)
        yield issuer


@asynccontextmanager
async def gateway(folder: Path, issuer: str) -> AsyncIterator[str]:
    """The gateway as a process, with that provider; yields its address."""
    port, nobody = free_ports(2)
    create_key(folder / "gateway.pem")
    config = folder / "hemostat.toml"
    config.write_text(f"""
[gateway]
port = {port}

[identity]
key = "file:gateway.pem"
subjects = {{ ic-1 = "s-1", au-1 = "s-2" }}
groups = {{ ml = ["ml-lead"], eyes = ["auditor"] }}

[identity.oidc]
issuer = "{issuer}"
client_id = "hemostat"
client_secret = "file:client-secret"
""")
    (folder / "client-secret").write_text("s3cret of the client")
    url = f"http://127.0.0.1:{port}"
    async with await ChildProcess.start(
        "hemostat gateway",
        [sys.executable, "-m", "hemostat", "gateway", "--config", str(config)],
        log=folder / "gateway.log",
        env={"TEMPORAL_ADDRESS": f"127.0.0.1:{nobody}"},
    ) as process:

        async def alive() -> bool:
            async with httpx2.AsyncClient(trust_env=False) as http:
                return (await http.get(f"{url}/healthz")).status_code == 200

        await process.wait_ready(alive, SOON)
        yield url


async def sign_in(http: httpx2.AsyncClient, url: str, subject: str) -> httpx2.Response:
    """As a browser goes: to us, to the provider, through its form, and back."""
    away = await http.get(f"{url}/login/oidc")
    consent = await http.post(away.headers["location"], data={"sub": subject})
    return await http.get(consent.headers["location"])


async def test_people_sign_in_and_out_and_strangers_do_not(tmp_path: Path) -> None:
    async with provider(tmp_path) as issuer:
        async with gateway(tmp_path, issuer) as url:
            async with httpx2.AsyncClient(trust_env=False) as http:
                back = await sign_in(http, url, "s-1")
                assert back.status_code == 303
                me = (await http.get(f"{url}/me")).text
                assert "<h1>You are ic-1</h1>" in me
                assert "<dd>ml-lead</dd>" in me
                kept = dict(http.cookies)
                gone = await http.post(f"{url}/logout", data={"csrf": csrf_in(me)})
                assert gone.headers["location"] == "/login"
                http.cookies.update(kept)
                assert (await http.get(f"{url}/me")).status_code == 303
            async with httpx2.AsyncClient(trust_env=False) as http:
                assert (await sign_in(http, url, "s-2")).status_code == 303
                assert "<dd>auditor</dd>" in (await http.get(f"{url}/me")).text
            async with httpx2.AsyncClient(trust_env=False) as http:
                stranger = await sign_in(http, url, "a-stranger")
                assert stranger.status_code == 403
                assert "not known here" in stranger.text
                assert (await http.get(f"{url}/me")).status_code == 303
            async with httpx2.AsyncClient(trust_env=False) as http:
                away = await http.get(f"{url}/login/oidc")
                denied = await http.post(away.headers["location"], data={"action": "deny"})
                assert (await http.get(denied.headers["location"])).status_code == 403
        log = (tmp_path / "gateway.log").read_text()
        assert not re.search(r"s3cret|code=|id_token|Traceback", log)


async def test_a_provider_that_does_not_answer_leaves_the_local_accounts(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    async with (
        gateway(tmp_path, f"http://localhost:{nobody}") as url,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        assert (await http.get(f"{url}/login/oidc")).status_code == 503
        assert "Account" in (await http.get(f"{url}/login")).text
