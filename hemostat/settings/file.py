"""One file, ``hemostat.toml``, says what there is; every process reads it once, at its start.

Law: nothing else reads the process environment for settings. Secrets are references
(``env:NAME``, ``file:PATH``), resolved only where they are used and never printed. The Temporal
connection is not here: it comes from Temporal's own environment and TOML profile. Relative paths
are relative to the file. Every problem is told at once, each with its line.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Final, Self

from pydantic import (
    JsonValue,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from hemostat.settings.audit import AuditTable
from hemostat.settings.bucket import VaultTable
from hemostat.settings.contacts import PersonTable
from hemostat.settings.identity import IdentityTable
from hemostat.settings.problems import broken_references, problem, problems_of
from hemostat.settings.roster_problems import broken_people
from hemostat.settings.standing_proof import StandingProofTable
from hemostat.settings.tables import (
    BreakGlassTable,
    GatewayTable,
    HemostatTable,
    Route,
    ServiceTable,
    Source,
)
from hemostat.settings.toml_lines import Lines
from schemas.base import Frozen, Name
from schemas.errors import ConfigurationError
from schemas.incident import GateOverride, Service
from schemas.roster import BreakGlass, Delegation, Role, Roster

FILE_NAME: Final = "hemostat.toml"
FILE_VARIABLE: Final = "HEMOSTAT_CONFIG"


class Settings(Frozen):
    """The whole of ``hemostat.toml``; ``connections`` are validated by their adapters' models."""

    hemostat: HemostatTable = HemostatTable()
    gateway: GatewayTable = GatewayTable()
    sources: dict[Name, Source] = {}
    routes: tuple[Route, ...] = ()
    services: dict[Name, ServiceTable] = {}
    connections: dict[Name, dict[str, JsonValue]] = {}
    people: dict[Name, PersonTable] = {}
    roles: dict[Name, Role] = {}
    delegations: tuple[Delegation, ...] = ()
    break_glass: BreakGlassTable = BreakGlassTable()
    identity: IdentityTable | None = None
    audit: AuditTable = AuditTable()
    vault: VaultTable = VaultTable()

    _file: Path = PrivateAttr(default=Path(FILE_NAME))
    _lines: Lines = PrivateAttr(default_factory=lambda: Lines(""))

    @model_validator(mode="after")
    def _one_vault(self) -> Self:
        if self.hemostat.vault and self.vault.s3:
            raise ValueError("evidence has two places, `hemostat.vault` and `vault.s3`: keep one")
        return self

    @classmethod
    def load(cls, explicit: Path | None = None) -> Self:
        """Read *explicit*, else ``$HEMOSTAT_CONFIG``, else ``./hemostat.toml``."""
        named = os.environ.get(FILE_VARIABLE)
        file = explicit or Path(named or FILE_NAME)
        try:
            text = file.read_text("utf-8")
        except FileNotFoundError as error:
            raise ConfigurationError(
                "there is no such settings file",
                where=str(file),
                next_step="`hemostat up` writes a first one; or name yours with --config.",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the settings cannot be read ({type(error).__name__})",
                where=str(file),
                next_step="it has to be a text file (UTF-8) that this user may read.",
            ) from error
        return cls.parse(text, file)

    @classmethod
    def parse(cls, text: str, file: Path = Path(FILE_NAME)) -> Self:
        """Return the settings in *text*; raise ``InvalidSettings`` with every problem found."""
        text = text.replace("\r\n", "\n")
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise problem(file, error) from error
        lines = Lines(text)
        _anchor_secret_files(document, file.absolute().parent)
        found = broken_references(document)
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise problems_of(file, lines, cls, error, found) from error
        conflicts = {name: table.conflicts for name, table in settings.services.items()}
        found += broken_people(settings.roster(), conflicts)
        if found:
            raise problems_of(file, lines, cls, None, found)
        settings._file, settings._lines = file, lines
        return settings

    @property
    def file(self) -> Path:
        """The file these settings were read from."""
        return self._file

    @property
    def folder(self) -> Path:
        """Where relative paths start: the folder of the file, absolute."""
        return self._file.absolute().parent

    @property
    def state_folder(self) -> Path:
        """Where this machine keeps what it must not lose, absolute."""
        return self.folder / self.hemostat.state.expanduser()

    @property
    def vault_folder(self) -> Path:
        """Where evidence is sealed if not in the bucket of ``[vault.s3]``, absolute."""
        vault = self.hemostat.vault
        return self.folder / vault.expanduser() if vault else self.state_folder / "vault"

    @property
    def audit_folder(self) -> Path:
        """Where the sealer keeps what ``[audit]`` does not place elsewhere, absolute."""
        return self.state_folder / "audit"

    @property
    def public_url(self) -> str:
        """The gateway as browsers reach it, without a slash at its end; empty: not known."""
        identity = self.identity.url if self.identity else None
        return (self.gateway.public_url or identity or "").rstrip("/")

    def where(self, *path: str | int) -> str:
        """Return ``file:line`` of a key, such as ``where("connections", "edge", "admin")``."""
        return f"{self._file}:{self._lines.line(path)}"

    def service(self, name: str) -> Service:
        """Return the service as an incident carries it; ``ConfigurationError`` if unknown."""
        table = self.services.get(name)
        if table is None:
            raise ConfigurationError(
                f"there is no service {name!r}",
                where=str(self._file),
                next_step=f"add [services.{name}], or use one of: {', '.join(self.services)}.",
            )
        gates = {gate: GateOverride(**dict(change)) for gate, change in table.gates.items()}
        return Service(
            name=name,
            connections=table.connections,
            parameters=table.parameters,
            gates=gates,
            regimes=table.regimes,
            countries=table.countries,
            roster=self.roster(name) if self.roles else None,
            restricted=table.restricted,
            standing_proof=(table.standing_proof or StandingProofTable()).rhythm(),
        )

    def roster(self, service: str | None = None) -> Roster:
        """Return all people as an incident of *service* carries them."""
        conflicts = self.services[service].conflicts if service else ()
        return Roster(
            people={name: person.bare() for name, person in self.people.items()},
            roles=self.roles,
            delegations=self.delegations,
            conflicts=conflicts,
            break_glass=BreakGlass(people=self.break_glass.people, ttl=self.break_glass.ttl),
        )


def _anchor_secret_files(document: dict[str, Any], folder: Path) -> None:
    """Make ``file:`` references of what has any absolute, from *folder*."""
    for group in ("audit", "sources", "connections", "gateway", "identity", "vault"):
        if group in document:
            document[group] = _anchored(document[group], folder)


def _anchored(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith("file:"):
        return f"file:{folder / Path(value.removeprefix('file:')).expanduser()}"
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: _anchored(item, folder) for key, item in value.items()}
    return value
