"""The people of an undisturbed response: each gate is looked at and approved as soon as it opens.

A decision needs the nonce and the digest of what is shown, so it takes a look (a query) and a
signal for each voice. The floor's people look at their workflow in the same way, for equal work.
When to look they hear from the marks of the no-op adapter: nobody polls idle incidents.
"""

import asyncio
import uuid
from collections import Counter
from typing import Any, Final

from temporalio.client import WorkflowHandle

from bench.bare import AGREEMENTS
from bench.marks import Marks
from bench.patience import look, signal
from schemas.canonical import digest_of

CUES: Final = {
    "acknowledge": ("page", 1),
    "confirm-known-good": ("evaluate_candidate", 1),
    "rescore-decisions": ("count_affected_decisions", 1),
    "retrain-without-poison": ("count_affected_decisions", 4),
    "re-enable-feedback": ("evaluate_candidate", 4),
    "close-incident": ("read_endpoint", 3),
}
"""Gate to the call, and the how-manieth of it, after which the gate opens."""

_LOOK_AFTER: Final = 0.01
_LOOK_AGAIN: Final = 0.02


class People:
    """Answers the gates of one incident."""

    def __init__(self, handle: WorkflowHandle[Any, Any], marks: Marks) -> None:
        self._handle = handle
        self._marks = marks
        self.did: Counter[str] = Counter()

    async def answer_all(self) -> None:
        """Approve every gate of the playbook, each when it opens."""
        await asyncio.gather(*(self._answer(gate, voices) for gate, voices in AGREEMENTS))

    async def _answer(self, gate: str, voices: int) -> None:
        port, times = CUES[gate]
        await self._marks.seen(self._handle.id, port, times)
        pause = _LOOK_AFTER
        while True:
            await asyncio.sleep(pause)
            shown = await self._shown(gate)
            if shown is not None:
                break
            pause = _LOOK_AGAIN
        for voice in range(voices):
            await signal(self._handle, "decide", _decision(gate, shown, voice))
            self.did["signals"] += 1

    async def _shown(self, gate: str) -> dict[str, Any] | None:
        """What is shown at the gate, if it is open."""
        seen = await look(self._handle)
        self.did["queries"] += 1
        if isinstance(seen, list):  # the floor names the gates it waits at
            return {} if gate in seen else None
        return next((view for view in seen["gates"] if view["policy"]["id"] == gate), None)


def _decision(gate: str, shown: dict[str, Any], voice: int) -> dict[str, Any]:
    roles = shown["policy"]["roles"] if shown else ("ml-lead",) * 2
    return {
        "decision_id": uuid.uuid4().hex,
        "gate": gate,
        "nonce": shown.get("nonce", uuid.UUID(int=0).hex),
        "digest": shown.get("digest", digest_of("bare")),
        "choice": "approve",
        "actor": f"person-{voice}",
        "role": roles[voice],
        "reason": "seen and agreed",
    }
