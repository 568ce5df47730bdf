"""Cloud credentials: put one out of use, show that it is, and put another in its place.

Law: key ids appear, secrets never: a new secret goes from the cloud straight into the secret store
and is in no request, result, error or history. A *principal* is who holds keys, by an opaque name;
a *secret* is the entry of the secret store from which a service takes its key.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from schemas.base import Frozen, Name, Utc
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port

KeyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,128}$")]
"""A key's public id, such as ``AKIA...``; never the secret."""

SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]{1,256}$")]
"""An entry of the secret store, by name."""


class ListKeys(Request):
    """Ask which keys a principal has."""

    principal: Name


class Key(Frozen):
    """One key; ``last_used_at`` None: never, or not known to the cloud."""

    key_id: KeyId
    active: bool
    created_at: Utc
    last_used_at: Utc | None = None


class Keys(Frozen):
    """All keys of a principal, oldest first."""

    principal: Name
    keys: tuple[Key, ...]

    def active(self) -> tuple[str, ...]:
        """The ids that are in use."""
        return tuple(key.key_id for key in self.keys if key.active)


class TurnKey(Effect):
    """Name one key of a principal that is to be put out of use, or back."""

    principal: Name
    key_id: KeyId


class KeyTurned(Frozen):
    """The key is as asked; ``changed`` False: it was so already."""

    principal: Name
    key_id: KeyId
    active: bool
    changed: bool


class KnockWithKey(Request):
    """Knock at the cloud's front door as this key, without its secret."""

    key_id: KeyId


class Knocked(Frozen):
    """Whether the cloud still knows the key as one that may sign."""

    key_id: KeyId
    accepted: bool


class ReadLastUse(Request):
    """Ask when a key was used last, by the cloud's own record."""

    key_id: KeyId


class LastUse(Frozen):
    """When the key was used last; None: never, or the record does not tell."""

    key_id: KeyId
    last_used_at: Utc | None = None

    def stood_still(self, since: datetime) -> bool | None:
        """Whether it was not used after then; None where the record cannot show it."""
        return None if self.last_used_at is None else self.last_used_at <= since


class DenyOlderSessions(Effect):
    """Deny all that a principal's sessions do which were issued before this moment."""

    principal: Name
    before: Utc


class SessionsDenied(Frozen):
    """The denial stands, or for the undo is gone."""

    principal: Name
    denied: bool
    changed: bool


class ReadSessions(Request):
    """Ask whether older sessions are denied, and try one if the connection knows one."""

    principal: Name


class SessionsState(Frozen):
    """``witness_accepted``: what an old session was answered from outside; None: there is none."""

    principal: Name
    denied_before: Utc | None
    witness_accepted: bool | None = None

    def refused(self, before: Utc) -> bool:
        """Whether sessions from before then are denied and no witness says otherwise."""
        denied = self.denied_before is not None and self.denied_before >= before
        return denied and self.witness_accepted is not True


class CreateKey(Effect):
    """Make a principal's new key and put it into its *secret* as pending.

    ``rotation`` names the rotation over all attempts: one rotation makes one key.
    """

    principal: Name
    secret: SecretName
    rotation: str


class NewKey(Frozen):
    """The new key; *version* is its place in the secret. ``orphans``: lost halves swept away."""

    principal: Name
    key_id: KeyId
    secret: SecretName
    version: str
    changed: bool
    orphans: int = 0


class DistributeKey(Effect):
    """Make this version of the secret the current one."""

    secret: SecretName
    version: str


class Distributed(Frozen):
    """Who reads the secret now gets this key."""

    secret: SecretName
    version: str
    key_id: KeyId
    changed: bool


class TrySecret(Request):
    """Use what the secret holds now, as the service would, and say what became of it."""

    secret: SecretName


class SecretTried(Frozen):
    """Which key the secret holds and whether the cloud accepts it, and as whom."""

    key_id: KeyId
    accepted: bool
    principal: str | None = None


class RetireKeys(Effect):
    """Put every key of a principal out of use but the one to keep."""

    principal: Name
    keep: KeyId


class KeysRetired(Frozen):
    """Which keys are out of use now, and how many were not before."""

    principal: Name
    kept: KeyId
    retired: tuple[KeyId, ...]
    changed: int


class KeyDeleted(Frozen):
    """The key is gone; ``changed`` False: it was gone already."""

    principal: Name
    key_id: KeyId
    changed: bool


class SealCredentials(Effect):
    """Seal who may do what, with which keys, before anything is rotated."""

    principals: tuple[Name, ...]
    secrets: tuple[SecretName, ...] = ()


@port("credentials")
async def list_keys(request: ListKeys) -> Keys:
    """Read a principal's keys."""
    raise NotImplementedError


@port("credentials")
async def deactivate_key(request: TurnKey) -> KeyTurned:
    """Put one key out of use; reversible."""
    raise NotImplementedError


@port("credentials")
async def reactivate_key(request: TurnKey) -> KeyTurned:
    """Undo ``deactivate_key``."""
    raise NotImplementedError


@port("credentials")
async def knock_with_key(request: KnockWithKey) -> Knocked:
    """Ask from outside whether the key is still accepted; needs no secret and shows none."""
    raise NotImplementedError


@port("credentials")
async def read_last_use(request: ReadLastUse) -> LastUse:
    """Read when the key was used last: what a refusal seen from outside cannot tell."""
    raise NotImplementedError


@port("credentials")
async def deny_older_sessions(request: DenyOlderSessions) -> SessionsDenied:
    """Deny older sessions: a key that is put out of use leaves the sessions made with it alive."""
    raise NotImplementedError


@port("credentials")
async def allow_older_sessions(request: DenyOlderSessions) -> SessionsDenied:
    """Undo ``deny_older_sessions``."""
    raise NotImplementedError


@port("credentials")
async def read_sessions(request: ReadSessions) -> SessionsState:
    """Read the denial back, and try an old session from outside."""
    raise NotImplementedError


@port("credentials", attempt_within=timedelta(seconds=30), within=timedelta(minutes=10))
async def create_key(request: CreateKey) -> NewKey:
    """Create the rotation's one key and store it as pending, however often this is called."""
    raise NotImplementedError


@port("credentials")
async def distribute_key(request: DistributeKey) -> Distributed:
    """Move the stage that services read to this version."""
    raise NotImplementedError


@port("credentials")
async def try_secret(request: TrySecret) -> SecretTried:
    """Sign in with what the secret holds now."""
    raise NotImplementedError


@port("credentials")
async def retire_keys(request: RetireKeys) -> KeysRetired:
    """Leave a principal with one key that works."""
    raise NotImplementedError


@port("credentials")
async def delete_key(request: TurnKey) -> KeyDeleted:
    """Delete one key that is out of use; one that is in use is refused."""
    raise NotImplementedError


@port("credentials", attempt_within=timedelta(seconds=60))
async def seal_credentials(request: SealCredentials) -> Sealed:
    """Put keys, permissions and stages into the vault; by id, without secrets."""
    raise NotImplementedError
