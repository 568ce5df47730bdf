"""From what a command was given, an incident or a pack, to the account and its annotations."""

import asyncio
from pathlib import Path

from hemostat.audit.account.account import Account
from hemostat.audit.account.reading import record_at, record_of
from hemostat.audit.report.annotations import Annotation, Annotations
from hemostat.settings import Settings
from hemostat.temporal import connect
from hemostat.vault import Vault
from schemas.errors import ConfigurationError


def account_of(target: str, config: Path | None) -> Account:
    """Return the account of *target*: a path that exists (a pack), else an incident's id."""
    path = Path(target)
    if path.exists():
        return Account(record_at(path))
    vault = Vault.of(Settings.load(config))

    async def read() -> Account:
        return Account(await record_of(await connect(), target, vault))

    return asyncio.run(read())


def annotations_folder(config: Path | None, given: Path | None) -> Path:
    """Return where annotations are: *given*, else beside the sealed record."""
    return given or Settings.load(config).audit_folder / "annotations"


def annotations_of(incident: str, config: Path | None, given: Path | None) -> list[Annotation]:
    """Return the standing annotations; none where there are neither settings nor a folder."""
    try:
        folder = annotations_folder(config, given)
    except ConfigurationError:
        if config is not None:
            raise
        return []
    return Annotations(folder, incident).standing()
