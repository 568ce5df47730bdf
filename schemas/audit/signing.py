"""Ed25519 over canonical JSON: an envelope holds a body and the signature of exactly its bytes.

What is signed begins with what it is signed *as*, so that no signature can be passed off as one of
another kind. ``kid`` names the key by the digest of its public half; it stands in the body.
"""

import base64
import hashlib
from binascii import a2b_base64, b2a_base64
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import AfterValidator, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from schemas.audit.strict import NotStrict, Ordered, is_same, quickly_as, strict_json
from schemas.base import Digest, Frozen
from schemas.canonical import canonical_json, digest_bytes

Kid = Annotated[str, StringConstraints(pattern=r"^ed25519:[0-9a-f]{32}$")]
"""A key by its digest: ``ed25519:`` and half the SHA-256 of the raw public key."""

_FAR: Final = "9000"
"""Years from this one on are none of a record; what is reckoned from a moment stays a time."""


def _is_one(text: str) -> str:
    """Refuse what looks like a moment and is on no calendar."""
    if text >= _FAR or datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("there is no such moment")
    return text


Moment = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"),
    AfterValidator(_is_one),
]
"""An instant in the one form of the record, so that text compares as time does."""


Body = TypeVar("Body", bound=Frozen)


class SigningKey:
    """The private half; never printed, never in a history."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.kid = kid_of(self.public)

    @classmethod
    def make(cls) -> "SigningKey":
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: str) -> "SigningKey":
        """Return the key in *pem* (PKCS 8, not encrypted); ``ValueError`` for anything else."""
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError("not an Ed25519 key")
        return cls(private)

    def pem(self) -> str:
        """The key as PKCS 8, for the file that only the sealer reads."""
        raw = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return raw.decode()

    def sign(self, said: bytes) -> bytes:
        """Return the signature of *said*."""
        return self._private.sign(said)


def kid_of(public: bytes) -> str:
    """Return the name of a raw public key."""
    return f"ed25519:{hashlib.sha256(public).hexdigest()[:32]}"


def signature_holds(public: bytes, signature: bytes, said: bytes) -> bool:
    """Whether *signature* is one of *said* by the key *public*."""
    try:
        _public_key(public).verify(signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    """The key *raw*, taken apart once; ``ValueError`` if it is none."""
    return Ed25519PublicKey.from_public_bytes(raw)


class Envelope(NamedTuple, Generic[Body]):
    """A body as it was read, with the exact bytes that its signature covers."""

    body: Body
    signature: bytes
    content: bytes
    """Canonical JSON of the body."""
    kind: str

    @property
    def digest(self) -> Digest:
        """The body's digest: what the next of its chain names as the one before."""
        return digest_bytes(self.content)

    @property
    def signed(self) -> bytes:
        """What the signature covers."""
        return said_as(self.kind, self.content)


def said_as(kind: str, content: bytes) -> bytes:
    """Return what is signed for *content* as a statement of *kind*."""
    return f"hemostat-{kind}/1\n".encode() + content


def seal(kind: str, body: Frozen, key: SigningKey) -> bytes:
    """Return the envelope of *body*, signed by *key*, as the bytes that are stored."""
    content = body.model_dump(mode="json")
    signature = key.sign(said_as(kind, canonical_json(content)))
    return canonical_json({"body": content, "signature": base64.b64encode(signature).decode()})


def open_envelope(kind: str, stored: bytes, model: type[Body]) -> Envelope[Body]:
    """Return what *stored* holds, its signature not yet checked; ``NotStrict`` if malformed."""
    quick = _quickly(kind, stored, model)
    if quick is not None:
        return quick
    value = strict_json(stored)  # says what is wrong, if anything is
    read = _taken_apart(kind, stored, value, model)
    written = to_json(read.body)
    if written != read.content and not is_same(from_json(written), value["body"]):
        raise NotStrict("shape", f"it is no {kind} in its one form")
    return read


def _quickly(kind: str, stored: bytes, model: type[Body]) -> Envelope[Body] | None:
    """The envelope *stored* if it is in the one form and a model says so itself; None: see there."""
    upto = len(stored) - _END
    if upto < 0 or not issubclass(model, Ordered) or not stored.startswith(_BEGIN):
        return None
    content, end = stored[len(_BEGIN) : upto], stored[upto:]
    try:
        signature = a2b_base64(end[len(_SIGNED) : -len(_CLOSE)])
    except ValueError:
        return None
    if end != _SIGNED + b2a_base64(signature, newline=False) + _CLOSE:
        return None
    body = quickly_as(model, content)
    return None if body is None else Envelope(body, signature, content, kind)


def _taken_apart(kind: str, stored: bytes, value: Any, model: type[Body]) -> Envelope[Body]:
    """The envelope *value*, with the bytes of *stored* that its body is written in."""
    if not isinstance(value, dict) or set(value) != {"body", "signature"}:
        raise NotStrict("shape", f"it is no {kind}")
    try:
        written = value["signature"]
        signature = base64.b64decode(written)
        body = model.model_validate(value["body"])
    except (ValidationError, ValueError, TypeError):
        raise NotStrict("shape", f"it is no {kind} as this version knows it") from None
    end = f',"signature":"{base64.b64encode(signature).decode()}"}}'.encode()
    if not stored.startswith(_BEGIN) or not stored.endswith(end):
        raise NotStrict("shape", f"it is no {kind} in its one form")
    return Envelope(body, signature, stored[len(_BEGIN) : -len(end)], kind)


_BEGIN: Final = b'{"body":'
"""How an envelope begins; it ends in its signature, in base64, of which nothing is escaped."""
_SIGNED: Final = b',"signature":"'
_CLOSE: Final = b'"}'
_END: Final = len(_SIGNED) + 88 + len(_CLOSE)
"""What the end takes with a signature of 64 bytes."""
