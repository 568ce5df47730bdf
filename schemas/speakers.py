"""The keys that may speak to an incident: the gateway's, for whom it authenticated, or one's own.

Law: pure, and no private key ever rests in a model. An incident is given its keys when it opens
and trusts nothing else. It learns a new key only by a certificate that a key it trusts has signed,
for the same speaker: the gateway's key never introduces a person's own key.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints

from schemas.base import Frozen, Name, Utc

PublicKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""An Ed25519 public key, 32 bytes in hex."""

FRESH_FOR: Final = timedelta(hours=1)
STEP_UP_WITHIN: Final = timedelta(minutes=10)
MOST_CERTIFICATES: Final = 8
"""Rotations that one incident can learn of at once."""


class SpeakerKey(Frozen):
    """One public key, and whom it speaks for: *person*, or whoever the gateway authenticated."""

    public: PublicKey
    person: Name | None = None
    since: Utc | None = None
    until: Utc | None = None

    @property
    def kid(self) -> str:
        """The key's id: it follows from the key, so that none can be given another's."""
        return kid_of(self.public)

    def speaks_at(self, moment: datetime) -> bool:
        """Whether *moment* is within the key's time."""
        begun = self.since is None or self.since <= moment
        return begun and (self.until is None or moment < self.until)


class SpeakerKeys(Frozen):
    """What an incident trusts; ``fresh_for`` is how old a statement may be when it is heard.

    With ``fresh_besides_gates`` what is grave asks for a fresh proof also where no gate asks:
    incidents that opened without it go on without.
    """

    keys: tuple[SpeakerKey, ...] = Field(min_length=1)
    fresh_for: timedelta = FRESH_FOR
    step_up_within: timedelta = STEP_UP_WITHIN
    fresh_besides_gates: bool = False

    def of(self, kid: str) -> SpeakerKey | None:
        """The key of this id, None if it is not trusted."""
        return next((key for key in self.keys if key.kid == kid), None)

    def replaced(self, *changed: SpeakerKey) -> "SpeakerKeys":
        """Return these keys with *changed* added, or in the place of those of the same id."""
        kids = {key.kid for key in changed}
        kept = [key for key in self.keys if key.kid not in kids]
        return self.model_copy(update={"keys": (*kept, *changed)})


class Certificate(Frozen):
    """A key introduced by another one; ``retires`` is from when that other speaks no more."""

    version: Literal[1] = 1
    key: SpeakerKey
    by: str = Field(max_length=80)
    issued_at: Utc
    retires: Utc | None = None


def kid_of(public: str) -> str:
    """Return the id of a public key given in hex."""
    return "ed25519-" + hashlib.sha256(bytes.fromhex(public)).hexdigest()[:32]


def public_of(key: Ed25519PrivateKey) -> str:
    """Return the public key, in hex, that belongs to a private one."""
    return key.public_key().public_bytes_raw().hex()


def signed_text(text: str, key: Ed25519PrivateKey) -> str:
    """Return *text* with a dot and its signature, in hex, behind it."""
    return f"{text}.{key.sign(text.encode()).hex()}"


def holds(text: str, signature: str, public: str) -> bool:
    """Whether *signature*, in lower-case hex, is that of *text* by the key *public*."""
    if len(signature) != 128 or signature != signature.lower():
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            bytes.fromhex(signature), text.encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def introduce(
    keys: SpeakerKeys, introductions: Sequence[tuple[Certificate, str, str]], now: datetime
) -> SpeakerKeys | None:
    """Return *keys* with what certificates introduce; None if one of them does not hold.

    Each comes with its text and signature. One from a key that is not known introduces nothing:
    the incident opened after that rotation.
    """
    for certificate, text, signature in introductions[:MOST_CERTIFICATES]:
        issuer = keys.of(certificate.by)
        if issuer is None:
            continue
        if not holds(text, signature, issuer.public) or issuer.person != certificate.key.person:
            return None
        if keys.of(certificate.key.kid) is not None:
            continue  # learnt before; what it retired then stays retired
        if not issuer.speaks_at(now) or not issuer.speaks_at(certificate.issued_at):
            return None
        keys = keys.replaced(certificate.key)
        if certificate.retires is not None:
            ends = min(issuer.until or certificate.retires, certificate.retires)
            keys = keys.replaced(issuer.model_copy(update={"until": ends}))
    return keys
