"""One file, ``hemostat.toml``, says what there is; every process reads it once, at its start.

Law: nothing else reads the process environment for settings. Secrets are references
(``env:NAME``, ``file:PATH``), resolved only where they are used and never printed. The Temporal
connection is not here: it comes from Temporal's own environment and TOML profile. Relative paths
are relative to the file. Every problem is told at once, each with its line.
"""

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    ByteSize,
    Field,
    JsonValue,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from hemostat.audit_settings import AuditTable
from hemostat.bucket_settings import VaultTable
from hemostat.contacts import PersonTable
from hemostat.identity_settings import IdentityTable
from hemostat.roster_problems import broken_people
from hemostat.settings_problems import broken_references, problem, problems_of
from hemostat.settings_values import Duration as Duration  # noqa: PLC0414 - an explicit re-export
from hemostat.settings_values import SecretRef as SecretRef  # noqa: PLC0414 - an explicit re-export
from hemostat.settings_values import read_secret as read_secret  # noqa: PLC0414 - the same
from hemostat.standing_settings import StandingProofTable
from hemostat.toml_lines import Lines
from schemas.alert import AlertSeverity
from schemas.base import Frozen, Name
from schemas.clocks.catalogue import catalogue
from schemas.clocks.readings import CAPITALS
from schemas.errors import ConfigurationError
from schemas.incident import GateOverride, Service
from schemas.roster import GLASS_AT_MOST, BreakGlass, Delegation, Role, Roster
from schemas.who import NEED_TO_KNOW

FILE_NAME: Final = "hemostat.toml"
FILE_VARIABLE: Final = "HEMOSTAT_CONFIG"


class HemostatTable(Frozen):
    """``[hemostat]``: what all processes share; ``drill`` marks every incident as an exercise."""

    state: Path = Path("var")
    task_queue: Name = "hemostat"
    vault: Path | None = None
    drill: bool = False


class GatewayTable(Frozen):
    """``[gateway]``: where alerts come in; bodies over ``max_body`` are refused unread.

    ``public_url`` is the gateway as browsers reach it, for the links in messages; without it
    ``[identity] url`` is taken. ``slack_signing_secret`` proves that a pressed button is Slack's.
    """

    bind: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65_535)
    max_body: ByteSize = ByteSize(256 * 1024)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s\"'<>@?#]+$")
    slack_signing_secret: SecretRef | None = None
    requests_per_second: float = Field(default=20.0, gt=0)
    burst: int = Field(default=100, ge=1)


_ONLY_SIGN: Final = ("mlflow", "pagerduty")
_SIGN: Final = (*_ONLY_SIGN, "grafana")
"""The kinds of sources whose sender signs what it sends."""


class Source(Frozen):
    """``[sources.NAME]``: one sender of alerts; a second token is for the time of a rotation.

    Where people write, ``reporters`` has a secret for each of them, and there is no token; nor is
    there where the sender signs: its signing ``secret``, two in a rotation. Grafana can do both.
    ``unrouted = "ignore"``: what no route knows is answered and opens nothing.
    """

    kind: Name
    token: tuple[SecretRef, ...] = Field(max_length=2)
    reporters: dict[Name, SecretRef] = {}
    secret: tuple[SecretRef, ...] = Field(default=(), max_length=8)
    max_body: ByteSize | None = None
    default_severity: AlertSeverity = AlertSeverity.MEDIUM
    unrouted: Literal["triage", "ignore"] = "triage"

    @model_validator(mode="before")
    @classmethod
    def _token_or_reporters(cls, data: Any) -> Any:
        signed = isinstance(data, dict) and (data.get("reporters") or data.get("secret"))
        return {"token": (), **data} if signed else data

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not self.token and not self.reporters and not self.secret:
            raise ValueError("there is neither a token nor a reporter")
        if self.secret and self.kind not in _SIGN:
            raise ValueError(f"`secret` is what the kinds {', '.join(_SIGN)} have, and no other")
        if self.kind in _ONLY_SIGN and (self.token or not self.secret):
            raise ValueError(
                f"the kind `{self.kind}` has a `secret` that it signs with, and no token"
            )
        return self

    @field_validator("token", "secret", mode="before")
    @classmethod
    def _one_or_two(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Route(Frozen):
    """``[[routes]]``: the first whose labels all match decides.

    The values of the ``correlate_by`` labels tell incidents of one service apart.
    """

    source: Name | None = None
    match: dict[str, str] = {}
    playbook: Name
    service: Name
    correlate_by: tuple[str, ...] = ()


class GateTable(Frozen):
    """What a service changes of a gate's policy."""

    timer: Duration | None = None
    ladder_every: Duration | None = None
    step_up: bool | None = None
    own_key: bool | None = None


class ServiceTable(Frozen):
    """``[services.NAME]``: one AI service, its playbooks and the connections they act through.

    ``regimes`` are the legal regimes that may reach it (``gdpr``, ``nis2``, or a clock's own id),
    ``countries`` (``DE``, ``DE-BY``) those whose working days the European ones count. Where it is
    ``restricted``, only the roles in ``need_to_know``, auditors, and whoever is asked see its
    incidents.
    """

    playbooks: tuple[Name, ...] = ()
    connections: dict[Name, Name] = {}
    parameters: dict[str, JsonValue] = {}
    gates: dict[Name, GateTable] = {}
    conflicts: tuple[Name, ...] = ()
    regimes: tuple[Name, ...] = ()
    countries: tuple[str, ...] = ()
    restricted: bool = False
    need_to_know: tuple[Name, ...] = NEED_TO_KNOW
    standing_proof: StandingProofTable | None = None

    @field_validator("regimes")
    @classmethod
    def _known_regimes(cls, regimes: tuple[str, ...]) -> tuple[str, ...]:
        for regime in regimes:
            if not catalogue().of(regime):
                known = ", ".join(catalogue().regimes())
                raise ValueError(f"no legal regime {regime!r}; there are {known}")
        return regimes

    @field_validator("countries")
    @classmethod
    def _known_countries(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        for country in countries:
            if country.partition("-")[0] not in CAPITALS:
                raise ValueError(f"no country {country!r}; there are {', '.join(sorted(CAPITALS))}")
        return countries


class BreakGlassTable(Frozen):
    """``[break_glass]``: who may decide alone at a gate, for ``ttl`` after breaking the glass."""

    people: tuple[Name, ...] = ()
    ttl: Annotated[Duration, Field(gt=timedelta(0), le=GLASS_AT_MOST)] = timedelta(minutes=30)


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
