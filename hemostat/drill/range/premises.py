"""Where a range lives and what belongs to it: one folder, one mark, its processes, one janitor.

Law: nothing outlives the premises. Leaving them stops the processes in reverse order and lets the
janitor remove the rest; when this process is killed instead, the janitor does all of it.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hemostat.drill.range import janitor
from hemostat.processes import ChildExited, ChildProcess

_GRACE: Final = timedelta(seconds=5)
_ROOT: Final = Path(__file__).resolve().parents[3]
_PACKAGE: Final = "hemostat.drill.range"
_POLL_SECONDS: Final = 0.02


class Premises:
    """The folder, mark and processes of one range. Use as an async context manager."""

    def __init__(self) -> None:
        self._children: list[ChildProcess] = []

    async def __aenter__(self) -> Self:
        self.state = Path(tempfile.mkdtemp(prefix="hemostat-range-"))
        self._janitor = _hire_janitor(self.state)
        temporary = self.state / "tmp"
        temporary.mkdir()
        self.env = {
            janitor.MARK: str(self.state),
            "TMPDIR": str(temporary),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.getenv("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",  # many small models on few cores: threads only cost
            "OPENBLAS_NUM_THREADS": "1",
        }
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            async with asyncio.TaskGroup() as stopping:
                for child in reversed(self._children):
                    stopping.create_task(child.stop(_GRACE))
        finally:
            assert self._janitor.stdin is not None  # noqa: S101 - asked for as a pipe
            self._janitor.stdin.close()
            while self._janitor.poll() is None:
                await asyncio.sleep(_POLL_SECONDS)

    def own(self, child: ChildProcess) -> ChildProcess:
        """End ``child`` with the premises."""
        self._children.append(child)
        return child

    async def start(self, name: str, module: str, *arguments: str | Path) -> ChildProcess:
        """Start a module of the range as a process of the premises."""
        argv = [sys.executable, "-m", f"{_PACKAGE}.{module}", *arguments]
        log = self.state / "logs" / f"{name}.log"
        return self.own(
            await ChildProcess.start(
                name, argv, log=log, env=self.env, cwd=self.state, stranger=True
            )
        )

    def disown(self, child: ChildProcess) -> None:
        """Forget ``child``, which has ended."""
        self._children.remove(child)

    async def succeeded(self, child: ChildProcess, deadline: timedelta) -> None:
        """Wait for ``child`` to end well. Raises ``ChildExited`` otherwise, or ``TimeoutError``."""
        async with asyncio.timeout(deadline.total_seconds()):
            status = await child.wait()
        if status != 0:
            raise ChildExited(child.name, f"ended with {status}", child.log, child.log_tail())


class OnPremises(ABC):
    """What stands on premises of its own, up whole or not at all. An async context manager."""

    state: Path
    env: dict[str, str]

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._premises = await self._stack.enter_async_context(Premises())
            self.state, self.env = self._premises.state, self._premises.env
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @abstractmethod
    async def _start(self) -> None:
        """Start all of it; raise ``ChildFailed`` when something does not come up."""


def _hire_janitor(state: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-S", janitor.__file__, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
