"""Private keys in files, and the certificates that lead from older keys to them.

Law: a private key is created here, mode 0600, never printed, never sent. ``NAME.pem`` is the key
(PKCS #8); ``NAME.pem.certificates`` beside it holds what introduces it to incidents that were
opened before it, oldest first, and is no secret.
"""

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hemostat.settings import Settings
from schemas.errors import ConfigurationError
from schemas.signed_statement import certify
from schemas.speakers import (
    MOST_CERTIFICATES,
    Certificate,
    SpeakerKey,
    SpeakerKeys,
    kid_of,
    public_of,
)

_OTHERS_MAY: Final = 0o077


@dataclass(frozen=True)
class SigningKey:
    """A private key that speaks: for *person*, or for whom the gateway authenticated.

    With ``judges_roles`` it signs for nobody in a role that they are not known to hold; where
    people are declared that is the incident's to judge, which knows deputies and delegations.
    """

    private: Ed25519PrivateKey
    certificates: tuple[str, ...] = ()
    person: str | None = None
    judges_roles: bool = False

    @property
    def public(self) -> str:
        """The public key in hex."""
        return public_of(self.private)

    @property
    def kid(self) -> str:
        """The key's id."""
        return kid_of(self.public)

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


def create_key(file: Path, person: str | None = None) -> SigningKey:
    """Create a key in *file*, mode 0600; raises ``ConfigurationError`` if there is one already."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as new:
            new.write(pem)
    except OSError as error:
        raise ConfigurationError(
            f"the key cannot be written ({error.strerror})",
            where=str(file),
            next_step="name a new file in a folder that can be written to.",
        ) from error
    return SigningKey(private, person=person)


def load_key(file: Path, person: str | None = None) -> SigningKey:
    """Return the key in *file*; ``ConfigurationError`` if it is none or others may read it."""
    try:
        if file.stat().st_mode & _OTHERS_MAY:
            raise ConfigurationError(
                "others may read this private key", where=str(file), next_step="chmod 600 it."
            )
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"no key can be read there ({type(error).__name__})",
            where=str(file),
            next_step="`hemostat keys create FILE` makes one.",
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(
            "this is no Ed25519 key", where=str(file), next_step="`hemostat keys create FILE`."
        )
    return SigningKey(private, _certificates(file), person)


def gateway_key(settings: Settings) -> SigningKey | None:
    """Return the key with which this gateway speaks; None without ``[identity]``."""
    if settings.identity is None:
        return None
    try:
        key = load_key(Path(settings.identity.key.removeprefix("file:")))
        return replace(key, judges_roles=not settings.roles)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the gateway's key, {error.where}: {error.what}",
            where=settings.where("identity", "key"),
            next_step=error.next_step,
        ) from error


def speakers_of(settings: Settings) -> SpeakerKeys | None:
    """Return what an incident trusts that opens now; None without ``[identity]``."""
    own, table = gateway_key(settings), settings.identity
    if own is None or table is None:
        return None
    listed = {key.kid for key in table.keys}
    keys = table.keys if own.kid in listed else (SpeakerKey(public=own.public), *table.keys)
    return SpeakerKeys(
        keys=keys,
        fresh_for=table.statement_fresh_for,
        step_up_within=table.step_up_within,
        fresh_besides_gates=True,
    )


def rotate(
    old: SigningKey, new_file: Path, now: datetime, retires: datetime | None
) -> tuple[SigningKey, Certificate]:
    """Create the key that follows *old*, introduced by it; *retires* is when *old* falls silent."""
    new = create_key(new_file, old.person)
    key = SpeakerKey(public=new.public, person=old.person, since=now)
    certificate = Certificate(key=key, by=old.kid, issued_at=now, retires=retires)
    chain = (*old.certificates, certify(certificate, old.private))[-MOST_CERTIFICATES:]
    beside(new_file).write_text("\n".join(chain) + "\n", "ascii")
    return SigningKey(new.private, chain, old.person), certificate


def introduction(by: SigningKey, key: SpeakerKey, now: datetime) -> str:
    """Return the line with which *by* introduces *key*, which was created elsewhere."""
    return certify(Certificate(key=key, by=by.kid, issued_at=now), by.private)


def beside(file: Path) -> Path:
    """Where the certificates of the key in *file* are."""
    return file.with_name(f"{file.name}.certificates")


def _certificates(file: Path) -> tuple[str, ...]:
    try:
        return tuple(beside(file).read_text("ascii").split())
    except FileNotFoundError:
        return ()
