"""A part of a journal: of what an incident laid down in the vault, only the pieces that hold it.

The journal of the current run is asked first; most of what is asked for is there. Earlier pieces
follow one another, so the one that holds a number is found by halving: of a journal of a hundred
pieces seven are looked into at most, and a page reads on from there.
"""

from collections.abc import Sequence

from temporalio.client import Client

from hemostat.incidents.reading import JournalRead, journal_from, segment, segments
from hemostat.vault import Vault
from schemas.errors import HemostatError
from schemas.journal import Entry


async def journal_part(
    client: Client,
    incident: str,
    vault: Vault,
    start: int,
    most: int,
    run_id: str | None = None,
) -> JournalRead:
    """Return at most *most* entries from number *start* on, and what of them cannot be read."""
    now = await journal_from(client, incident, start, run_id, most)
    if now and now[0].seq == start:
        return JournalRead(now, [])
    digests = await segments(client, incident, run_id)
    if not digests:
        return JournalRead(now, [])
    pieces = _Pieces(vault, digests)
    earlier, gaps = await pieces.entries(start, most)
    last = earlier[-1].seq if earlier else start - 1
    later = [entry for entry in now if entry.seq > last]
    return JournalRead([*earlier, *later][:most], gaps)


class _Pieces:
    """The pieces of one journal in the vault, each read once at most."""

    def __init__(self, vault: Vault, digests: Sequence[str]) -> None:
        self._vault = vault
        self._digests = digests
        self._read: dict[int, list[Entry] | HemostatError] = {}

    async def entries(self, start: int, most: int) -> tuple[list[Entry], list[str]]:
        """Return at most *most* entries from *start* on, and the gaps on the way."""
        found: list[Entry] = []
        gaps: list[str] = []
        for at in range(await self._holding(start), len(self._digests)):
            if len(found) >= most:
                break
            piece = await self._piece(at)
            if isinstance(piece, HemostatError):
                gaps.append(f"journal part {self._digests[at]}: {piece}")
            else:
                found += [entry for entry in piece if entry.seq >= start]
        return found[:most], gaps

    async def _holding(self, start: int) -> int:
        """Return the last piece that can be read and does not begin after *start*, else the first."""
        low, high = 0, len(self._digests)
        while high - low > 1:
            middle = at = (low + high) // 2
            while at < high and not (first := await self._first(at)):
                at += 1
            if at < high and first[0].seq <= start:
                low = at
            else:
                high = middle
        return low

    async def _first(self, at: int) -> list[Entry]:
        piece = await self._piece(at)
        return [] if isinstance(piece, HemostatError) else piece

    async def _piece(self, at: int) -> list[Entry] | HemostatError:
        if at not in self._read:
            try:
                self._read[at] = await segment(self._vault, self._digests[at])
            except HemostatError as error:
                self._read[at] = error
        return self._read[at]
