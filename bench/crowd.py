"""The stage of (e): a gateway that people sign in at, beside the one that only takes alerts.

It is the same program with ``[identity]``: console, API and signed decisions. Its incidents are
the real ``triage`` playbook, which pages and then waits at two gates; so a thousand of them are
open for as long as nobody decides.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeGuard

from bench import alarms
from bench.posting import Connection, post_all
from bench.stage import ROOT, TOKEN, Stage
from hemostat.gateway.routing import incident_id
from hemostat.identity.desk import Identity
from hemostat.incidents import views
from hemostat.keys import create_key
from hemostat.processes import LOOPBACK, ChildProcess, free_port
from hemostat.settings import Settings
from hemostat.temporal.embedded import READY_WITHIN
from schemas.errors import HemostatError
from schemas.incident import GateView, IncidentView

PLAYBOOK: Final = "triage"
SERVICE: Final = "watched"
ACKNOWLEDGE: Final = "acknowledge"
CLOSE: Final = "close"
_ALERT: Final = "Watched"
_OPENED_WITHIN: Final = 240.0
_AT_ONCE: Final = 32

_TOML: Final = """\
[hemostat]
state = "people"

[gateway]
port = {port}
requests_per_second = 10000
burst = 10000

[identity]
key = "file:gateway-key.pem"

[sources.bench]
kind = "alertmanager"
token = "file:token"

[[routes]]
match = {{ alertname = "Watched" }}
playbook = "triage"
service = "watched"
correlate_by = ["case"]

[services.watched]
playbooks = ["triage"]
connections = {{ pager = "noop" }}

[connections.noop]
adapter = "noop"
"""


@dataclass(frozen=True)
class Crowd:
    """The gateway of people, and a token of each of them."""

    stage: Stage
    port: int
    tokens: Sequence[str]
    gateway: ChildProcess

    async def open(self, cases: Sequence[str]) -> list[str]:
        """Open an incident for each case, through the gateway; return their ids."""
        bodies = [alarms.body(case, alertname=_ALERT) for case in cases]
        answers = await post_all(
            self.port, "/alerts/bench", bodies, token=TOKEN, at_once=min(16, len(bodies))
        )
        refused = [answer for status, answer, _ in answers if status not in (202, 503)]
        if refused:
            raise RuntimeError(f"an alert was not taken: {refused[0]!r}")
        return [incident_of(case) for case in cases]

    async def asking(self, incidents: Sequence[str]) -> dict[str, IncidentView]:
        """Return where each incident stands, once both its gates are open."""
        found: dict[str, IncidentView] = {}
        async with asyncio.timeout(_OPENED_WITHIN):
            while len(found) < len(incidents):
                rest = [one for one in incidents if one not in found]
                seen = zip(rest, await views(self.stage.client, rest), strict=True)
                found |= {one: at for one, at in seen if _asks(at)}
        return found


def _asks(seen: IncidentView | HemostatError) -> TypeGuard[IncidentView]:
    return isinstance(seen, IncidentView) and len(gates_of(seen)) == 2


def gates_of(seen: IncidentView) -> dict[str, GateView]:
    """The gates of triage that are open."""
    gates = {gate.policy.id: gate for gate in seen.gates}
    return {name: gates[name] for name in (ACKNOWLEDGE, CLOSE) if name in gates}


def incident_of(case: str) -> str:
    """The incident of a case."""
    return incident_id(PLAYBOOK, SERVICE, [case])


def approval(gate: GateView) -> dict[str, Any]:
    """What a person sends who has seen *gate*."""
    return {
        "gate": gate.policy.id,
        "choice": "approve",
        "role": gate.policy.roles[0],
        "nonce": gate.nonce,
        "digest": gate.digest,
        "reason": "seen and agreed",
    }


@asynccontextmanager
async def crowd(stage: Stage, people: int) -> AsyncIterator[Crowd]:
    """Start the gateway of *people*, and end it."""
    port, config = free_port(), stage.folder / "people.toml"
    config.write_text(_TOML.format(port=port))
    create_key(stage.folder / "gateway-key.pem")
    settings = Settings.load(config)
    tokens = await asyncio.to_thread(_tokens, settings, people)
    async with await ChildProcess.start(
        "people",
        [sys.executable, "-m", "hemostat", "gateway"],
        log=stage.folder / "people.log",
        env={"HEMOSTAT_CONFIG": str(config)},
        cwd=ROOT,
    ) as gateway:
        await gateway.wait_ready(lambda: _answers(port), READY_WITHIN)
        processes = {**stage.processes, "gateway": gateway.pid}
        yield Crowd(replace(stage, processes=processes), port, tokens, gateway)


def _tokens(settings: Settings, people: int) -> list[str]:
    """An account for each, and the token that they lend their terminal."""
    identity, tokens = Identity(settings), []
    for number in range(people):
        name = f"o{number}"
        identity.accounts.add(name, ("ml-on-call", "commander"))
        account = identity.accounts.get(name)
        assert account is not None
        device, code = identity.tokens.ask()
        identity.tokens.answer(code, identity.local(account, "password"))
        tokens.append(identity.tokens.collect(device)[0])
    return tokens


async def _answers(port: int) -> bool:
    async with Connection(LOOPBACK, port) as connection:
        status, _ = await connection.send("GET", "/readyz")
        return status == 200
