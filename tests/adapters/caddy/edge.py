"""A Caddy with two servers, a nested route and a route without a matcher, and how to look at it."""

from typing import Any

import httpx2

from schemas.canonical import digest_of
from schemas.ports.gateway import AdmitCohort, IsolateEndpoint, ReadEndpoint

ACCOUNTS = [f"trusted-{n}" for n in range(25)]


def says(text: str) -> list[dict[str, Any]]:
    return [{"handler": "static_response", "body": text}]


def configuration(edge: int, admin: int) -> dict[str, Any]:
    nested = {
        "handler": "subroute",
        "routes": [
            {"@id": "deep", "match": [{"path": ["/deep"]}], "handle": says("deep")},
            {"handle": says("nested")},
        ],
    }
    routes = [
        {"@id": "predict", "match": [{"path": ["/predict"]}], "handle": says("predicted")},
        {
            "@id": "feedback",
            "match": [{"path": ["/feedback"], "method": ["POST"]}, {"path": ["/old-feedback"]}],
            "handle": says("taken"),
            "terminal": True,
        },
        {"match": [{"path": ["/nested", "/deep"]}], "handle": [nested]},
        {"@id": "rest", "handle": says("rest")},
    ]
    server = {"automatic_https": {"disable": True}, "protocols": ["h1"]}
    return {
        "admin": {"listen": f"127.0.0.1:{admin}", "config": {"persist": False}},
        "apps": {
            "http": {
                "grace_period": 31_536_000_000_000_000,  # a year in ns: over 2**53
                "servers": {
                    "other": {**server, "listen": [f"127.0.0.1:{edge + 1}"], "routes": []},
                    "api": {**server, "listen": [f"127.0.0.1:{edge}"], "routes": routes},
                },
            }
        },
    }


class Edge:
    def __init__(self, url: str, admin: str, initial: dict[str, Any]) -> None:
        self.url = url
        self.admin = admin
        self.initial = initial
        self.client = httpx2.AsyncClient(trust_env=False, timeout=5)

    async def config(self) -> Any:
        return (await self.client.get(f"{self.admin}/config/")).json()

    async def post(self, path: str, account: str = "anyone") -> int:
        answer = await self.client.post(self.url + path, headers={"X-Account": account})
        return answer.status_code

    async def set(self, path: str, value: Any) -> None:
        (await self.client.post(f"{self.admin}/config/{path}", json=value)).raise_for_status()


def isolating(route: str = "feedback", incident: str = "inc-1") -> IsolateEndpoint:
    return IsolateEndpoint(connection="edge", incident=incident, key="k", route=route)


def admitting(percent: int, route: str = "feedback") -> AdmitCohort:
    return AdmitCohort(incident="inc-1", key=f"k{percent}", route=route, percent=percent)


def reading(incident: str = "inc-1", route: str = "feedback") -> ReadEndpoint:
    return ReadEndpoint(incident=incident, route=route)


def digest_of_config(config: Any) -> str:
    return digest_of(as_floats(config))


def as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) > 2**53 else value
