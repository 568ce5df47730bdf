"""A signed statement: the proof that a person said this, here, once, and how they proved who.

Law: pure; the same functions run in the workflow, in the gateway and in the offline verifier. The
envelope is one line of ASCII, the signature (Ed25519) covers every character before it:

    hs1.PAYLOAD[.CERTIFICATE.SIGNATURE ...].SIGNATURE

PAYLOAD and CERTIFICATE are canonical JSON in base64url; a certificate's own signature covers
``hc1.CERTIFICATE``, so that neither can stand for the other.
"""

import base64
import binascii
from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from schemas.base import Digest, Frozen, Name, Utc
from schemas.canonical import canonical_json, digest_of
from schemas.gate import Choice
from schemas.journal import recordable
from schemas.speakers import (
    MOST_CERTIFICATES,
    Certificate,
    SpeakerKey,
    SpeakerKeys,
    holds,
    introduce,
    signed_text,
)

STATEMENT, CERTIFICATE = "hs1", "hc1"
LONGEST: Final = 16_384
"""Characters of an envelope; a longer one is not read."""
CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""How far ahead of Temporal's the clock of a speaker may be."""
PERSON: Final = "person"
CHANNEL: Final = "channel"
"""The kind of speaker that a pager or a chat is: the gateway speaks for it, and it decides nothing."""
OWN_KEY: Final = "own-key"
"""The method of authentication where the person's own key signs: each use is a fresh proof."""


class SignedStatement(Frozen):
    """Who said what, to which incident, how authenticated; ``content`` digests the whole signal.

    ``digest`` is that of the exact parameters and evidence shown at the gate, ``reason`` that of
    the words given. ``kind`` is what the speaker is; only a person decides.
    """

    version: Literal[1] = 1
    id: str = Field(min_length=1, max_length=128)
    incident: str = Field(max_length=256)
    run: str = Field(max_length=128)
    signal: Name
    content: Digest
    gate: Name | None = None
    nonce: str | None = Field(default=None, max_length=128)
    digest: Digest | None = None
    choice: Choice | None = None
    reason: Digest
    person: Name
    subject: str = Field(min_length=1, max_length=300)
    role: Name | None = None
    kind: Name = PERSON
    method: Name
    authenticated_at: Utc
    stepped_up_at: Utc | None = None
    channel: Name
    said_at: Utc
    kid: str = Field(max_length=80)


class Unproven(StrEnum):
    """Why a signal does not prove who spoke."""

    NO_STATEMENT = "no-statement"
    MALFORMED = "malformed-statement"
    BAD_SIGNATURE = "bad-signature"
    BAD_CERTIFICATE = "bad-certificate"
    UNKNOWN_KEY = "unknown-key"
    KEY_OUT_OF_TIME = "key-out-of-time"
    NOT_THEIR_KEY = "not-their-key"
    OTHER_INCIDENT = "other-incident"
    OTHER_RUN = "other-run"
    OTHER_SIGNAL = "other-signal"
    OTHER_GATE = "other-gate"
    OTHER_CONTENT = "other-content"
    OTHER_PERSON = "other-person"
    OTHER_ROLE = "other-role"
    NOT_A_PERSON = "not-a-person"
    NOT_A_CHANNEL = "not-a-channel"
    TOO_OLD = "too-old"
    FROM_THE_FUTURE = "from-the-future"
    USED_BEFORE = "used-before"


class Envelope(NamedTuple):
    """An envelope taken apart; nothing of it is verified yet."""

    statement: SignedStatement
    text: str
    signature: str
    certificates: tuple[tuple[Certificate, str, str], ...]


class Heard(NamedTuple):
    """What a verified statement says, by which key, and what the incident trusts from now on."""

    statement: SignedStatement
    key: SpeakerKey
    keys: SpeakerKeys

    @property
    def own_key(self) -> bool:
        """Whether the person's own key signed, and not the gateway's."""
        return self.key.person is not None

    @property
    def stepped_up(self) -> bool:
        """Whether the proof of identity was fresh when it was said."""
        at, within = self.statement.stepped_up_at, self.keys.step_up_within
        said = self.statement.said_at
        return self.own_key or (at is not None and timedelta(0) <= said - at <= within)


class Place(NamedTuple):
    """Where a statement is heard: it counts nowhere else."""

    incident: str
    run: str
    signal: str


def content_of(signal: str, said: Frozen) -> Digest:
    """Return the digest of all that a signal carries besides its statement.

    Fields at their defaults are left out, so that a later edition with more of them agrees.
    """
    fields = said.model_dump(mode="json", exclude={"statement"}, exclude_defaults=True)
    return digest_of({"signal": signal, "said": recordable(fields)})


def seal(
    statement: SignedStatement, key: Ed25519PrivateKey, certificates: Sequence[str] = ()
) -> str:
    """Return the envelope of *statement*; *certificates* lead, oldest first, to its key."""
    introduced = [text.removeprefix(f"{CERTIFICATE}.") for text in certificates]
    return signed_text(".".join((STATEMENT, _packed(statement), *introduced)), key)


def certify(certificate: Certificate, key: Ed25519PrivateKey) -> str:
    """Return *certificate* signed with the key that introduces, as one line."""
    return signed_text(f"{CERTIFICATE}.{_packed(certificate)}", key)


def read(envelope: str) -> Envelope | None:
    """Take an envelope apart; None if it is none."""
    if len(envelope) > LONGEST or not envelope.isascii():
        return None
    parts = envelope.split(".")
    if len(parts) % 2 == 0 or not 3 <= len(parts) <= 3 + 2 * MOST_CERTIFICATES:
        return None
    if parts[0] != STATEMENT:
        return None
    try:
        statement = SignedStatement.model_validate_json(_unpacked(parts[1]))
        certificates = tuple(
            (
                Certificate.model_validate_json(_unpacked(parts[at])),
                f"{CERTIFICATE}.{parts[at]}",
                parts[at + 1],
            )
            for at in range(2, len(parts) - 1, 2)
        )
    except (ValidationError, binascii.Error, ValueError):
        return None
    return Envelope(statement, ".".join(parts[:-1]), parts[-1], certificates)


def verify(
    envelope: str | None,
    said: Frozen,
    place: Place,
    keys: SpeakerKeys,
    now: datetime,
    spent: Container[str] = (),
    *,
    kind: str = PERSON,
) -> Heard | Unproven:
    """Return what was proven of *said*, or why nothing was; *spent* are ids heard before.

    First who signed, then whether it was signed for here and for this: what an unknown key says is
    looked at no further. *kind* is what may say it.
    """
    if not envelope:
        return Unproven.NO_STATEMENT
    taken = read(envelope)
    if taken is None:
        return Unproven.MALFORMED
    statement = taken.statement
    trusted = introduce(keys, taken.certificates, now)
    if trusted is None:
        return Unproven.BAD_CERTIFICATE
    key = trusted.of(statement.kid)
    if key is None:
        return Unproven.UNKNOWN_KEY
    if not holds(taken.text, taken.signature, key.public):
        return Unproven.BAD_SIGNATURE
    why = (
        _key_may_not(key, statement, now)
        or _elsewhere(statement, said, place)
        or _someone_else(statement, said, kind)
        or _out_of_time(statement, trusted, now)
    )
    if why is None and statement.id in spent:
        why = Unproven.USED_BEFORE
    return why or Heard(statement, key, trusted)


def _key_may_not(key: SpeakerKey, statement: SignedStatement, now: datetime) -> Unproven | None:
    # Also now, not only when it was said: who holds a key that is over can claim any time.
    if not key.speaks_at(statement.said_at) or not key.speaks_at(now):
        return Unproven.KEY_OUT_OF_TIME
    if key.person is not None and (statement.kind == CHANNEL or key.person != statement.person):
        return Unproven.NOT_THEIR_KEY
    return None


def _elsewhere(statement: SignedStatement, said: Frozen, place: Place) -> Unproven | None:
    if statement.incident != place.incident:
        return Unproven.OTHER_INCIDENT
    if statement.run != place.run:
        return Unproven.OTHER_RUN
    if statement.signal != place.signal:
        return Unproven.OTHER_SIGNAL
    if statement.gate != (getattr(said, "gate", None) or None):
        return Unproven.OTHER_GATE
    return None


def _someone_else(statement: SignedStatement, said: Frozen, kind: str) -> Unproven | None:
    if statement.kind != kind:
        return Unproven.NOT_A_PERSON if kind == PERSON else Unproven.NOT_A_CHANNEL
    if statement.person != getattr(said, "actor", None):
        return Unproven.OTHER_PERSON
    if statement.role != getattr(said, "role", None):
        return Unproven.OTHER_ROLE
    if statement.content != content_of(statement.signal, said):
        return Unproven.OTHER_CONTENT
    return None


def _out_of_time(statement: SignedStatement, keys: SpeakerKeys, now: datetime) -> Unproven | None:
    if statement.said_at > now + CLOCKS_DIFFER:
        return Unproven.FROM_THE_FUTURE
    if now - statement.said_at > keys.fresh_for:
        return Unproven.TOO_OLD
    return None


def _packed(model: Frozen) -> str:
    return base64.urlsafe_b64encode(canonical_json(model)).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
