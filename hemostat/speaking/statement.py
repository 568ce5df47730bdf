"""What a person says on its way to an incident: signed, sent as a signal, and what became of it.

A signal changes nothing by being sent: the incident takes it or refuses it with a reason, and
either stands in the journal under the id of what was said. Sending it again does no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar, cast

from temporalio.client import Client
from temporalio.service import RPCError

from hemostat.incidents import journal_from, view
from hemostat.keys import SigningKey, load_key
from schemas.base import Frozen
from schemas.canonical import digest_of
from schemas.clocks.determination import Determination
from schemas.errors import BadInput, NotHeld, SystemUnreachable
from schemas.gate import BreakGlassUse, Decision, Withdrawal
from schemas.incident import IncidentView
from schemas.journal import Entry, Kind
from schemas.signed_statement import OWN_KEY, PERSON, SignedStatement, content_of, seal
from schemas.statements import Attestation, Draft, Regrading, Stated, Suspicion
from schemas.who import Who

Spoken = Decision | Withdrawal | BreakGlassUse | Stated | Determination
Said = TypeVar("Said", bound=Spoken)

JOURNALED_WITHIN: Final = timedelta(seconds=15)
_LOOK_EVERY_SECONDS: Final = 0.1
_LOOKS: Final = 3
_SEND_WITHIN: Final = timedelta(seconds=5)

_SIGNALS: Final[dict[type, str]] = {
    Decision: "decide",
    Withdrawal: "withdraw",
    BreakGlassUse: "break-glass",
    Attestation: "attest",
    Regrading: "grade",
    Suspicion: "suspect",
    Draft: "draft",
    Determination: "determine",
}


class MayNotSpeak(NotHeld):
    """Who asked is no person, or not in that role: nothing was signed and nothing sent."""


def signal_of(said: Spoken) -> str:
    """Return the name of the signal that carries *said*."""
    return _SIGNALS[type(said)]


def id_of(said: Spoken) -> str:
    """Return the id under which the journal tells what became of *said*."""
    match said:
        case Decision():
            return said.decision_id
        case Withdrawal():
            return said.withdrawal_id
        case BreakGlassUse():
            return said.use_id
        case Determination():
            return said.determination_id
        case _:
            return said.id


def own_voice(key: SigningKey, person: str, now: datetime) -> Who:
    """Return who speaks with their own key: its use is the proof, made now."""
    return Who(
        person=person,
        subject=f"key:{key.kid}",
        roles=(),
        method=OWN_KEY,
        authenticated_at=now,
        stepped_up_at=now,
    )


async def speak_alone(
    client: Client, seen: IncidentView, said: Said, key: Path | None, *, channel: str = "cli"
) -> Said:
    """Send *said* to an incident as it was just *seen*, signed with the person's own key.

    Raises ``BadInput`` where the incident counts only what is signed and there is no *key*:
    unsigned it would be taken for a forgery and page the security on-call.
    """
    if key is None:
        if seen.asks_proof:
            raise BadInput(
                "this incident counts only what is provably yours",
                where=seen.id,
                next_step="`hemostat login URL` first, or sign with your own key: --key FILE.",
            )
        await send(client, seen.id, said)
        return said
    own, now = load_key(key, said.actor), datetime.now(UTC)
    who = own_voice(own, said.actor, now)
    return await speak(client, who, seen.id, said, own, channel=channel, run=seen.run_id)


def sign(
    said: Said,
    who: Who,
    key: SigningKey,
    *,
    incident: str,
    run: str,
    channel: str,
    now: datetime | None = None,
) -> Said:
    """Return *said* with its signed statement, for *incident* since its first *run* and no other.

    Raises ``MayNotSpeak`` where *who* is no person, says it is someone else, holds another's key,
    or speaks in a role that is not theirs.
    """
    if who.kind != PERSON:
        raise MayNotSpeak(
            f"a {who.kind} reads and never decides", next_step="a person decides, signed in."
        )
    if said.actor != who.person or key.person not in (None, who.person):
        raise MayNotSpeak("nobody speaks for somebody else", next_step="sign in as yourself.")
    role: str | None = getattr(said, "role", None)
    if key.judges_roles and role is not None and role not in who.roles:
        raise MayNotSpeak(
            "you do not hold this role",
            where=role,
            next_step=f"speak in one of yours: {', '.join(who.roles) or 'none'}.",
        )
    signal = signal_of(said)
    statement = SignedStatement(
        id=id_of(said),
        incident=incident,
        run=run,
        signal=signal,
        content=content_of(signal, said),
        gate=getattr(said, "gate", None),
        nonce=getattr(said, "nonce", None),
        digest=getattr(said, "digest", None),
        choice=getattr(said, "choice", None),
        reason=digest_of(said.reason),
        person=who.person,
        subject=who.subject,
        role=role,
        kind=who.kind,
        method=who.method,
        authenticated_at=who.authenticated_at,
        stepped_up_at=who.stepped_up_at,
        channel=channel,
        said_at=now or datetime.now(UTC),
        kid=key.kid,
    )
    envelope = seal(statement, key.private, key.certificates)
    return cast("Said", said.model_copy(update={"statement": envelope}))


async def send(client: Client, incident: str, said: Spoken) -> None:
    """Send the signal that carries *said*, signed or not."""
    handle = client.get_workflow_handle(incident)
    try:
        async with asyncio.timeout(_SEND_WITHIN.total_seconds()):
            await handle.signal(signal_of(said), said, rpc_timeout=_SEND_WITHIN)
    except (RPCError, TimeoutError) as error:
        status = error.status.name if isinstance(error, RPCError) else "no answer"
        raise SystemUnreachable(
            f"Temporal did not take it ({status})",
            where=incident,
            next_step="see whether the incident is still open, and say it again.",
        ) from error


async def speak(
    client: Client,
    who: Who,
    incident: str,
    said: Said,
    key: SigningKey | None,
    *,
    channel: str,
    run: str | None = None,
) -> Said:
    """Sign *said* for *who* and send it; return it as it was sent.

    Without a *key* (no ``[identity]`` in hemostat.toml) it goes unsigned. *run* is the incident's
    first run as its view tells it, looked up if it is not given.
    """
    if who.kind != PERSON:
        raise MayNotSpeak(
            f"a {who.kind} reads and never decides", next_step="a person decides, signed in."
        )
    if key is not None:
        first_run = run or (await view(client, incident)).run_id
        said = sign(said, who, key, incident=incident, run=first_run, channel=channel)
    await send(client, incident, said)
    return said


def signing(
    connect: Callable[[], Awaitable[Client]], key: SigningKey | None, channel: str
) -> Callable[[Who, str, str, Frozen], Awaitable[Frozen]]:
    """Return how a desk signs: given who speaks, the incident, the signal and its message.

    Without a *key*, and for an incident that asks for no proof, the message goes as it is.
    """

    async def signed(who: Who, incident: str, signal: str, message: Frozen) -> Frozen:
        if key is None or not isinstance(message, Spoken):
            return message
        seen = await view(await connect(), incident)
        if not seen.asks_proof:
            return message
        said: Frozen = sign(message, who, key, incident=incident, run=seen.run_id, channel=channel)
        return said

    return signed


async def became_of(client: Client, incident: str, said: Spoken, start: int) -> Entry:
    """Return the journal entry that tells what became of *said*, looking from *start* on."""
    id_ = id_of(said)
    async with _looked_at_in_time(incident):
        while True:
            entry = await _entry_about(client, incident, id_, start)
            if entry is not None:
                return entry
            await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def became_of_unless_known(
    client: Client, incident: str, said: Spoken, start: int
) -> Entry | None:
    """Return the entry about *said*; None where the incident knew it already and wrote nothing.

    An answer to a query tells what the signal before it did, so a few looks are enough.
    """
    async with _looked_at_in_time(incident):
        for _ in range(_LOOKS):
            entry = await _entry_about(client, incident, id_of(said), start)
            if entry is not None:
                return entry
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return None


async def _entry_about(client: Client, incident: str, id_: str, start: int) -> Entry | None:
    for entry in await journal_from(client, incident, start):
        told = entry.kind in (Kind.DECISION, Kind.CLOCK, Kind.REFUSED)
        if told and id_ in (entry.data.get("decision"), entry.data.get("determination")):
            return entry
    return None


@asynccontextmanager
async def _looked_at_in_time(incident: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(JOURNALED_WITHIN.total_seconds()):
            yield
    except TimeoutError as error:
        raise SystemUnreachable(
            "it was handed over and is safe; whether it counted is not known yet",
            where=incident,
            next_step="`hemostat show` tells what became of it; sending it again does no harm.",
        ) from error
