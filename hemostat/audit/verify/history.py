"""Temporal's history: every event is the one that was sealed, in its place, none more, none less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from hemostat.audit.account.words import counted, in_short
from hemostat.audit.pack.reader import Pack
from hemostat.audit.verify.events import READ, Walked, walk
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.signatures import CLOCKS_DIFFER, moment
from schemas.audit.chain import NO_EVENTS, RunHeader, head_of_header
from schemas.audit.checkpoint import Checkpoint
from schemas.audit.manifest import Manifest, Run
from schemas.audit.signing import Envelope
from schemas.audit.wire import (
    Event,
    EventType,
    NotAnEvent,
    id_and_type,
    read_event,
    time_of,
    value_of,
)

SOON = timedelta(minutes=15)
"""How long an event may wait for its checkpoint without that being told."""
_SOME = 1_000
"""Digests that are compared together."""
INPUT, SIGNAL_INPUT, RESULT = 6, 2, 1
"""Fields of the attributes of a start, a signal and a completion that hold payloads."""


@dataclass
class Signal:
    """One signal as the history has it."""

    name: str
    event: int
    run: int
    at: datetime
    text: bytes | None
    """What it carried, as JSON; None if it is not plain JSON."""

    @cached_property
    def said(self) -> Any:
        """What it carried, read when it is asked for; None if it is not plain JSON."""
        return value_of(self.text)


@dataclass
class Seen:
    """What was read of the history on the way."""

    input: bytes | None = None
    """Of the first run, as JSON; None if it is not plain JSON."""
    signals: list[Signal] = field(default_factory=list)
    outcome: bytes | None = None
    events: int = 0

    @cached_property
    def opening(self) -> Any:
        """What the first run was given."""
        return value_of(self.input)

    @cached_property
    def result(self) -> Any:
        """What the last run came to."""
        return value_of(self.outcome)


def check_histories(
    pack: Pack,
    manifest: Manifest,
    held: Sequence[Envelope[Checkpoint]],
    findings: Findings,
    seen: Seen,
) -> str:
    """Check every run against the checkpoints that cover it."""
    bodies = [envelope.body for envelope in held]
    headers = list({body.run.run: body.run for body in bodies}.values())
    if [run.run for run in manifest.runs] != [header.run for header in headers]:
        findings.add("history-runs", "manifest.json", "its runs are not those that were sealed")
        return ""
    if [run.folder for run in manifest.runs] != [f"histories/{h.number:02}" for h in headers]:
        findings.add("history-runs", "manifest.json", "its runs do not lie where they belong")
    head, previous = NO_EVENTS, None
    for run, header in zip(manifest.runs, headers, strict=True):
        _check_header(header, head, previous, manifest, findings)
        mine = [body for body in bodies if body.run.run == header.run]
        head = _check_run(pack, run, header, mine, findings, seen)
        previous = header.run
    events, runs = counted(seen.events, "event"), counted(len(headers), "run")
    return f"{events} in {runs}: those that were sealed"


def _check_header(
    header: RunHeader, head: str, previous: str | None, manifest: Manifest, findings: Findings
) -> None:
    if (header.previous_head, header.previous_run) != (head, previous):
        what = "it does not go on where the run before ended"
        findings.add("history-runs", f"run {header.number}", what)
    if (header.incident, header.first_run) != (manifest.incident, manifest.first_run):
        findings.add(
            "checkpoint-other-incident", f"run {header.number}", "it is of another incident"
        )


def _check_run(
    pack: Pack,
    run: Run,
    header: RunHeader,
    checkpoints: Sequence[Checkpoint],
    findings: Findings,
    seen: Seen,
) -> str:
    listed = pack.content(f"{run.folder}.digests")
    last = checkpoints[-1]
    if len(listed) != 32 * last.last_event or run.events != last.last_event:
        short = min(len(listed) // 32, run.events) < last.last_event
        what = f"{len(listed) // 32} events are listed and {last.last_event} were sealed"
        findings.add("history-cut" if short else "history-longer", f"run {header.number}", what)
    firsts = _first_after_a_pause(checkpoints)
    walked = walk(
        pack.content(f"{run.folder}.events"),
        {body.last_event for body in checkpoints} | firsts.keys(),
        bytes.fromhex(head_of_header(header).removeprefix("sha256:")),
    )
    digests = _listed(listed, walked)
    _check_heads(digests, walked, header, checkpoints, findings)
    times: dict[int, datetime] = {}
    seen.events += len(walked.digests)
    try:
        _compare(walked, digests, header.number, findings)
        for number, kind, event in walked.noted:
            if kind in READ:
                times[number] = _look(read_event(event), header.number, seen)
            else:
                times[number] = datetime.fromtimestamp(time_of(event), UTC)
        _check_end(walked, run, header.number, findings)
    except NotAnEvent as error:
        findings.add("history-unreadable", f"run {header.number}", str(error))
    for body in checkpoints:
        written = times.get(body.last_event)
        if written and moment(body.at) + CLOCKS_DIFFER < written:
            what = f"it is dated {body.at}, before the last event that it covers"
            findings.add("time-backdated", f"checkpoint {body.seq}", what)
    _note_late(times, firsts, header.number, findings)
    return last.head


def _first_after_a_pause(checkpoints: Sequence[Checkpoint]) -> dict[int, Checkpoint]:
    """The first event of each segment that may have waited long, with the checkpoint over it."""
    before, firsts = datetime.min.replace(tzinfo=UTC), dict[int, Checkpoint]()
    for body in checkpoints:
        at = moment(body.at)
        if body.segment and at > before + SOON:
            firsts[body.segment.first_event] = body
        before = at
    return firsts


def _note_late(
    times: Mapping[int, datetime], firsts: Mapping[int, Checkpoint], run: int, findings: Findings
) -> None:
    """Say how long the longest wait for a seal was: that long an event could be edited unseen."""
    waits = [
        (moment(body.at) - times[first], first, body)
        for first, body in firsts.items()
        if first in times and moment(body.at) > times[first] + SOON
    ]
    if waits:
        wait, first, body = max(waits, key=lambda one: one[0])
        more = f"; {counted(len(waits) - 1, 'more wait', 'more waits')} of its kind" * (
            len(waits) > 1
        )
        findings.notes.append(
            f"event {first} of run {run} was sealed {in_short(wait.total_seconds())} after it "
            f"happened, by checkpoint {body.seq}: until then whoever had Temporal could edit it"
            f"{more}"
        )


def _listed(listed: memoryview, walked: Walked) -> list[bytes]:
    """The digests that are listed, one by one: those of the events themselves if they are."""
    found = walked.digests
    if len(listed) == 32 * len(found) and all(
        b"".join(found[at : at + _SOME]) == bytes(listed[32 * at : 32 * (at + _SOME)])
        for at in range(0, len(found), _SOME)
    ):
        return found
    whole = bytes(listed)
    return [whole[at : at + 32] for at in range(0, len(whole) - 31, 32)]


def _check_heads(
    listed: Sequence[bytes],
    walked: Walked,
    header: RunHeader,
    checkpoints: Sequence[Checkpoint],
    findings: Findings,
) -> None:
    """The list of digests is authentic if its chain ends in the signed heads."""
    raw, at = walked.heads[0], 0
    known = walked.heads if listed is walked.digests else {}  # of others the chain is not known
    for body in checkpoints:
        upto = min(body.last_event, len(listed))
        if upto < at:
            known = {}  # nor is it where they go back
        if upto in known:
            raw = known[upto]
        else:
            for digest in listed[at:upto]:
                raw = sha256(raw + digest).digest()
        if f"sha256:{raw.hex()}" != body.head or upto != body.last_event:
            where = f"run {header.number}, events {at + 1} to {body.last_event}"
            what = f"they are not what checkpoint {body.seq} sealed"
            findings.add("history-chain", where, what)
            return
        if body.segment and body.segment.first_event != at + 1:
            findings.add(
                "history-chain", f"checkpoint {body.seq}", "its events are not the next ones"
            )
        at = upto


def _compare(
    walked: Walked, listed: Sequence[bytes], number_of_run: int, findings: Findings
) -> None:
    """Compare the digest of each event with the one that is listed."""
    if walked.digests is listed:
        return
    for number, (digest, said) in enumerate(zip_longest(walked.digests, listed), 1):
        if digest is not None and digest != said:
            what = "its bytes are not those that were sealed"
            findings.add("history-event", f"run {number_of_run}, event {number}", what)


def _check_end(walked: Walked, run: Run, number_of_run: int, findings: Findings) -> None:
    """Tell why the walk ended before the run did, if it did."""
    expected = len(walked.digests) + 1
    if walked.cut:
        findings.add("history-cut", f"{run.folder}.events", "the last event is cut off")
    elif walked.stopped is not None:
        found, _ = id_and_type(walked.stopped)
        code, what = _misplaced(found, expected)
        findings.add(code, f"run {number_of_run}, event {expected}", what)
    elif expected <= run.events:
        what = f"the history ends before event {expected}"
        findings.add("history-cut", f"run {number_of_run}, event {expected}", what)


def _misplaced(found: int, expected: int) -> tuple[str, str]:
    if found == expected - 1:
        return "history-doubled", f"event {found} is there twice"
    if found == expected + 1:
        return "history-dropped", f"event {expected} is missing or comes later"
    return "history-reordered", f"event {found} stands in the place of event {expected}"


def _look(event: Event, run: int, seen: Seen) -> datetime:
    """Keep what the record asks about; return the event's time."""
    at = datetime.fromtimestamp(event.seconds, UTC)
    if event.type == EventType.STARTED and value_of(seen.input) is None and run == 1:
        seen.input = next(iter(event.texts(INPUT)), None)
    elif event.type == EventType.SIGNALED:
        said = next(iter(event.texts(SIGNAL_INPUT)), None)
        seen.signals.append(Signal(event.text(1), event.id, run, at, said))
    elif event.type == EventType.COMPLETED:
        seen.outcome = next(iter(event.texts(RESULT)), None)
    return at
