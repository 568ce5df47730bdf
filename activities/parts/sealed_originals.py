"""The restricted area of the vault: originals, readable by whoever holds its key and nobody else.

Law: what is stored is AES-256-GCM ciphertext; the nonce comes first and the original's digest is
bound to it as associated data. The key is known by reference and never leaves this worker; each
item is opened again, and must not open with another key, before it counts as sealed.
"""

import asyncio
import base64
import secrets
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError, EvidenceCorrupt
from schemas.evidence import EvidenceItem

_NONCE: Final = 12
_KEY: Final = 32
MEDIA_TYPE: Final = "application/vnd.hemostat.aes-256-gcm"


@dataclass(frozen=True)
class Restricted:
    """Locks and opens originals with one key."""

    key: bytes

    @classmethod
    def by(cls, reference: SecretRef) -> Self:
        """Read the key, 32 bytes in base64. ``ConfigurationError`` for anything else."""
        try:
            key = base64.b64decode(read_secret(reference), validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY:
            raise ConfigurationError(
                "the key of the restricted evidence is not 32 bytes in base64",
                where="restricted evidence",
                next_step="Make one with: openssl rand -base64 32",
            )
        return cls(key)

    def lock(self, original: bytes) -> bytes:
        """Encrypt."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, original, digest_bytes(original).encode())

    def open(self, locked: bytes, digest: str) -> bytes:
        """Decrypt; ``EvidenceCorrupt`` unless it is the original of that digest, by this key."""
        try:
            original = AESGCM(self.key).decrypt(locked[:_NONCE], locked[_NONCE:], digest.encode())
        except (InvalidTag, ValueError) as error:
            raise EvidenceCorrupt(
                "an original does not open with this key", where="restricted evidence"
            ) from error
        return original

    async def seal(self, vault: Vault, original: bytes) -> EvidenceItem:
        """Lock into *vault*, read back, and show who can open it."""
        digest = digest_bytes(original)
        item = await vault.put(
            self.lock(original),
            media_type=MEDIA_TYPE,
            name=f"locked original {digest[7:23]}",
            source="moderation service",
            method="AES-256-GCM, key by reference",
        )
        locked = await asyncio.to_thread(vault.read, item.digest)
        if digest_bytes(self.open(locked, digest)) != digest:
            raise EvidenceCorrupt("a locked original opens as another", where="restricted evidence")
        try:
            Restricted(secrets.token_bytes(_KEY)).open(locked, digest)
        except EvidenceCorrupt:
            return item
        raise EvidenceCorrupt("a locked original opens with any key", where="restricted evidence")
