"""From ``[audit]`` in hemostat.toml to a store, a key and a trust file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hemostat.audit.keys import key_from, make_key, trust_file, with_key, write_trust
from hemostat.audit.store import Store
from hemostat.audit.store_folder import FolderStore
from hemostat.settings import Settings, read_secret
from schemas.audit.signing import SigningKey
from schemas.errors import ConfigurationError

KEY_FILE: Final = "key.pem"
_OTHERS_MAY: Final = 0o077


def store_of(settings: Settings) -> Store:
    """Return the write-once store that ``[audit]`` names, by default a folder of the state."""
    table = settings.audit
    if table.s3 is not None:
        from hemostat.vault.locked_bucket import LockedBucket  # noqa: PLC0415 - boto3 only where used

        return LockedBucket(table.s3, use="audit")
    folder = table.store
    return FolderStore(
        settings.folder / folder.expanduser() if folder else settings.audit_folder / "store"
    )


def key_file(settings: Settings) -> Path | None:
    """Return the file that holds the sealer's key; None if it is not a file."""
    reference = settings.audit.key
    if reference is None:
        return settings.audit_folder / KEY_FILE
    return Path(reference.removeprefix("file:")) if reference.startswith("file:") else None


def key_of(settings: Settings) -> SigningKey:
    """Return the sealer's key; ``ConfigurationError`` says what to do if there is none."""
    reference = settings.audit.key or f"file:{settings.audit_folder / KEY_FILE}"
    file = key_file(settings)
    if file is not None and file.exists() and file.stat().st_mode & _OTHERS_MAY:
        raise ConfigurationError(
            "others may read this private key", where=str(file), next_step="chmod 600 it."
        )
    try:
        secret = read_secret(reference)
    except ConfigurationError as error:
        raise ConfigurationError(
            error.what,
            where=error.where,
            next_step="`hemostat audit keys new` makes one; so does `hemostat up`.",
        ) from error
    return key_from(secret, reference)


def trust_path(settings: Settings) -> Path:
    """Return where the trust file is."""
    told = settings.audit.trust
    return settings.folder / told.expanduser() if told else settings.audit_folder / "trust.json"


def first_key(settings: Settings) -> SigningKey:
    """Return the sealer's key, made now with its trust file where there is none yet."""
    file = key_file(settings)
    if file is not None and not file.exists():
        make_key(file)
    key = key_of(settings)
    path = trust_path(settings)
    before = trust_file(path)
    if before is None:
        write_trust(path, with_key(None, key, datetime.now(UTC)))
    return key
