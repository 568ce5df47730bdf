"""Every route of the gateway: public on purpose and named here, or nobody's without a person."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.gateway.server import Insight, for_people
from hemostat.identity.desk import Identity
from hemostat.settings import Settings
from hemostat.vault import Vault
from tests.browser import identity_of
from tests.unit.api_stage import asking

PUBLIC = {
    "POST /alerts/{source}": "each source proves itself by its token or its signature",
    "POST /pagerduty/webhooks/{source}": "signed by PagerDuty",
    "POST /slack/interactions": "signed by Slack",
    "GET /healthz": "that the process lives",
    "GET /readyz": "that it can take alerts",
    "GET /metrics": "on this machine alone",
    "GET /login": "the way in",
    "POST /login": "the way in",
    "GET /login/oidc": "the way in",
    "GET /login/callback": "the way in",
    "POST /login/passkey/options": "the way in",
    "POST /login/passkey": "the way in",
    "GET /login/assets/{name}": "styles and the script of these pages",
    "POST /device/code": "a terminal that nobody has lent anything to yet",
    "POST /device/token": "it knows its own secret",
    "POST /theme": "dark or light, in a cookie",
    "GET /static/{digest}/{name}": "styles and the script of the console",
    "GET /api/v1/openapi.json": "the reference, as it is in the docs",
}
"""What anybody may ask, and why."""

FORGED: Sequence[dict[str, str]] = (
    {},
    {"Authorization": "Bearer made-up"},
    {"Authorization": ""},
    {"Cookie": "hemostat-session=made-up"},
    {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "ic-1", "Remote-User": "ic-1"},
)


class Asked(Exception):
    """Something was asked of Temporal for nobody."""


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return identity_of(tmp_path, tables="[gateway]\nrequests_per_second = 1e6\nburst = 1000000\n")


@pytest.fixture
def app(tmp_path: Path, identity: Identity) -> Starlette:
    """The whole app, in front of a Temporal that nothing may be asked of."""

    async def connected() -> Any:
        raise Asked

    settings = Settings.load(tmp_path / "hemostat.toml")
    signals = cast("IncidentSignals", SimpleNamespace(connected=connected, ready=connected))
    insight = Insight(scenarios=("feedback-poisoning",))
    beside = for_people(settings, signals, identity, insight)
    return gateway_app(settings, signals, Vault(tmp_path / "vault"), beside, identity)


def every_route(routes: Sequence[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    """Each method and path; what is neither a route nor a mount of some is not known here."""
    for route in routes:
        if isinstance(route, Mount):
            yield from every_route(route.routes, before + route.path)
            continue
        assert isinstance(route, Route), f"{route!r} is not a kind that this test knows"
        for method in sorted(route.methods or ()):
            yield method, before + route.path


def named(method: str, path: str) -> str:
    return f"{'GET' if method == 'HEAD' else method} {path}"


def some(path: str) -> str:
    """An address of this path."""
    values = {"incident": "feedback-poisoning-0123456789ab", "gate": "retrain", "what": "suspect",
              "said": "s-1", "name": "x", "digest": "x", "source": "x", "channel": "x",
              "kind": "post-mortem", "form": "html"}  # fmt: skip
    return path.format_map(values)


def is_turned_away(answer: httpx2.Response) -> bool:
    """Whether nothing was told or done: to the login page, not known, or not of our page."""
    if answer.status_code == 303:
        return answer.headers["location"].startswith("/login")
    return answer.status_code in (401, 403, 405)


async def test_every_route_is_public_on_purpose_or_turns_strangers_away(app: Starlette) -> None:
    found = list(every_route(app.routes))
    assert len(found) > 60
    async with asking(app) as http:
        for method, path in found:
            if named(method, path) in PUBLIC:
                continue
            for headers in FORGED:
                answer = await http.request(method, some(path), headers=headers)
                where = (method, path, headers, answer.status_code)
                assert is_turned_away(answer), where
                assert "feedback-poisoning-0123456789ab" not in answer.text, where


async def test_what_is_named_public_is_there(app: Starlette) -> None:
    found = {named(method, path) for method, path in every_route(app.routes)}
    assert set(PUBLIC) <= found


async def test_no_path_beside_the_routes_leads_to_one_of_them(app: Starlette) -> None:
    """Slashes, dots and cases that another part of the way may read otherwise."""
    async with asking(app) as http:
        for path in ("//incidents", "/incidents/", "/INCIDENTS", "/./incidents", "/x/../incidents",
                     "/api/v1//incidents", "/api/v1/incidents/", "/api/../incidents",
                     "/login/../incidents", "/incidents;x", "/api/v1", "/api/v1/"):  # fmt: skip
            answer = await http.get(path)
            assert is_turned_away(answer) or answer.status_code == 404, (path, answer.status_code)
