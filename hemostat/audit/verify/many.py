"""Verifies many packs on all processors, in their order, holding no more than a few at once.

What is in memory does not grow with how many there are: the answers are given one by one, and
only so many packs are under way as keep the processors busy.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from hemostat.audit.verify.findings import Verdict
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.trust import Trust
from schemas.errors import BadInput

ENDING: Final = ".zip"
FEW: Final = 40
"""So many are verified before other processes have begun."""
_TOGETHER: Final = 16
"""How many packs a process is given at a time."""
_AHEAD: Final = 4
"""How many such parts wait for each process."""


def packs_in(paths: Sequence[Path]) -> list[Path]:
    """Return *paths*, each folder as the packs below it, sorted; ``BadInput`` if it has none."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(file for file in path.rglob(f"*{ENDING}") if file.is_file())
        if not below:
            raise BadInput(
                "there is no pack below this folder",
                where=str(path),
                next_step="`hemostat audit export INCIDENT -o PACK` makes a pack.",
            )
        found += below
    return found


def verify_many(
    packs: Sequence[Path], trust: Trust, processes: int | None = None
) -> Iterator[Verdict]:
    """Yield the verdict on each of *packs*, in order; *processes* defaults to the processors."""
    wanted = min(processes or os.cpu_count() or 1, len(packs) // FEW + 1)
    if wanted <= 1:
        yield from _verify(packs, trust)
        return
    # Loaded here, since who verifies one pack does not want to wait for them.
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - as said above
    from multiprocessing import get_context  # noqa: PLC0415 - as said above

    from hemostat.processes import die_with_parent  # noqa: PLC0415 - as said above

    with ProcessPoolExecutor(wanted, get_context("spawn"), die_with_parent) as pool:
        parts = (packs[at : at + _TOGETHER] for at in range(0, len(packs), _TOGETHER))
        futures = (pool.submit(_verified, part, trust) for part in parts)
        waiting = deque(islice(futures, wanted * _AHEAD))
        while waiting:
            verdicts = waiting.popleft().result()
            waiting.extend(islice(futures, 1))
            yield from verdicts


def _verify(packs: Sequence[Path], trust: Trust) -> Iterator[Verdict]:
    return (verify_pack(pack, trust) for pack in packs)


def _verified(packs: Sequence[Path], trust: Trust) -> list[Verdict]:
    return list(_verify(packs, trust))
