"""Sealing evidence: beside the response, each gap declared, read back before it counts."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.evidence import Gap, Sealed
from schemas.journal import Kind
from schemas.ports.disclosure import Receipt
from schemas.ports.vault import EvidenceVerified, VerifyEvidence, verify_evidence
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine import commands
from workflows.engine.failures import ActFailed
from workflows.engine.paging import Pager
from workflows.engine.proof import Check, Proof
from workflows.engine.record import Record
from workflows.engine.steps import Act, Hands

AGAIN, AGAIN_AT_MOST = 30.0, 600.0
"""Seconds between two tries to seal or read back; destructive steps wait for it."""


class Evidence:
    """What was sealed for one incident, by digest."""

    def __init__(self, record: Record, hands: Hands, pager: Pager) -> None:
        self._record = record
        self._hands = hands
        self._pager = pager
        self._items: dict[str, str] = {}
        self._gaps: list[str] = []
        self._done: dict[str, bool] = {}
        """Which acts were answered, and whether with anything that could be sealed."""

    def gaps(self) -> list[JsonValue]:
        """The names of what should have been sealed and could not be had."""
        return [*self._gaps]

    def digests(self) -> list[JsonValue]:
        """The digests of all sealed items, in the order they were sealed."""
        return list(self._items)

    def listing(self) -> str:
        """The sealed items in one line, by digest and our own names."""
        return ", ".join(f"{name} ({digest})" for digest, name in self._items.items())

    async def seal(self, step: str, key: str, acts: Sequence[Act[Any, Sealed]]) -> None:
        """Seal what every act collects; return once all of it reads back from the vault.

        A source that cannot be had is a gap, declared; all of them gone is no sealing.
        """
        self._record.begin(step, "Seal the evidence", StepClass.OBSERVE, 1)
        pause = AGAIN
        while True:
            await asyncio.gather(*(self._seal_one(step, key, act) for act in acts))
            sealed = not acts or any(self._done.get(_mark(step, act)) for act in acts)
            if sealed and await self._reads_back(step):
                break
            self._pager.call("commander", "evidence", "Evidence is not sealed in the vault")
            await commands.sleep(pause, summary=f"{step}: again")
            pause = min(2 * pause, AGAIN_AT_MOST)
        self._record.mark(step, StepState.PROVEN, proven_at=iso(workflow.now()))

    async def _seal_one(self, step: str, key: str, act: Act[Any, Sealed]) -> None:
        mark = _mark(step, act)
        if self._done.get(mark):
            return
        try:
            sealed = await self._hands.act(act, step=step, key=key)
        except ActFailed as error:
            if mark not in self._done:
                self._declare(step, Gap(name=act.port.name, reason=error.reason))
            self._done[mark] = False
            return
        self._done[mark] = True
        if act.port.name in self._gaps:  # it could not be had before, now it can
            self._gaps.remove(act.port.name)
        for item in sealed.items:
            self._items[item.digest] = item.name
            data: dict[str, JsonValue] = item.model_dump(mode="json")
            self._record.write(Kind.EVIDENCE, f"Sealed: {item.name}", step=step, data=data)
        for gap in sealed.gaps:
            self._declare(step, gap)

    def declare(self, gap: Gap) -> None:
        """Note that something is missing which no step was to seal; once, however often told."""
        if gap.name not in self._gaps:
            self._declare(None, gap)

    def _declare(self, step: str | None, gap: Gap) -> None:
        self._gaps.append(gap.name)
        says = f"Evidence is missing: {gap.name}"
        self._record.write(Kind.EVIDENCE, says, step=step, data={"reason": gap.reason})

    async def _reads_back(self, step: str) -> bool:
        everything = VerifyEvidence(digests=tuple(self._items))
        proof = Proof(checks=[_all_there(everything)], polls=1)
        return await self._hands.prove(proof, step=step) is ProofVerdict.PROVEN

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {"items": dict(self._items), "gaps": [*self._gaps], "done": dict(self._done)}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._items, self._gaps = dict(dumped["items"]), list(dumped["gaps"])
        self._done = dict(dumped["done"])


def _mark(step: str, act: Act[Any, Sealed]) -> str:
    return f"{step} {act.port.name}"


def _all_there(everything: VerifyEvidence) -> Check[VerifyEvidence, EvidenceVerified]:
    return Check(
        says="every sealed item reads back with its digest",
        port=verify_evidence,
        ask=lambda _: everything,
        holds=lambda seen: not seen.missing and not seen.corrupt,
    )


def of_sent(receipt: Receipt) -> dict[str, JsonValue]:
    """What the journal keeps of what was sent: it is evidence, too."""
    kept: dict[str, JsonValue] = {
        "digest": receipt.sealed,
        "text": receipt.text_digest,
        "receipt": receipt.receipt,
        "audience": receipt.audience,
    }
    return kept if receipt.item is None else {**kept, "item": receipt.item.model_dump(mode="json")}
