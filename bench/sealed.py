"""``python -m bench.sealed``: how fast a pack verifies, beside bare SHA-256 and Ed25519 on its bytes.

The floor hashes the same events into the same chain, hashes every member, and checks the same
signatures, with all of it read and taken apart before the clock starts; it compares one head at the
end and says yes or no. It knows no form, no journal, no decision, no register. Writes ``bench/SEALED.md``; ``--smoke`` goes through it once and writes
nothing.
"""

import gzip
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Final

from temporalio.client import WorkflowHistory

from hemostat.audit.keys import with_key
from hemostat.audit.pack.export import export
from hemostat.audit.pack.reader import Pack
from hemostat.audit.register import Register
from hemostat.audit.sealing import Sealing
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.verify.pack import verify_pack
from hemostat.vault import Vault
from schemas.audit.chain import Link, head_of_header
from schemas.audit.checkpoint import Outcome, Why
from schemas.audit.signing import SigningKey, signature_holds
from schemas.audit.trust import Trust

RESULTS: Final = Path(__file__).parent / "SEALED.md"
_HISTORY: Final = "tests/replay/histories/feedback-poisoning/resolved/01.json.gz"
_BETWEEN: Final = 40
"""Events from one checkpoint to the next."""
_AIM: Final = 0.8


@dataclass(frozen=True)
class Row:
    """One size of pack."""

    events: int
    size: int
    ours: float
    floor: float

    @property
    def ratio(self) -> float:
        """Our speed as a share of the floor's."""
        return self.floor / self.ours


def events(count: int) -> Iterator[bytes]:
    """Real events of a recorded incident, over and over, numbered anew."""
    text = gzip.decompress((Path(__file__).parents[1] / _HISTORY).read_bytes())
    read = WorkflowHistory.from_json("bench", json.loads(text)).events
    body = [event for event in read if event.event_type not in (1, 2)]
    for number, event in enumerate(islice(chain(read[:1], cycle(body)), count), 1):
        event.event_id = number
        yield event.SerializeToString(deterministic=True)


def make(folder: Path, count: int, key: SigningKey, trust: Trust) -> Path:
    """A closed, sealed pack of *count* events."""
    store, incident = FolderStore(folder / "store"), f"bench-{count}"
    register = Register(store, key)
    opened = datetime.now(UTC)
    register.enter_opened(incident, "r", playbook="bench", drill=True, opened_at=opened)
    sealing = Sealing(store, key, incident, "r")
    sealing.begin_run("r", Link.START)
    taken = events(count)
    while batch := list(islice(taken, _BETWEEN)):
        sealing.take(batch)
        sealing.checkpoint(Why.GATE)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.COMPLETED)
    register.enter_closed(sealing)
    pack = folder / f"{incident}.zip"
    export(store, Vault(folder / "vault"), incident, pack)
    assert verify_pack(pack, trust).held, verify_pack(pack, trust).findings
    return pack


@dataclass(frozen=True)
class Bare:
    """What the floor works on: everything taken apart before, so that it only hashes and checks."""

    public: bytes
    signed: list[tuple[bytes, bytes]]
    events: memoryview
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
            signed=[(h.signature, h.signed) for h in held],
            events=pack.content("histories/01.events"),
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
        for member in self.members:
            sha256(member).digest()
        return f"sha256:{raw.hex()}" == self.head


def timed(work: Callable[[], object], rounds: int) -> float:
    """The median of the seconds that *work* takes."""
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def one(path: str, trust: bytes) -> tuple[int, int]:
    """Verify one pack in a process of its own kind; its events, and the process's peak in KiB."""
    verdict = verify_pack(Path(path), Trust.model_validate_json(trust))
    assert verdict.held
    return verdict.events, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def many(pack: Path, trust: Trust, count: int) -> tuple[float, int]:
    """Verify *count* packs on all processors; the seconds, and the largest peak in MiB."""
    told = trust.model_dump_json().encode()
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        peaks = [
            peak for _, peak in pool.map(one, [str(pack)] * count, [told] * count, chunksize=50)
        ]
    return time.perf_counter() - began, max(peaks) // 1024


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    smoke = "--smoke" in arguments
    sizes, rounds, packs = ((400,), 1, 20) if smoke else ((400, 5_000, 50_000), 7, 10_000)
    key = SigningKey.make()
    trust = with_key(None, key, datetime.now(UTC) - timedelta(days=1))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sizes:
            pack = make(Path(folder), count, key, trust)
            bare = Bare.of(pack, trust)
            assert bare.holds()
            ours = timed(partial(verify_pack, pack, trust), rounds)
            floor = timed(bare.holds, rounds)
            rows.append(Row(count, pack.stat().st_size, ours, floor))
        seconds, peak = many(Path(folder) / f"bench-{sizes[0]}.zip", trust, packs)
    text = report(rows, packs, sizes[0], seconds, peak)
    print(text)
    if not smoke:
        RESULTS.write_text(text)
    return 0


def report(rows: list[Row], packs: int, of: int, seconds: float, peak: int) -> str:
    """The page."""
    lines = [
        "# How fast a pack verifies",
        "",
        "Made by `python -m bench.sealed`. Beside it the floor: bare SHA-256 and Ed25519 over the same",
        f"bytes, reading the same file. A checkpoint every {_BETWEEN} events. The aim is ≥ {_AIM}x.",
        "",
        "| events | MB | events/s | MB/s | floor events/s | of the floor |",
        "|-|-|-|-|-|-|",
        *(
            f"| {r.events:,} | {r.size / 1e6:.1f} | {r.events / r.ours:,.0f} | {r.size / r.ours / 1e6:.0f} "
            f"| {r.events / r.floor:,.0f} | {r.ratio:.2f}x{'' if r.ratio >= _AIM else ' (missed)'} |"
            for r in rows
        ),
        "",
        (
            f"{packs:,} packs of {of} events on {os.cpu_count()} processors: {seconds:.1f} s, "
            f"{packs / seconds:,.0f} packs/s, at most {peak} MiB in a process."
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
