"""How a person's words reach an incident, and what became of them.

The words are made into the signal's message with who speaks, signed, and sent. Sending changes
nothing: the incident counts it or refuses it with a reason, and the journal's entry under the
message's id is the answer. Under an idempotency key the id follows from person, incident and key,
so whatever repeats it, here or in another process, the incident counts it once.

The incident judges all of it, so nothing is looked at beforehand that the words do not need: it
takes a signal and one question. But for one thing: what is grave besides a gate is signed only for
who proved afresh who they are. Once the signal is taken it is safe, however late the answer comes.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hemostat.desk.answers import (
    answer_to,
    how_the_gate_ended,
    nothing_new,
    proof_is_old,
    too_late,
    unseen,
)
from hemostat.desk.messages import (
    SIGNALS,
    Signal,
    last_approval,
    message_of,
    needs_gate,
    needs_view,
)
from hemostat.desk.said import Answer, Said, Taken, Withdraw, is_grave
from hemostat.incidents import became, journal_from, view
from hemostat.incidents.asking import spoke_to
from hemostat.incidents.incident_row import IncidentRow
from hemostat.keys import SigningKey
from hemostat.speaking import MayNotSpeak, Spoken, sign
from schemas.errors import BadInput, SystemUnreachable
from schemas.gate import Refusal
from schemas.incident import IncidentView
from schemas.journal import Entry, Kind
from schemas.speakers import STEP_UP_WITHIN
from schemas.who import Who

LOOKED_AT_WITHIN: Final = 15.0
"""Seconds until we say that what became of it is not known yet."""

_SEND_WITHIN_SECONDS: Final = 5
_LOOK_EVERY_SECONDS: Final = 0.1
_LOOK_AT_LEAST_EVERY: Final = 2.0
_LOOKS: Final = 3
"""How often the journal is read again for an entry that what was said may not need."""
_KEYS: Final = uuid.UUID("5d9a8c1e-6b0f-4f1e-9c55-2f6f0a6a4d11")


class Voice:
    """Speaks to incidents for people, with the key that they trust; without one, unsigned.

    *fresh_within* is how old the proof of who says something grave may be.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        key: SigningKey | None,
        fresh_within: timedelta = STEP_UP_WITHIN,
    ) -> None:
        self._connect = connect
        self._key = key
        self._fresh_within = fresh_within

    async def say(
        self,
        who: Who,
        row: IncidentRow,
        said: Said,
        *,
        idempotency_key: str | None = None,
        channel: str = "api",
    ) -> Answer:
        """Say it and return what became of it."""
        if who.kind != "person":
            raise MayNotSpeak(
                f"a caller of kind {who.kind} reads and decides nothing",
                where="who",
                next_step="a person has to say it, under their own login.",
            )
        known = id_of(who, row.id, idempotency_key)
        if not row.open:
            return too_late(known, "The incident is closed; nothing can be said to it any more.")
        client = await self._connect()
        heard = await became(client, row.id, known) if idempotency_key else []
        before = _counted(heard, SIGNALS[type(said)], known)
        if before is None and self._lacks_proof(who, said):
            return proof_is_old(known)
        return before or await self._say(
            client, who, row, said, known, channel=channel, heard=heard
        )

    def _lacks_proof(self, who: Who, said: Said) -> bool:
        """Whether it is grave and the proof of who says it is not a fresh one."""
        if self._key is None or not is_grave(said):
            return False
        at = who.stepped_up_at
        return at is None or not timedelta(0) <= datetime.now(UTC) - at <= self._fresh_within

    async def _say(
        self,
        client: Client,
        who: Who,
        row: IncidentRow,
        said: Said,
        known: str,
        *,
        channel: str,
        heard: Sequence[Entry],
    ) -> Answer:
        """Say what did not count before; *heard* is what the journal has of it."""
        seen = await view(client, row.id) if self._needs_look(who, row, said) else None
        if isinstance(said, Withdraw) and said.decision_id is None:
            said = await self._the_last(client, who, row.id, said)
        message = _understood(said, who, seen, known)
        if self._key is not None:
            run = seen.run_id if seen else row.first_run
            place = {"incident": row.id, "run": run, "channel": channel}
            message = _signed(message, who, _judging(self._key, seen), place)
        if not await self._send(client, row.id, SIGNALS[type(said)], message):
            return too_late(known, "The incident has closed in the meantime.")
        after = heard[-1].seq if heard else -1
        return await self._became_of(client, row.id, said, known, after)

    def _needs_look(self, who: Who, row: IncidentRow, said: Said) -> bool:
        """Whether it cannot be said, or not be signed, without knowing where the incident stands."""
        role = getattr(said, "role", None)
        another = role is not None and role not in who.roles  # who judges that is seen there
        unsigned = self._key is None
        return needs_view(said) or not (unsigned or (row.first_run and not another))

    async def _the_last(self, client: Client, who: Who, incident: str, said: Withdraw) -> Withdraw:
        entries = await journal_from(client, incident, 0)
        made = last_approval(entries, who.person, said.gate)
        if made is None:
            raise BadInput(
                "there is no approval of yours to take back",
                where=said.gate,
                next_step="the incident's journal has every decision.",
            )
        return said.model_copy(update={"decision_id": made})

    async def _send(self, client: Client, incident: str, signal: Signal, message: Spoken) -> bool:
        """Send it; return whether the incident was there to take it."""
        handle = client.get_workflow_handle(incident)
        try:
            async with asyncio.timeout(_SEND_WITHIN_SECONDS):
                await handle.signal(signal.name, message)
            spoke_to(client, incident)
        except (RPCError, TimeoutError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return False
            status = error.status.name if isinstance(error, RPCError) else "no answer in time"
            raise SystemUnreachable(
                f"Temporal did not take it ({status})",
                where=incident,
                next_step="say it again under the same idempotency key; it counts once.",
            ) from error
        return True

    async def _became_of(
        self, client: Client, incident: str, said: Said, known: str, after: int
    ) -> Answer:
        """What became of it, by an entry after number *after*; asked more rarely with time."""
        looks, pause, signal = 0, _LOOK_EVERY_SECONDS, SIGNALS[type(said)]
        try:
            async with asyncio.timeout(LOOKED_AT_WITHIN):
                while True:
                    entries = await became(client, incident, known)
                    for entry in entries:
                        if entry.seq > after and entry.data.get(signal.key) == known:
                            return await self._told(client, incident, said, known, entry, entries)
                    looks += 1
                    # An answer to a query tells what the signal before it did.
                    if signal.may_be_no_news and looks == _LOOKS:
                        return nothing_new(known)
                    await asyncio.sleep(pause)
                    if not signal.may_be_no_news:
                        pause = min(2 * pause, _LOOK_AT_LEAST_EVERY)
        except (TimeoutError, SystemUnreachable):
            return unseen(known)

    async def _told(
        self,
        client: Client,
        incident: str,
        said: Said,
        known: str,
        entry: Entry,
        about: Sequence[Entry],
    ) -> Answer:
        answer = answer_to(known, entry)
        if answer.refusal == Refusal.DUPLICATE:
            for earlier in about:
                if earlier.kind is not Kind.REFUSED:
                    return answer_to(known, earlier).model_copy(update={"repeated": True})
        gate = needs_gate(said)
        if gate and answer.taken is Taken.TOO_LATE:
            ended = how_the_gate_ended(await journal_from(client, incident, 0), gate)
            return answer.model_copy(update=ended)
        return answer


def _counted(heard: Sequence[Entry], signal: Signal, known: str) -> Answer | None:
    """What became of it when it was said before; None if it was not, or changed nothing."""
    for entry in heard:
        if entry.data.get(signal.key) == known and entry.kind is not Kind.REFUSED:
            return answer_to(known, entry).model_copy(update={"repeated": True})
    return None


def id_of(who: Who, incident: str, idempotency_key: str | None) -> str:
    """Return the id of what *who* says: the same for the same key, else one that never was."""
    if not idempotency_key:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_KEYS, f"{who.person}\n{incident}\n{idempotency_key}"))


def _judging(key: SigningKey, seen: IncidentView | None) -> SigningKey:
    """Return *key*, which signs in no role but one's own where the incident cannot judge that.

    An incident that was opened before people were declared has no roster, and never gets one.
    One that was not looked at is not trusted to judge it either.
    """
    without = seen is None or (bool(seen.gates) and not any(gate.may_decide for gate in seen.gates))
    return replace(key, judges_roles=True) if without else key


def _signed(message: Spoken, who: Who, key: SigningKey, place: dict[str, str]) -> Spoken:
    one_of_them: Any = message  # `sign` gives back the kind that it was given, whichever it is
    signed: Spoken = sign(
        one_of_them,
        who,
        key,
        incident=place["incident"],
        run=place["run"],
        channel=place["channel"],
    )
    return signed


def _understood(said: Said, who: Who, seen: IncidentView | None, known: str) -> Spoken:
    try:
        return message_of(said, who, seen, known)
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in e["loc"]) for e in error.errors())
        raise BadInput(
            f"not understood: {wrong}", where="what was said", next_step="see the API's reference."
        ) from error
