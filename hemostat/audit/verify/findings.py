"""What verifying can find: each with a code that stays, a place, a sentence, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemas.base import Digest, Frozen

MOST: Final = 50
"""Findings that are told; a pack that is wrong throughout is wrong after a few."""

MEANS: Final = {
    "zip": "The file is not a pack as the sealer's export writes one: it was damaged, or made or "
    "changed with another tool. Nothing in it can be relied on until it is exported again.",
    "json": "Two readers could see two things in this text. The export never writes such a text, so "
    "it was put there to be read differently by somebody.",
    "format": "The pack is of another version of the format, or claims to be; this verifier cannot "
    "say what it holds.",
    "shape": "The member does not hold what the format says it holds; it was not written by the "
    "export, or was changed afterwards.",
    "member": "What the pack lists and what it holds are not the same: a part was changed, taken "
    "out, or put in after the export.",
    "key": "The signature is by a key that the trust file does not vouch for at that time. Whoever "
    "has the key could have signed anything then.",
    "checkpoint": "The chain of signed checkpoints is broken: checkpoints were changed, taken out, "
    "moved, or belong to another incident.",
    "history": "What Temporal recorded is not what was sealed while it happened: the history was "
    "edited after the fact. Nothing after this event can be relied on.",
    "temporal": "While the incident was open, Temporal served another history than it had before. "
    "The pack holds the first one. Somebody changed Temporal's database.",
    "incident": "The workflow disappeared from Temporal before its end was sealed. The pack holds "
    "what was sealed until then.",
    "journal": "The journal is not the one that was sealed: what the incident says of itself was "
    "changed, or entries were taken out or put in.",
    "decision": "Who decided what is not as the sealed record has it: a decision was changed, "
    "moved, or put in somebody's mouth.",
    "statement": "A decision's own signature does not hold: it was not said by that person, or not "
    "here, or not this.",
    "evidence": "The list of evidence or its bytes are not what was sealed during the incident.",
    "sealed": "A part of the record is not the one that was sealed at the close.",
    "register": "The register of all incidents and this pack do not agree: an incident was taken "
    "out, put in, or cut off.",
    "time": "A time was written that cannot be: the record was dated back or forward.",
    "timestamp": "The outside timestamp does not prove what it should: the time rests on the "
    "sealer's word alone.",
    "manifest": "What the pack says of itself is not what its signed parts say.",
    "record": "The record ends here. What came after is not in this pack and nothing is proven of "
    "it; the register says whether there is more.",
    "pack": "The pack cannot be read.",
}
"""By the first word of a code, what a finding would mean."""


class Finding(Frozen):
    """One thing that does not hold."""

    code: str
    where: str
    says: str
    means: str


class Check(Frozen):
    """One thing that was checked, in words; ``held`` is None where there was nothing to check."""

    name: str
    held: bool | None
    says: str


class Registered(Frozen):
    """An entry of the register that a pack brings along: its number and its digest."""

    seq: int
    digest: Digest


class Verdict(Frozen):
    """The answer: everything that was checked, and what does not hold, the gravest reason first."""

    pack: str
    incident: str
    first_run: str
    held: bool
    closed: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    registered: tuple[Registered, ...] = ()
    """To be compared with a whole register."""
    events: int = 0
    size: int = 0


@dataclass
class Findings:
    """What was found so far."""

    found: list[Finding] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    registered: list[Registered] = field(default_factory=list)
    broken: bool = False

    def add(self, code: str, where: str, says: str) -> None:
        """Note that something does not hold; *says* is our own sentence."""
        self.broken = True
        told = Finding(code=code, where=where, says=says, means=MEANS[code.partition("-")[0]])
        if len(self.found) < MOST and told not in self.found:
            self.found.append(told)

    def check(self, name: str, run: Callable[[], str | None]) -> None:
        """Run one check; it gives a sentence of what holds, or None where there is nothing."""
        before = len(self.found)
        self.broken = False
        says = run()
        if self.broken:
            says = self.found[before].says if len(self.found) > before else "see above"
            self.checks.append(Check(name=name, held=False, says=says))
        else:
            self.checks.append(
                Check(
                    name=name, held=None if says is None else True, says=says or "nothing to check"
                )
            )
