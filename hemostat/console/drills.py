"""Drills started from the console: the command itself, as a child process, one at a time.

A drill runs in a world of its own with its own Temporal and none of our secrets, so nothing of it is among the incidents
here; what it says is kept as long as this process runs, and all of it is an EXERCISE.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hemostat.processes import ChildProcess
from schemas.errors import BadInput

_COMMAND: Final = (sys.executable, "-m", "hemostat", "drill")
_LINES: Final = 400
_KEPT: Final = 5
_LOOK_EVERY_SECONDS: Final = 0.3


@dataclass
class DrillRun:
    """One drill; ``status`` None while it runs, else what the command exited with."""

    id: int
    scenario: str
    by: str
    began: datetime
    status: int | None = None
    ended: datetime | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))


class Drills:
    """The drills of this process, newest first."""

    def __init__(
        self, scenarios: tuple[str, ...], folder: Path, command: Sequence[str] = _COMMAND
    ) -> None:
        self.scenarios = scenarios
        self._command = command
        self.runs: deque[DrillRun] = deque(maxlen=_KEPT)
        self._folder = folder
        self._started = 0
        self._changed = asyncio.Condition()
        self._following: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        """Whether a drill runs now."""
        return any(run.status is None for run in self.runs)

    async def start(self, scenario: str, by: str) -> DrillRun:
        """Start a drill; ``BadInput`` for a scenario there is not, or while another one runs."""
        if scenario not in self.scenarios:
            known = ", ".join(self.scenarios)
            raise BadInput("there is no such drill", next_step=f"choose one of: {known}.")
        if self.running:
            raise BadInput("a drill runs already", next_step="wait for its end.")
        self._started += 1
        run = DrillRun(self._started, scenario, by, datetime.now(UTC))
        self.runs.appendleft(run)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._folder / f"drill-{run.began:%Y%m%dT%H%M%S}.log"
        argv = [*self._command, scenario]
        try:
            child = await ChildProcess.start("hemostat drill", argv, log=log, stranger=True)
        except BaseException:
            self.runs.remove(run)
            raise
        task = asyncio.create_task(self._follow(run, child, log))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return run

    async def _follow(self, run: DrillRun, child: ChildProcess, log: Path) -> None:
        ending = asyncio.create_task(child.wait())
        read = 0
        while True:
            over = ending.done()
            text = log.read_bytes()[read:]
            whole = text if over else text[: text.rfind(b"\n") + 1]
            read += len(whole)
            run.lines.extend(whole.decode("utf-8", "replace").splitlines())
            if over:
                run.status, run.ended = ending.result(), datetime.now(UTC)
            if whole or over:
                async with self._changed:
                    self._changed.notify_all()
            if over:
                return
            await asyncio.wait({ending}, timeout=_LOOK_EVERY_SECONDS)

    async def changes(self) -> AsyncGenerator[None]:
        """Yield whenever a drill has said something."""
        while True:
            async with self._changed:
                await self._changed.wait()
            yield
