"""The edge of the assistant: a real Caddy that lets callers in by key, one route a caller.

Law: only the public routes are reachable through it, ``/admin`` never is. Keys are not in the
configuration: matchers take them from Caddy's environment. A caller's route is ``caller-ID`` and
all of them are within ``assistant``, so one can be closed alone and all together.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hemostat.processes import LOOPBACK


def keyed_config(
    edge_port: int, admin_port: int, upstream: str, callers: Iterable[str]
) -> dict[str, Any]:
    """Caddy's whole configuration; ``upstream`` is ``host:port``."""
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": upstream}]}
    routes = [_caller(caller, proxy) for caller in callers]
    routes.append({"handle": [{"handler": "static_response", "status_code": 401}]})
    edge = {
        "listen": [f"{LOOPBACK}:{edge_port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": [
            {
                "@id": "assistant",
                "match": [{"path": ["/v1/ask"]}],
                "handle": [{"handler": "subroute", "routes": routes}],
                "terminal": True,
            },
            {"@id": "health", "match": [{"path": ["/healthz"]}], "handle": [proxy]},
            {"@id": "rest", "handle": [{"handler": "static_response", "status_code": 404}]},
        ],
    }
    return {
        "admin": {"listen": f"{LOOPBACK}:{admin_port}"},
        "apps": {"http": {"servers": {"edge": edge}}},
    }


def key_environment(keys: Mapping[str, str]) -> dict[str, str]:
    """What Caddy's environment must hold for the callers' keys."""
    return {_variable(caller): key for caller, key in keys.items()}


def _caller(caller: str, proxy: dict[str, Any]) -> dict[str, Any]:
    known = {"X-Key-Id": [caller], "X-Api-Key": [f"{{env.{_variable(caller)}}}"]}
    tell = {
        "handler": "headers",
        "request": {"set": {"X-Caller": [caller]}, "delete": ["X-Api-Key"]},
    }
    return {
        "@id": f"caller-{caller}",
        "match": [{"header": known}],
        "handle": [tell, proxy],
        "terminal": True,
    }


def _variable(caller: str) -> str:
    return f"CALLER_KEY_{caller.upper().replace('-', '_')}"
