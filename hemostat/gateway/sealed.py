"""Who sent it: a webhook whose sender signs time and bytes with a secret that both know.

The signature is compared in constant time with that of each live secret (two in a rotation), holds
within five minutes of its time, and is worth one delivery: what was taken is answered again, and
does nothing. What a gateway that was restarted lets through again is the same delivery to the
incident, which counts it once.
"""

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hemostat.gateway.signed import TOLERANCE, Refused
from schemas.alert import Authenticity

_MOST_SIGNATURES: Final = 16
_REMEMBERED: Final = 20_000


@dataclass(frozen=True)
class Seal:
    """What the headers of one POST claim: signatures in *given* over *message*, made at *moment*.

    *once* names the delivery over all the tries of its sender. *written* is how the vendor writes a
    digest. *header* and *time_header* are where both are, for whoever must correct them.
    """

    header: str
    given: Sequence[str]
    time_header: str
    moment: str
    message: bytes
    once: str
    written: Callable[[bytes], str]


ReadSeal = Callable[[Mapping[str, str], bytes], Seal]


class SealedWebhooks:
    """One source that signs: its secrets, and the deliveries that were taken."""

    def __init__(self, source: str, read: ReadSeal, secrets: Sequence[str]) -> None:
        self._source = source
        self._read = read
        self._secrets = [secret.encode() for secret in secrets]
        self._taken: OrderedDict[str, None] = OrderedDict()

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Authenticity:
        """Return which secret signed it. Raises :class:`Refused`."""
        seal = self._read(headers, body)
        given = [one.encode("utf-8", "replace") for one in seal.given[:_MOST_SIGNATURES]]
        held = [
            any(hmac.compare_digest(_sign(seal, secret), one) for one in given)
            for secret in self._secrets
        ]
        if not seal.moment:
            raise Refused(
                f"it has no {seal.time_header}: a signature without a time would hold for ever"
            )
        if not any(held):
            raise Refused(f"{seal.header} is missing or wrong")
        if not seal.moment.isdecimal() or not seal.moment.isascii() or len(seal.moment) > 12:
            raise Refused(f"{seal.time_header} is no time in seconds")
        if abs(now.timestamp() - int(seal.moment)) > TOLERANCE.total_seconds():
            raise Refused("the signature is too old or from the future")
        return Authenticity(scheme="hmac-sha256", key_id=f"{self._source}/{held.index(True) + 1}")

    def was_taken(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether this delivery was accepted before; ask after it was verified."""
        return self._read(headers, body).once in self._taken

    def spend(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Note that it was accepted; a sender that got no answer may send it again."""
        self._taken[self._read(headers, body).once] = None
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)


def seal_of(kind: object) -> ReadSeal | None:
    """Return how a kind of source signs; None: its sender does not, or on a path of its own."""
    read: ReadSeal | None = getattr(kind, "seal", None)
    return read


def in_hex(digest: bytes) -> str:
    """Write a digest as Grafana does."""
    return digest.hex()


def in_base64(digest: bytes) -> str:
    """Write a digest as Standard Webhooks do, its version before it."""
    return "v1," + base64.b64encode(digest).decode()


def _sign(seal: Seal, secret: bytes) -> bytes:
    return seal.written(hmac.new(secret, seal.message, hashlib.sha256).digest()).encode()
