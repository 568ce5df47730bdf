"""The sealer's key and the trust file: made on the first start, rotated, declared compromised.

The key is named by ``[audit] key``, a reference; the trust file lies beside the state and is what
an auditor is given, on another way than the packs. Each change of it is one atomic replacement.
"""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

from schemas.audit.signing import SigningKey
from schemas.audit.trust import Authority, Trust, TrustedKey, read_trust
from schemas.base import iso
from schemas.canonical import canonical_json
from schemas.errors import BadInput, ConfigurationError


def key_from(secret: str, where: str) -> SigningKey:
    """Return the key in *secret*; ``ConfigurationError`` names the reference, never the secret."""
    try:
        return SigningKey.from_pem(secret)
    except (ValueError, TypeError):
        raise ConfigurationError(
            "this is no Ed25519 private key (PEM, PKCS 8, not encrypted)",
            where=where,
            next_step="`hemostat audit keys new` makes one.",
        ) from None


def make_key(file: Path) -> SigningKey:
    """Write a new key to *file*, mode 0600; ``ConfigurationError`` if something is there."""
    key = SigningKey.make()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(key.pem())
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError as error:
        raise ConfigurationError(
            f"the key cannot be written ({error.strerror})",
            where=str(file),
            next_step="move an old key away first: it is still needed to prove what it signed.",
        ) from error
    return key


def trust_file(file: Path) -> Trust | None:
    """Return the trust file at *file*; None if there is none yet."""
    try:
        return read_trust(file.read_bytes(), str(file))
    except FileNotFoundError:
        return None


def trusted(key: SigningKey, since: datetime | None = None) -> TrustedKey:
    """Return how the trust file names *key*."""
    return TrustedKey(
        kid=key.kid,
        public=base64.b64encode(key.public).decode(),
        since=iso(since or datetime.now(UTC)),
    )


def with_key(trust: Trust | None, key: SigningKey, at: datetime) -> Trust:
    """Return *trust* with *key* from *at* on; the key in use until then is retired at *at*."""
    before = trust or None
    if before is None:
        return Trust(keys=(trusted(key, at),))
    if before.key(key.kid):
        return before
    kept = tuple(
        held if held.retired or held.compromised else held.model_copy(update={"retired": iso(at)})
        for held in before.keys
    )
    return before.model_copy(update={"keys": (*kept, trusted(key, at))})


def compromised(trust: Trust, kid: str, since: datetime) -> Trust:
    """Return *trust* with the key *kid* declared in strangers' hands from *since* on."""
    if trust.key(kid) is None:
        known = ", ".join(key.kid for key in trust.keys)
        raise BadInput(f"the trust file has no key {kid[:60]}", next_step=f"it has: {known}.")
    return trust.model_copy(
        update={
            "keys": tuple(
                key.model_copy(update={"compromised": iso(since)}) if key.kid == kid else key
                for key in trust.keys
            )
        }
    )


def with_authority(trust: Trust, certificate: str, since: datetime) -> Trust:
    """Return *trust* with the timestamp authority whose root is *certificate* (PEM), from *since*.

    Raises ``BadInput`` where that is no certificate. One that is there already keeps its time.
    """
    told = certificate.strip() + "\n"
    if any(held.certificate == told for held in trust.authorities):
        return trust
    try:
        added = Authority(certificate=told, since=iso(since))
    except ValueError:
        raise BadInput(
            "this is no certificate",
            next_step="give the root certificate of the timestamp authority, as PEM.",
        ) from None
    return trust.model_copy(update={"authorities": (*trust.authorities, added)})


def write_trust(file: Path, trust: Trust) -> None:
    """Replace the trust file in one step."""
    begun = file.with_name(f".{file.name}.{os.getpid()}")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with begun.open("wb") as opened:
        opened.write(canonical_json(trust) + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    begun.replace(file)
