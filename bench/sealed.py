"""``python -m bench.sealed``: how fast a pack verifies, beside bare SHA-256 and Ed25519 on its bytes.

The floor hashes the same events into the same chain, hashes every member, and checks the same
signatures, people's own included, with all of it read and taken apart before the clock starts; it
compares one head at the end and says yes or no. It knows no form, no journal, no decision, no
register. The clock is the processor's, in turns, so that what else the machine does counts little.
Writes ``bench/SEALED.md``; ``--smoke`` goes through it once and writes nothing.
"""

import asyncio
import gzip
import hashlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHistory

from hemostat.audit.keys import with_key
from hemostat.audit.pack.export import export
from hemostat.audit.pack.reader import Pack
from hemostat.audit.register import Register
from hemostat.audit.replay.strict import history_of, replay
from hemostat.audit.sealing import Sealing
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.verify.pack import verify_pack
from hemostat.processes import die_with_parent
from hemostat.temporal import runtime
from hemostat.vault import Vault
from schemas.audit.chain import Link, head_of_header
from schemas.audit.checkpoint import JournalAt, Outcome, Why
from schemas.audit.signing import SigningKey, signature_holds
from schemas.audit.trust import Trust
from schemas.canonical import canonical_json
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

RESULTS: Final = Path(__file__).parent / "SEALED.md"
_RECORDED: Final = "tests/replay/histories/feedback-poisoning/resolved/01.json.gz"
_BETWEEN: Final = 40
"""Events from one checkpoint to the next."""
_AIM: Final = 0.8


@dataclass(frozen=True)
class Row:
    """One pack; times are seconds of the processor, the medians."""

    name: str
    events: int
    size: int
    ours: float
    floor: float

    @property
    def ratio(self) -> float:
        """Our speed as a share of the floor's."""
        return self.floor / self.ours


@dataclass(frozen=True)
class Record:
    """What a pack is made from."""

    name: str
    events: list[bytes]
    journal: list[bytes] = field(default_factory=list)
    incident: str = "bench"
    run: str = "r"
    opened: dict[str, Any] = field(default_factory=lambda: {"playbook": "bench", "drill": True})


def repeated(count: int) -> Record:
    """Real events of a recorded incident, over and over, numbered anew; no journal."""

    def events() -> Iterator[bytes]:
        read = _recorded().events
        body = [event for event in read if event.event_type not in (1, 2)]
        for number, event in enumerate(islice(chain(read[:1], cycle(body)), count), 1):
            event.event_id = number
            yield event.SerializeToString(deterministic=True)

    return Record("events alone", list(events()), incident=f"bench-{count}")


async def whole(recorded: str = _RECORDED) -> Record:
    """A recorded incident of one run with the journal that its replay writes."""
    playbooks, history = list(discover_playbooks().values()), _recorded(recorded)
    (run,) = [r async for r in replay([history], playbooks, sandbox(), runtime=runtime())]
    events = [event.SerializeToString(deterministic=True) for event in history.events]
    said = run.journal[0]["data"]
    return Record(
        "an incident with its journal",
        events,
        [canonical_json(dict(entry)) for entry in run.journal],
        said["incident"],
        said["run"],
        {"playbook": said["playbook"], "drill": said["drill"]},
    )


def _recorded(recorded: str = _RECORDED) -> WorkflowHistory:
    return history_of(gzip.decompress((Path(__file__).parents[1] / recorded).read_bytes()))


def make(folder: Path, record: Record, key: SigningKey, trust: Trust) -> Path:
    """A closed, sealed pack of *record*."""
    store = FolderStore(folder / "store")
    register = Register(store, key)
    incident, run = record.incident, record.run
    register.enter_opened(incident, run, opened_at=datetime.now(UTC), **record.opened)
    sealing = Sealing(store, key, incident, run)
    sealing.begin_run(run, Link.START)
    taken = iter(record.events)
    while batch := list(islice(taken, _BETWEEN)):
        sealing.take(batch)
        sealing.checkpoint(Why.GATE)
    lines, journal, sealed = b"".join(line + b"\n" for line in record.journal), None, {}
    if lines:
        head = json.loads(record.journal[-1])["digest"]
        journal = JournalAt(length=len(record.journal), head=head)
        sealed = {"journal.jsonl": sealing.keep(lines)}
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.COMPLETED, journal=journal, sealed=sealed)
    register.enter_closed(sealing)
    pack = folder / f"{incident}.zip"
    export(store, Vault(folder / "vault"), incident, pack)
    verdict = verify_pack(pack, trust)
    assert verdict.held, verdict.findings
    return pack


@dataclass(frozen=True)
class Bare:
    """What the floor works on: everything taken apart before, so that it only hashes and checks."""

    public: bytes
    signed: list[tuple[bytes, bytes]]
    events: memoryview
    journal: list[bytes]
    members: list[memoryview]
    start: bytes
    head: str

    @classmethod
    def of(cls, path: Path, trust: Trust) -> "Bare":
        """Take *path* apart."""
        pack = Pack.open(path)
        held = list(pack.checkpoints())
        return cls(
            public=trust.keys[0].raw,
            signed=[(h.signature, h.signed) for h in held]
            + [(h.signature, h.signed) for h in pack.register()],
            events=pack.content("histories/01.events"),
            journal=list(pack.lines("journal.jsonl")) if "journal.jsonl" in pack.names else [],
            members=[pack.content(name) for name in pack.names],
            start=bytes.fromhex(head_of_header(held[0].body.run)[7:]),
            head=held[-1].body.head,
        )

    def holds(self) -> bool:
        """The floor."""
        if not all(signature_holds(self.public, one, said) for one, said in self.signed):
            return False
        sha256, raw, events, at, end = hashlib.sha256, self.start, self.events, 0, len(self.events)
        while at < end:
            upto = at + 4 + int.from_bytes(events[at : at + 4], "big")
            raw = sha256(raw + sha256(events[at + 4 : upto]).digest()).digest()
            at = upto
        for line in self.journal:
            sha256(line).digest()
        for member in self.members:
            sha256(member).digest()
        return f"sha256:{raw.hex()}" == self.head


def measured(record: Record, pack: Path, trust: Trust, rounds: int) -> Row:
    """Verify and the floor, in turns."""
    bare = Bare.of(pack, trust)
    assert bare.holds()
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(rounds):
        ours.append(spent(partial(verify_pack, pack, trust)))
        floor.append(spent(bare.holds))
    size = pack.stat().st_size
    best = statistics.median(ours), statistics.median(floor)
    return Row(record.name, len(record.events), size, *best)


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor that *work* takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


@dataclass(frozen=True)
class Many:
    """What the command took for a folder of packs."""

    packs: int
    seconds: float
    processor: float
    peak: int
    """MiB of the largest of its processes, and of those of what was measured before."""


def many(folder: Path, pack: Path, trust: Trust, count: int) -> Many:
    """Verify *count* packs in a folder with the command, as a user would."""
    believed = folder / "trust.json"
    believed.write_bytes(canonical_json(trust))
    return ran("verify", folder, [pack], count, "--trust", str(believed))


def ran(name: str, folder: Path, sealed: Sequence[Path], count: int, *options: str) -> Many:
    """Run ``hemostat audit NAME`` for a folder of *count* links to *sealed*, in turns; all hold."""
    packs = folder / f"{count}-packs"
    packs.mkdir()
    for number, pack in enumerate(islice(cycle(sealed), count)):
        os.link(pack, packs / f"{number:05}.zip")
    command = [sys.executable, "-m", "hemostat", "audit", name, str(packs), *options]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(packs)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Many(count, seconds, processor, after.ru_maxrss // 1024)


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    smoke = "--smoke" in arguments
    sizes, rounds = ((400,), 1) if smoke else ((400, 5_000, 50_000), 15)
    counts = (1, 90) if smoke else (1, 1_000, 10_000)
    key = SigningKey.make()
    trust = with_key(None, key, datetime.now(UTC) - timedelta(days=1))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        records = [asyncio.run(whole()), *map(repeated, sizes)]
        packs = [make(folder, record, key, trust) for record in records]
        rows = [
            measured(record, pack, trust, rounds)
            for record, pack in zip(records, packs, strict=True)
        ]
        crowds = [many(folder, packs[0], trust, count) for count in counts]
    text = report(rows, crowds)
    print(text)
    if not smoke:
        RESULTS.write_text(text)
    return 0


def report(rows: list[Row], crowds: list[Many]) -> str:
    """The page."""
    lines = [
        "# How fast a pack verifies",
        "",
        (
            "Made by `python -m bench.sealed`. Beside it the floor: bare SHA-256 and Ed25519 over the "
            "same bytes, read and taken apart before. Processor time, medians, in turns, on one of "
            f"{os.cpu_count()} processors; Python {platform.python_version()}. A checkpoint every "
            f"{_BETWEEN} events. Members are stored, so nothing is inflated on either side."
        ),
        "",
        "| pack | events | MB | events/s | MB/s | floor events/s | of the floor | |",
        "|-|-|-|-|-|-|-|-|",
        *map(_line, rows),
        "",
        (
            "Folders of packs, with `hemostat audit verify FOLDER`, each the incident with its journal "
            "(the files are links to one, so this is not the disk's speed). Seconds are those of the "
            "clock on the wall, whatever else the machine did; those of the processor are its own:"
        ),
        "",
        "| packs | seconds | packs/s | processor seconds | packs each | peak MiB of a process |",
        "|-|-|-|-|-|-|",
        *(
            f"| {m.packs:,} | {m.seconds:.1f} | {m.packs / m.seconds:,.0f} | {m.processor:.1f} "
            f"| {m.packs / m.processor:,.0f} | {m.peak} |"
            for m in crowds
        ),
        "",
        (
            "What is missing to the floor is reading: the floor is given each event, line and body, and "
            "looks into none. Verifying reads every JSON text and compares it with its canonical form, "
            "checks each event's number and type, reads signals, decisions and the register, and "
            "compares what they say. Two thirds of the floor are Ed25519, which both sides check "
            "alike; walking a history and chaining it, in one pass, costs what the floor's loop costs. "
            "What remains is in a long history its checkpoints and signals; in a short one what any "
            "pack costs, its archive, manifest and register; and of an incident its journal, nearly "
            "half of what is missing: each line is read, written again to see that it is canonical, "
            "checked for its shape and chained, where the floor only hashes it."
        ),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    met = "met" if row.ratio >= _AIM else "**missed**"
    return (
        f"| {row.name} | {row.events:,} | {row.size / 1e6:.2f} | {row.events / row.ours:,.0f} "
        f"| {row.size / row.ours / 1e6:.0f} | {row.events / row.floor:,.0f} | {row.ratio:.2f}x "
        f"| {met} (aim ≥ {_AIM}x) |"
    )


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # Temporal's native threads may abort an interpreter that ends in order
