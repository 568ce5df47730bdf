"""One incident's journal as it is written: what there is, then each entry as it comes.

No entry is told twice and none is left out, also where an incident went on in a new run and its
earlier entries moved to the vault meanwhile; what cannot be read is told as a gap. It ends when the
incident is closed. While no worker answers, that is said once and asked again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from temporalio.client import Client

from hemostat.incidents.live import LOOK_EVERY
from hemostat.incidents.reading import journal, journal_from, mark
from hemostat.vault import Vault
from schemas.errors import SystemUnreachable
from schemas.journal import Entry

Gap = str
"""What could not be read, and why."""

LOOK_AGAIN_AFTER: Final = 2.0
"""Seconds until somebody is asked again who did not answer."""


async def follow(
    client: Client,
    incident: str,
    vault: Vault,
    *,
    waits: Callable[[SystemUnreachable], None],
) -> AsyncIterator[Entry | Gap]:
    """Yield the whole journal of *incident*, then what comes, until the incident is closed.

    *waits* is told when somebody does not answer any more, once each time; only the first look
    raises. Raises ``NoSuchIncident``.
    """
    before = await mark(client, incident)
    read = await journal(client, incident, vault)
    for gap in read.gaps:
        yield gap
    for entry in read.entries:
        yield entry
    following = read.entries[-1].seq + 1 if read.entries else 0
    silent = False
    while before.open:
        await asyncio.sleep(LOOK_AGAIN_AFTER if silent else LOOK_EVERY)
        try:
            now = await mark(client, incident)
            if now == before:
                silent = False
                continue
            fresh = await _since(client, incident, vault, following)
        except SystemUnreachable as error:
            if not silent:
                waits(error)
            silent = True
            continue
        silent = False
        for part in fresh:
            yield part
            if isinstance(part, Entry):
                following = part.seq + 1
        before = now


async def _since(client: Client, incident: str, vault: Vault, start: int) -> list[Entry | Gap]:
    """Return the journal from *start* on; from the vault what is not in the current run any more."""
    entries = await journal_from(client, incident, start)
    if not entries or entries[0].seq == start:
        return [*entries]
    read = await journal(client, incident, vault)
    return [*read.gaps, *(entry for entry in read.entries if entry.seq >= start)]
