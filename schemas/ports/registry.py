"""The model registry: versions with their lineage, and the alias that says which one serves."""

from datetime import datetime, timedelta

from schemas.base import Frozen, Utc
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port


class ReadAlias(Request):
    """Ask which version an alias names."""

    model: str
    alias: str


class AliasState(Frozen):
    """What the alias names; ``digest`` as recorded when that version was registered."""

    version: str | None
    digest: str | None


class ListVersions(Request):
    """Ask for the registered versions of a model, newest first, at most *limit*.

    With *before* only those whose training data ended before that moment, however many newer ones
    there are.
    """

    model: str
    limit: int = 50
    before: Utc | None = None

    def wants(self, version: "ModelVersion") -> bool:
        """Whether *version* is one of those that are asked for."""
        return self.before is None or version.trained_before(self.before)


class ModelVersion(Frozen):
    """A version with its lineage; None where the registry has no such tag."""

    version: str
    training_cutoff: Utc | None = None
    dataset_digest: str | None = None
    artifact_digest: str | None = None
    parent_version: str | None = None
    validated_at: Utc | None = None

    def trained_before(self, moment: datetime) -> bool:
        """Whether its training data ended before *moment*; unknown lineage is not good."""
        return self.training_cutoff is not None and self.training_cutoff < moment


class ModelVersions(Frozen):
    """The versions, newest first."""

    versions: tuple[ModelVersion, ...]


class MoveAlias(Effect):
    """Point *alias* at version *to*, provided it names *expect* now (or *to* already)."""

    model: str
    alias: str
    expect: str
    to: str


class AliasMove(Frozen):
    """The alias names ``after``; ``changed`` False: it already did, nothing was written."""

    before: str
    after: str
    changed: bool


class WatchAlias(Request):
    """Watch until *alias* names anything but *expected*."""

    model: str
    alias: str
    expected: str


class AliasMoved(Frozen):
    """The watched alias was moved; ``found`` None: it was deleted."""

    found: str | None


class SealRegistry(Effect):
    """Seal alias, versions and lineage as they are."""

    model: str
    alias: str


@port("registry")
async def read_alias(request: ReadAlias) -> AliasState:
    """Read the alias from the registry."""
    raise NotImplementedError


@port("registry")
async def list_versions(request: ListVersions) -> ModelVersions:
    """List versions with lineage tags."""
    raise NotImplementedError


@port("registry")
async def move_alias(request: MoveAlias) -> AliasMove:
    """Read, compare, write, read again; anything but *expect* or *to* is a conflict."""
    raise NotImplementedError


@port("registry")
async def move_alias_back(request: MoveAlias) -> AliasMove:
    """Undo ``move_alias``: from *to* back to *expect*; a third version is a conflict."""
    raise NotImplementedError


@port(
    "registry",
    attempt_within=timedelta(hours=24),
    within=timedelta(days=365),
    heartbeat_within=timedelta(seconds=20),
)
async def watch_alias(request: WatchAlias) -> AliasMoved:
    """Return when the alias no longer names *expected*; heartbeats meanwhile."""
    raise NotImplementedError


@port("registry")
async def seal_registry(request: SealRegistry) -> Sealed:
    """Put alias, versions, digests and lineage into the vault."""
    raise NotImplementedError
