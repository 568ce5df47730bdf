"""Whether what ``[audit]`` names would seal: looked at before an incident, not in one.

Law: nothing is sealed by looking. In a bucket an object would be locked for years, so there only
the lock is asked for; that it takes a write is seen by the first one.
"""

import asyncio
from dataclasses import dataclass, field

from temporalio.client import Client

from hemostat.audit.behind import look_behind
from hemostat.audit.keys import trust_file
from hemostat.audit.setup import key_file, key_of, store_of, trust_path
from hemostat.audit.store import Store
from hemostat.audit.timestamps import Timestamps
from hemostat.settings import Settings
from schemas.audit.signing import SigningKey
from schemas.errors import ConfigurationError, HemostatError

_ASKED = b"hemostat check"
"""What the authority is asked to timestamp; its answer is kept nowhere."""


@dataclass
class Readiness:
    """What was looked at: wrong in the configuration, not answering, and fine."""

    configuration: list[HemostatError] = field(default_factory=list)
    reachability: list[HemostatError] = field(default_factory=list)
    fine: list[str] = field(default_factory=list)


def check_key(settings: Settings) -> Readiness:
    """Whether the sealer's key can be read and the trust file vouches for it; reaches nothing."""
    found = Readiness()
    file = key_file(settings)
    if settings.audit.key is None and file is not None and not file.exists():
        found.fine.append(
            "the sealer's key is not made yet: `hemostat up` makes it, or `hemostat audit keys new`"
        )
        return found
    try:
        key = key_of(settings)
        problem = _unvouched(settings, key)
    except ConfigurationError as error:
        problem = error
    except OSError as error:
        problem = ConfigurationError(
            f"the trust file cannot be read ({error.strerror})",
            where=str(trust_path(settings)),
            next_step="let whoever runs the sealer read it.",
        )
    if problem is not None:
        found.configuration.append(problem)
    else:
        found.fine.append("the sealer's key can be read and its trust file vouches for it")
    return found


def _unvouched(settings: Settings, key: SigningKey) -> ConfigurationError | None:
    """Why packs that *key* seals would not verify, or None; a missing trust file is made later."""
    path = trust_path(settings)
    trust = trust_file(path)
    if trust is None:
        return None
    known = trust.key(key.kid)
    if known is not None and known.retired is None and known.compromised is None:
        return None
    why = "does not name" if known is None else "has retired or declared compromised"
    return ConfigurationError(
        f"the trust file {why} the sealer's key {key.kid}: what it seals would not verify",
        where=str(path),
        next_step="`hemostat audit keys rotate` takes a new key into use.",
    )


async def check_outside(settings: Settings) -> Readiness:
    """Whether the store takes what is sealed and locks it, and the timestamp authority answers."""
    found = Readiness()
    try:
        store = store_of(settings)
    except ConfigurationError as error:
        found.configuration.append(error)
    except ValueError as error:  # boto3's, such as for an endpoint that is no address
        found.configuration.append(
            ConfigurationError(str(error)[:200], where="[audit.s3]", next_step="correct it.")
        )
    else:
        await _check_store(settings, store, found)
    if settings.audit.timestamps is not None:
        await _check_authority(settings.audit.timestamps, found)
    return found


async def check_behind(settings: Settings, client: Client) -> Readiness:
    """Whether what happened is sealed, or a sealer that is down has left it waiting."""
    found = Readiness()
    try:
        store = store_of(settings)
        seen = await look_behind(client, store, settings.audit.every)
    except (ConfigurationError, ValueError):
        return found  # told by ``check_outside``
    except HemostatError as error:
        found.reachability.append(error)
        return found
    if seen.problem:
        found.reachability.append(seen.problem)
    else:
        found.fine.append("what happened in incidents is sealed")
    return found


async def _check_store(settings: Settings, store: Store, found: Readiness) -> None:
    told = await asyncio.to_thread(store.check)
    found.reachability += [HemostatError(what) for what in told]
    if told:
        return
    table = settings.audit.s3
    if table is None:
        found.fine.append("the audit store takes what is sealed")
    else:
        found.fine.append(f"the audit bucket {table.bucket} locks its objects")


async def _check_authority(url: str, found: Readiness) -> None:
    try:
        await Timestamps(url).ask(_ASKED)
    except HemostatError as error:
        found.reachability.append(error)
    else:
        found.fine.append("the timestamp authority grants timestamps")
