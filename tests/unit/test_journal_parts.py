"""A part of a journal reads no more of the vault than holds it."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from temporalio.client import Client

from hemostat import incidents
from hemostat.incidents import reading
from hemostat.incidents.journal_parts import journal_part
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import SystemUnreachable
from schemas.journal import Entry, Journal, Kind

AT = datetime(2026, 11, 23, tzinfo=UTC)
PIECE, PIECES, NOW = 10, 40, 7


class Kept:
    """A vault that counts what is read of it, and has lost what a test says."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.reads: list[str] = []
        self.lost: set[str] = set()

    def read(self, digest: str) -> bytes:
        self.reads.append(digest)
        if digest in self.lost:
            raise SystemUnreachable("it is not there", where=digest)
        return self.contents[digest]


@pytest.fixture
def laid_down(monkeypatch: pytest.MonkeyPatch) -> tuple[Kept, list[Entry], list[str]]:
    """An incident of 407 entries: forty pieces in the vault, and seven in its current run."""
    journal, kept = Journal(), Kept()
    for number in range(PIECE * PIECES + NOW):
        journal.add(AT, Kind.FINDING, f"entry {number}")
    entries = list(journal.entries)
    digests = []
    for at in range(PIECES):
        lines = [entry.model_dump_json() for entry in entries[at * PIECE : (at + 1) * PIECE]]
        content = "\n".join(lines).encode()
        digests.append(digest_bytes(content))
        kept.contents[digests[-1]] = content

    async def query(client: Any, id_: str, run: Any, name: str, asked: Any = None) -> Any:
        if name == "segments":
            return digests
        start = max(asked.start - PIECE * PIECES, 0)
        run_has = entries[PIECE * PIECES :]
        return [one.model_dump(mode="json") for one in run_has[start : start + asked.limit]]

    monkeypatch.setattr(reading, "_query", query)
    return kept, entries, digests


async def part(kept: Kept, start: int, most: int) -> incidents.JournalRead:
    return await journal_part(cast("Client", None), "i", cast("Vault", kept), start, most)


@pytest.mark.parametrize("most", [1, 9, 10, 25, 1000])
@pytest.mark.parametrize("start", [0, 3, 10, 199, 395, 399, 400, 403, 406, 407, 9999])
async def test_a_part_is_what_the_whole_has_there(
    laid_down: tuple[Kept, list[Entry], list[str]], start: int, most: int
) -> None:
    kept, entries, _ = laid_down
    read = await part(kept, start, most)
    assert list(read.entries) == entries[start : start + most]
    assert read.gaps == []
    assert len(kept.reads) == len(set(kept.reads)) <= 6 + -(-most // PIECE) + 1


async def test_what_the_current_run_has_needs_nothing_of_the_vault(
    laid_down: tuple[Kept, list[Entry], list[str]],
) -> None:
    kept, entries, _ = laid_down
    assert list((await part(kept, 401, 3)).entries) == entries[401:404]
    assert kept.reads == []


@pytest.mark.parametrize("start", [0, 55, 199, 200, 205, 399])
async def test_a_piece_that_is_lost_is_a_gap_and_the_rest_is_there(
    laid_down: tuple[Kept, list[Entry], list[str]], start: int
) -> None:
    kept, entries, digests = laid_down
    lost = {5, 20, 21, 39}
    kept.lost = {digests[at] for at in lost}
    read = await part(kept, start, 1000)
    whole = [one for one in entries if one.seq >= start and one.seq // PIECE not in lost]
    assert list(read.entries) == whole
    named = {at for at in lost if any(digests[at] in gap for gap in read.gaps)}
    assert {at for at in lost if at >= start // PIECE} <= named
