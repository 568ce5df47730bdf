"""Ed25519 over canonical JSON: an envelope holds a body and the signature of exactly its bytes.

What is signed begins with what it is signed *as*, so that no signature can be passed off as one of
another kind. ``kid`` names the key by the digest of its public half; it stands in the body.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from schemas.audit.strict import NotStrict, is_same, strict_json
from schemas.base import Digest, Frozen
from schemas.canonical import canonical_json, digest_bytes

Kid = Annotated[str, StringConstraints(pattern=r"^ed25519:[0-9a-f]{32}$")]
"""A key by its digest: ``ed25519:`` and half the SHA-256 of the raw public key."""

Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
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
        Ed25519PublicKey.from_public_bytes(public).verify(signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Envelope(Generic[Body]):
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
    value = strict_json(stored)
    read = _taken_apart(kind, stored, value, model)
    # Where the fields of a model stand in the order of their names, this is quick.
    written = to_json(read.body)
    if written != read.content and not is_same(from_json(written), value["body"]):
        raise NotStrict("shape", f"it is no {kind} in its one form")
    return read


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
