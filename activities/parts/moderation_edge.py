"""The public edge of a moderation service, as an uploader meets it: what passes, waits, is refused.

Law: probes say that they probe, each uploads as another account, and what a status other than 200
says of a picture is nothing: it was not decided. Answers are counted; no picture is kept.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from activities.parts import moderation_answers as said
from activities.parts.http import Http
from schemas.ports.moderation import SetsProbed

_AT_ONCE: Final = 8
_SAFE: Final = "safe"
_NOBODY: Final = 503
"""What everybody is answered while nobody is let in; another refusal may be of one alone."""


class _Answered(NamedTuple):
    status: int
    decision: str = ""
    by: str = ""
    version: str = ""


class Edge:
    """One edge; *account* is the header that names an uploader, and our own name in it."""

    def __init__(
        self,
        http: Http,
        *,
        path: str,
        headers: Mapping[str, str],
        account: tuple[str, str],
        decided_by: str,
    ) -> None:
        self._http = http
        self._path = path
        self._headers = headers
        self._account = account
        self._decided_by = decided_by

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def probe(self, adversarial: Sequence[bytes], benign: Sequence[bytes]) -> SetsProbed:
        """Upload each picture of both sets once, some at a time."""
        gate = asyncio.Semaphore(_AT_ONCE)
        asked = [*adversarial, *benign]
        answers = await asyncio.gather(*(self._upload(n, p, gate) for n, p in enumerate(asked)))
        decisions = [answer.decision for answer in answers]
        cut = len(adversarial)
        return SetsProbed(
            adversarial=cut,
            passed=decisions[:cut].count(_SAFE),
            benign=len(benign),
            kept_back=len(benign) - decisions[cut:].count(_SAFE),
            refused=decisions.count(""),
            held=sum(answer.status == _NOBODY for answer in answers),
            by_fallback=sum(answer.by == "fallback" for answer in answers),
            versions=tuple(sorted({answer.version for answer in answers if answer.version})),
        )

    async def _upload(self, number: int, content: bytes, gate: asyncio.Semaphore) -> _Answered:
        header, name = self._account
        headers = {**self._headers, header: f"{name}-{number}"}
        async with gate:
            answer = await self._http.ask(
                "POST", self._path, raw=content, headers=headers, expect=None
            )
        if answer.status != 200:
            return _Answered(answer.status)
        decided = answer.parse(said.DecisionAnswer)
        by = answer.headers.get(self._decided_by, "")
        return _Answered(answer.status, decided.decision, by, decided.version)
