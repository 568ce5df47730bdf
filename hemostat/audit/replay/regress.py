"""Every past incident against the code of today, in parallel: the gate before a version ships.

Each incident is replayed in one of several processes; one that cannot be read counts as not held
and stops nobody. Only a few are under way at once, so memory does not grow with how many there are.
"""

import asyncio
import atexit
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from hemostat.audit.replay.sources import incident_in
from hemostat.audit.replay.strict import RunReplay
from hemostat.audit.replay.today import replay_today
from hemostat.processes import die_with_parent
from schemas.errors import HemostatError

_AHEAD: Final = 4
"""How many incidents wait for each process."""


@dataclass(frozen=True)
class Regressed:
    """What came of one past incident; ``error`` says why it could not be replayed."""

    name: str
    runs: tuple[RunReplay, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether it was replayed and parts nowhere."""
        return not self.error and all(run.held for run in self.runs)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "held": self.held,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "runs": [run.document() for run in self.runs],
        }


def regress(paths: Sequence[Path], root: Path, processes: int | None = None) -> Iterator[Regressed]:
    """Yield what came of each of *paths*, as it is done; names are relative to *root*."""
    wanted = min(processes or os.cpu_count() or 1, len(paths))
    if wanted <= 1:
        yield from (one(path, root) for path in paths)
        return
    with ProcessPoolExecutor(wanted, get_context("spawn"), _begin) as pool:
        futures = (pool.submit(one, path, root) for path in paths)
        waiting = set(islice(futures, wanted * _AHEAD))
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            waiting |= set(islice(futures, len(done)))
            yield from (future.result() for future in done)


def one(path: Path, root: Path) -> Regressed:
    """Replay one past incident; never raises for what is wrong with it."""
    name, began = str(path.relative_to(root)), time.monotonic()
    try:
        runs = asyncio.run(replay_today(incident_in(path), counterfactual=True))
    except HemostatError as error:
        return Regressed(name, error=str(error), seconds=time.monotonic() - began)
    lean = tuple(run.without_journal() for run in runs)
    return Regressed(name, lean, seconds=time.monotonic() - began)


def _begin() -> None:
    die_with_parent()
    atexit.register(os._exit, 0)  # Temporal's core may abort an interpreter that ends in order
