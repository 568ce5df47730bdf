"""Counsel's determination on its way: send the signal, see what became of it.

As with a decision, sending changes nothing: the incident takes it or refuses it with a reason,
and either stands in the journal under the determination's id.
"""

import asyncio
import uuid
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from hemostat.decisions import JOURNALED_WITHIN
from hemostat.incidents import journal_from
from schemas.clocks.determination import Determination, Matter
from schemas.errors import SystemUnreachable
from schemas.journal import Entry, Kind

_LOOK_EVERY_SECONDS: Final = 0.1
_SEND_WITHIN_SECONDS: Final = 5


def determination_of(
    clock: str, what: Matter, value: str, *, actor: str, role: str, reason: str, reference: str
) -> Determination:
    """Return a determination under an id of its own."""
    return Determination(
        determination_id=str(uuid.uuid4()),
        clock=clock,
        what=what,
        value=value,
        reason=reason,
        actor=actor,
        role=role,
        reference=reference,
    )


async def send(client: Client, incident: str, given: Determination) -> None:
    """Send the ``determine`` signal."""
    handle = client.get_workflow_handle(incident)
    try:
        async with asyncio.timeout(_SEND_WITHIN_SECONDS):
            await handle.signal("determine", given)
    except (RPCError, TimeoutError) as error:
        status = error.status.name if isinstance(error, RPCError) else "no answer"
        raise SystemUnreachable(
            f"Temporal did not take the determination ({status})",
            where=incident,
            next_step="see whether the incident is still open, and determine it again.",
        ) from error


async def became_of(client: Client, incident: str, given: Determination, start: int) -> Entry:
    """Return the journal entry that tells what became of *given*, looking from *start* on."""
    try:
        async with asyncio.timeout(JOURNALED_WITHIN.total_seconds()):
            while True:
                for entry in await journal_from(client, incident, start):
                    told = entry.kind in (Kind.CLOCK, Kind.REFUSED)
                    if told and entry.data.get("determination") == given.determination_id:
                        return entry
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    except TimeoutError as error:
        raise SystemUnreachable(
            "the determination was sent and has not been looked at yet",
            where=incident,
            next_step="`hemostat clocks` tells what became of it; sending it again does no harm.",
        ) from error
