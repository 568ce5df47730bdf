"""Signatures: by a key that the trust file vouches for, at that time, over exactly these bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hemostat.audit.verify.findings import Findings
from schemas.audit.checkpoint import Checkpoint, Why
from schemas.audit.manifest import Manifest
from schemas.audit.signing import Envelope, signature_holds
from schemas.audit.trust import Standing, Trust, TrustedKey, standing
from schemas.base import iso
from schemas.journal import GENESIS

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far apart the sealer's clock and another may be."""


@dataclass
class Signed:
    """What of the checkpoints may be relied on."""

    trust: Trust
    proven_before: dict[int, str] = field(default_factory=dict)
    """By checkpoint, the earliest outside time that covers it: its own timestamp's or a later's."""
    _keys: dict[str, tuple[TrustedKey, bytes]] = field(default_factory=dict)

    def key(self, kid: str) -> tuple[TrustedKey, bytes] | None:
        """Return the key that *kid* names and its raw public half, if it is trusted at all."""
        known = self._keys.get(kid)
        if known is None and (key := self.trust.key(kid)) is not None:
            known = self._keys[kid] = key, key.raw
        return known


def check_key(held: Envelope[Any], where: str, signed: Signed, findings: Findings) -> bool:
    """Whether the signature is good and its key was to be believed; what is not is a finding."""
    known = signed.key(held.body.kid)
    if known is None:
        findings.add("key-unknown", where, f"the trust file has no key {held.body.kid}")
        return False
    key, raw = known
    if not signature_holds(raw, held.signature, held.signed):
        findings.add(f"{held.kind}-signature", where, "its signature does not hold")
        return False
    worth = standing(key, held.body.at)
    if worth is Standing.EARLY:
        findings.add("key-early", where, f"it is dated before its key was in use ({key.since})")
    elif worth is Standing.RETIRED:
        findings.add("key-retired", where, f"its key was retired at {key.retired}, before its time")
    elif worth is Standing.COMPROMISED:
        # The register's entries have no timestamp of their own: they name the last checkpoint.
        last = max(signed.proven_before, default=-1)
        seq = held.body.seq if isinstance(held.body, Checkpoint) else last
        proven = signed.proven_before.get(seq)
        if proven is None or proven >= str(key.compromised):
            said = "its key is compromised, and no timestamp from outside shows that it is older"
            findings.add("key-compromised", where, said)
    return True


def check_checkpoints(
    held: Sequence[Envelope[Checkpoint]], manifest: Manifest, signed: Signed, findings: Findings
) -> str:
    """Check each checkpoint's signature, its place in the chain, and that it is of this incident."""
    previous, last_at = GENESIS, ""
    for number, envelope in enumerate(held):
        body, where = envelope.body, f"checkpoint {number}"
        if body.seq != number:
            findings.add("checkpoint-missing", where, f"the next one is numbered {body.seq}")
            return ""
        check_key(envelope, where, signed, findings)
        if body.previous != previous:
            findings.add("checkpoint-chain", where, "it does not follow the one before it")
        if (body.incident, body.first_run) != (manifest.incident, manifest.first_run):
            findings.add("checkpoint-other-incident", where, "it is of another incident")
        if body.at < last_at:
            findings.add("time-backwards", where, "it is dated before the one before it")
        if body.why is Why.ALARM:
            for gap in body.gaps:
                findings.add("temporal-altered", where, gap)
        if body.why is Why.CLOSE and number != len(held) - 1:
            findings.add("checkpoint-after-close", where, "others follow the last one")
        previous, last_at = envelope.digest, body.at
    if not held:
        findings.add("checkpoint-missing", "checkpoints.jsonl", "there is none")
        return ""
    return f"{len(held)} checkpoints, signed, in one chain, from {held[0].body.at} to {last_at}"


def moment(at: str) -> datetime:
    """Return the instant of a ``Moment``."""
    return datetime.fromisoformat(at)


def later_than(at: str, other: datetime) -> bool:
    """Whether the sealer's *at* is after *other* by more than clocks differ."""
    return at > iso(other + CLOCKS_DIFFER)
