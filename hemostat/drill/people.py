"""The people of a drill: scripted roles that answer gates through the same signal as anyone.

They see what a person sees (the open gate with its exhibit), take a moment, and decide with a
reason, signed as the gateway signs for whom it authenticated. A role may be told to wait for
something before it answers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client

from hemostat.incidents import view
from hemostat.keys import SigningKey
from hemostat.speaking import speak
from hemostat.speaking.decisions import decision_for
from schemas.errors import HemostatError
from schemas.gate import Choice
from schemas.incident import GateView
from schemas.who import Who

_LOOK_EVERY_SECONDS: Final = 0.3
_A_MOMENT_SECONDS: Final = 0.7


@dataclass(frozen=True)
class Answer:
    """What one role says at one gate, once *ready* is true."""

    role: str
    reason: str
    choice: Choice = Choice.APPROVE
    ready: Callable[[], bool] = lambda: True
    actor: str = ""
    """Who says it, where it is not the role's own ``drill-ROLE``."""


Script = dict[str, tuple[Answer, ...]]


class People:
    """Answers the gates of one incident by a script, until cancelled."""

    def __init__(self, client: Client, key: SigningKey, incident: str, script: Script) -> None:
        self._client = client
        self._key = key
        self._incident = incident
        self._script = script
        self._said: set[tuple[str, str, str]] = set()

    async def answer(self) -> None:
        """Look for open gates and answer them."""
        while True:
            for gate in await self._open_gates():
                for answer in self._script.get(gate.policy.id, ()):
                    await self._say(gate, answer)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _open_gates(self) -> tuple[GateView, ...]:
        try:
            return (await view(self._client, self._incident)).gates
        except HemostatError:  # no worker just now: people look again
            return ()

    async def _say(self, gate: GateView, answer: Answer) -> None:
        said = (gate.nonce, answer.role, answer.actor)
        if said in self._said or not answer.ready():
            return
        await asyncio.sleep(_A_MOMENT_SECONDS)
        who = played_by(answer.role, answer.actor)
        decision = decision_for(
            gate,
            answer.choice,
            actor=who.person,
            role=answer.role,
            reason=f"EXERCISE: {answer.reason}",
        )
        await speak(self._client, who, self._incident, decision, self._key, channel="drill")
        self._said.add(said)


def played_by(role: str, actor: str = "") -> Who:
    """Who plays *role*, signed in just now."""
    now = datetime.now(UTC)
    person = actor or f"drill-{role}"
    return Who(
        person=person[:63],
        subject=f"drill:{person}",
        roles=(role,),
        method="script",
        authenticated_at=now,
        stepped_up_at=now,
    )
