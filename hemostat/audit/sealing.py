"""Seals the record of one incident: takes its events in order and writes its checkpoints.

Law: the write-once store is all the memory there is. A checkpoint's number is its name, so however
many sealers run and whenever one is killed, there is one chain without gap or fork: what a
checkpoint needs is kept before it, and whoever finds a number taken reads what is there and goes
on from that. Calls block; nothing here knows Temporal.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from hemostat.audit.store import Store, checkpoint_name, get_object, place_of, put_object
from schemas.audit.chain import NO_EVENTS, Link, RunHeader, event_digest, extend, head_of_header
from schemas.audit.checkpoint import KIND, Checkpoint, JournalAt, Outcome, Segment, Why
from schemas.audit.signing import Envelope, SigningKey, open_envelope, seal
from schemas.audit.strict import NotStrict
from schemas.base import Digest, iso
from schemas.errors import EvidenceCorrupt
from schemas.journal import GENESIS, Entry

FRAME: Final = 4
"""Bytes before each event of a segment that say how long it is, big-endian."""


class Overtaken(Exception):
    """Another sealer has written this checkpoint: read it and go on from there."""


def framed(events: Sequence[bytes]) -> bytes:
    """Return *events* as a segment holds them."""
    return b"".join(len(event).to_bytes(FRAME, "big") + event for event in events)


def unframed(segment: bytes) -> list[bytes]:
    """Return the events of a segment that the store has checked against its digest."""
    events, at = [], 0
    while at < len(segment):
        size = int.from_bytes(segment[at : at + FRAME], "big")
        events.append(segment[at + FRAME : at + FRAME + size])
        at += FRAME + size
    return events


def read_checkpoints(store: Store, place: str) -> list[Envelope[Checkpoint]]:
    """Return the checkpoints of *place*, oldest first; ``EvidenceCorrupt`` if one is no checkpoint."""
    found: list[Envelope[Checkpoint]] = []
    while (stored := store.get(checkpoint_name(place, len(found)))) is not None:
        try:
            found.append(open_envelope(KIND, stored, Checkpoint))
        except NotStrict as error:
            raise EvidenceCorrupt(
                f"checkpoint {len(found)} of {place} cannot be read: {error}",
                where="the audit store",
                next_step="keep the store as it is and tell whoever guards it.",
            ) from None
    return found


def kept_journal(
    store: Store, checkpoints: Sequence[Checkpoint], run: RunHeader | None
) -> list[Entry]:
    """Return the journal as far as *checkpoints* kept it, from its first entry without a gap.

    A reset begins another journal: only what was kept since the last one counts.
    """
    number = run.number if run and run.link is Link.RESET else 1
    resets = [c.run.number for c in checkpoints if c.run.link is Link.RESET]
    since, entries = max([number, *resets]), list[Entry]()
    for body in checkpoints:
        if body.run.number >= since and body.journal and body.journal.added:
            lines = get_object(store, body.journal.added).splitlines()
            entries += [Entry.model_validate_json(line) for line in lines]
    return entries


class Sealing:
    """The state of one incident's chain; made from the store alone."""

    def __init__(
        self,
        store: Store,
        key: SigningKey,
        incident: str,
        first_run: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.incident, self.first_run = incident, first_run
        self.place = place_of(incident, first_run)
        self._store, self._key, self._now = store, key, now
        self._checkpoints = read_checkpoints(store, self.place)
        self._pending: list[bytes] = []
        self._segment_from = 1
        last = self.last
        self.run: RunHeader | None = last.run if last else None
        self.last_event = last.last_event if last else 0
        self.head: Digest = last.head if last else NO_EVENTS

    @property
    def last(self) -> Checkpoint | None:
        """The newest checkpoint, or None before the first."""
        return self._checkpoints[-1].body if self._checkpoints else None

    @property
    def closed(self) -> bool:
        """Whether the incident's record is complete."""
        return self.last is not None and self.last.why is Why.CLOSE

    @property
    def count(self) -> int:
        """How many checkpoints there are."""
        return len(self._checkpoints)

    @property
    def last_digest(self) -> Digest:
        """The digest of the newest checkpoint; zeros before the first."""
        return self._checkpoints[-1].digest if self._checkpoints else GENESIS

    @property
    def pending(self) -> int:
        """How many events no checkpoint covers yet."""
        return len(self._pending)

    def begin_run(self, run: str, link: Link) -> None:
        """Go on in another run, or begin the first one; its events count from 1."""
        previous = self.run
        self.run = RunHeader(
            incident=self.incident,
            first_run=self.first_run,
            run=run,
            number=previous.number + 1 if previous else 1,
            link=link,
            previous_run=previous.run if previous else None,
            previous_head=self.head,
        )
        self.head, self.last_event = head_of_header(self.run), 0
        self._pending, self._segment_from = [], 1

    def take(self, events: Sequence[bytes]) -> None:
        """Take the next events of the run, in order; no checkpoint covers them yet."""
        if not self._pending:
            self._segment_from = self.last_event + 1
        self._pending += events
        self.last_event += len(events)
        self.head = extend(self.head, map(event_digest, events))

    def checkpoint(
        self,
        why: Why,
        *,
        journal: JournalAt | None = None,
        outcome: Outcome | None = None,
        sealed: Mapping[str, Digest] | None = None,
        gaps: Sequence[str] = (),
    ) -> Checkpoint:
        """Write the next checkpoint over all that was taken; raise ``Overtaken`` if it is there.

        What it names (the events) is kept first: a kill in between leaves an object that nothing
        names, and the same object is kept again.
        """
        if self.run is None:
            raise ValueError("no run has begun")
        segment = None
        if self._pending:
            content = framed(self._pending)
            digest = put_object(self._store, content)
            segment = Segment(digest=digest, size=len(content), first_event=self._segment_from)
        body = Checkpoint(
            incident=self.incident,
            first_run=self.first_run,
            seq=self.count,
            why=why,
            at=iso(self._now()),
            kid=self._key.kid,
            previous=self.last_digest,
            run=self.run,
            last_event=self.last_event,
            head=self.head,
            segment=segment,
            journal=journal,
            outcome=outcome,
            sealed=dict(sealed or {}),
            gaps=tuple(gaps),
        )
        stored = seal(KIND, body, self._key)
        if not self._store.put(checkpoint_name(self.place, body.seq), stored):
            raise Overtaken
        self._checkpoints.append(open_envelope(KIND, stored, Checkpoint))
        self._pending = []
        return body

    def keep(self, content: bytes) -> Digest:
        """Keep something that the close will name."""
        return put_object(self._store, content)

    def sealed_events(self, run: str) -> list[bytes]:
        """Return the events of *run* as they were sealed, whatever Temporal says now."""
        return [
            event
            for held in self._checkpoints
            if held.body.run.run == run and held.body.segment
            for event in unframed(get_object(self._store, held.body.segment.digest))
        ]

    def checkpoints(self) -> list[Checkpoint]:
        """Return what was written, oldest first."""
        return [held.body for held in self._checkpoints]

    def journal(self) -> list[Entry]:
        """Return the entries that checkpoints kept."""
        return kept_journal(self._store, self.checkpoints(), self.run)

    def runs(self) -> list[RunHeader]:
        """Return the runs that checkpoints cover, in order."""
        return list({held.body.run.run: held.body.run for held in self._checkpoints}.values())
