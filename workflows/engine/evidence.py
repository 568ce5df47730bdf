"""Sealing evidence: beside the response, each gap declared, read back before it counts."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.evidence import Gap, Sealed
from schemas.journal import Kind
from schemas.ports.vault import EvidenceVerified, VerifyEvidence, verify_evidence
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine.paging import Pager
from workflows.engine.proof import Check, Proof
from workflows.engine.record import Record
from workflows.engine.steps import Act, ActFailed, Hands

READ_BACK_AGAIN = 30.0
"""Seconds between two tries to read the evidence back; destructive steps wait for it."""


class Evidence:
    """What was sealed for one incident, by digest."""

    def __init__(self, record: Record, hands: Hands, pager: Pager) -> None:
        self._record = record
        self._hands = hands
        self._pager = pager
        self._items: dict[str, str] = {}

    def digests(self) -> list[JsonValue]:
        """The digests of all sealed items, in the order they were sealed."""
        return list(self._items)

    def listing(self) -> str:
        """The sealed items in one line, by digest and our own names."""
        return ", ".join(f"{name} ({digest})" for digest, name in self._items.items())

    async def seal(self, step: str, key: str, acts: Sequence[Act[Any, Sealed]]) -> None:
        """Seal what every act collects; return once all of it reads back from the vault."""
        self._record.begin(step, "Seal the evidence", StepClass.OBSERVE, 1)
        await asyncio.gather(*(self._seal_one(step, key, act) for act in acts))
        while not await self._reads_back(step):
            self._pager.call("commander", "evidence", "Evidence does not read back from the vault")
            await workflow.sleep(READ_BACK_AGAIN, summary=f"{step}: read back again")
        self._record.mark(step, StepState.PROVEN, proven_at=iso(workflow.now()))

    async def _seal_one(self, step: str, key: str, act: Act[Any, Sealed]) -> None:
        try:
            sealed = await self._hands.act(act, step=step, key=key)
        except ActFailed as error:
            self._declare(step, Gap(name=act.port.name, reason=error.reason))
            return
        for item in sealed.items:
            self._items[item.digest] = item.name
            data: dict[str, JsonValue] = item.model_dump(mode="json")
            self._record.write(Kind.EVIDENCE, f"Sealed: {item.name}", step=step, data=data)
        for gap in sealed.gaps:
            self._declare(step, gap)

    def _declare(self, step: str, gap: Gap) -> None:
        says = f"Evidence is missing: {gap.name}"
        self._record.write(Kind.EVIDENCE, says, step=step, data={"reason": gap.reason})

    async def _reads_back(self, step: str) -> bool:
        everything = VerifyEvidence(digests=tuple(self._items))
        proof = Proof(checks=[_all_there(everything)], polls=1)
        return await self._hands.prove(proof, step=step) is ProofVerdict.PROVEN

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {"items": dict(self._items)}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._items = dict(dumped["items"])


def _all_there(everything: VerifyEvidence) -> Check[VerifyEvidence, EvidenceVerified]:
    return Check(
        says="every sealed item reads back with its digest",
        port=verify_evidence,
        ask=lambda _: everything,
        holds=lambda seen: not seen.missing and not seen.corrupt,
    )
