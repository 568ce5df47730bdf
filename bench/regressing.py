"""What ``hemostat audit regress`` takes for many packs: a part of ``bench/REPLAY.md``.

The packs are sealed from recorded incidents of ``tests/replay``, with the journals that they wrote,
and each folder holds links to them in turns. The command is a user's: its own processes, on all
processors. How many it is asked for grows, so that memory that grows with them would show.
"""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.sealed import Many, make, ran, whole
from hemostat.audit.keys import with_key
from schemas.audit.signing import SigningKey

COUNTS: Final = (20, 100, 500)
_RECORDED: Final = (
    "adversarial-evasion/evasion_false_alarm",
    "feedback-poisoning/by_people_who_prove_it",
    "feedback-poisoning/nobody_answers",
    "feedback-poisoning/resolved",
    "triage/closed",
)
"""Of one run each; whatever they sent or sealed need not be in a vault to make a pack of them."""


def page(*, smoke: bool) -> str:
    """Measure, and return what the page says of it."""
    with tempfile.TemporaryDirectory() as made:
        packs, events = _sealed(Path(made))
        rows = [ran("regress", Path(made), packs, n) for n in ((5,) if smoke else COUNTS)]
    each = sum(events) / len(events)
    return f"""## Many packs

`hemostat audit regress FOLDER` on all processors: {len(packs)} recorded incidents of three playbooks, sealed into packs of {each:,.0f} events in the mean, linked in turns. Each is read from its pack, replayed strictly, compared with its journal and with all it asked for. Seconds are those of the clock on the wall, whatever else the machine did; those of the processors are its own, with the start of its processes.

| packs | seconds | packs/s | processor seconds | events a processor second | peak MiB of a process |
|-|-|-|-|-|-|
{"".join(_line(row, each) for row in rows)}"""


def _line(row: Many, each: float) -> str:
    return (
        f"| {row.packs:,} | {row.seconds:.1f} | {row.packs / row.seconds:.1f} "
        f"| {row.processor:.1f} | {row.packs * each / row.processor:,.0f} | {row.peak} |\n"
    )


def _sealed(folder: Path) -> tuple[list[Path], list[int]]:
    """The packs, and how many events each has."""
    key, packs, events = SigningKey.make(), [], []
    trust = with_key(None, key, datetime.now(UTC) - timedelta(days=1))
    for number, name in enumerate(_RECORDED):
        record = asyncio.run(whole(f"tests/replay/histories/{name}/01.json.gz"))
        place = folder / str(number)
        place.mkdir()
        packs.append(make(place, record, key, trust))
        events.append(len(record.events))
    return packs, events
