"""A child process never outlives its parent, and never fails in silence.

Law: whoever starts a :class:`ChildProcess` owns it. The kernel ends the child when the parent is
gone, however it went (``PR_SET_PDEATHSIG``, Linux); ``stop`` and ``kill`` signal only what was
started here, by its pid. Output goes to a log file, whose tail is part of every error.

The kernel's promise is bound to the *thread* that spawned the child, not to the process
(prctl(2)). Start children from a thread that lives as long as they should: the event loop's own,
never an executor's.
"""

import asyncio
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from schemas.errors import HemostatError

LOOPBACK: Final = "127.0.0.1"
_PR_SET_PDEATHSIG: Final = 1
_POLL_SECONDS: Final = 0.02
_TAIL_BYTES: Final = 4096

# Below every common ephemeral range (Linux 32768+, IANA 49152+). A port from inside it can be
# taken by an outgoing connection between choosing and binding, and a client that retries a dead
# loopback server can even connect to itself and so keep the server from coming back.
_PORTS: Final[Sequence[int]] = range(20_000, 32_000)

# Loaded before any fork: the child must not import or allocate between fork and exec.
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_NEEDED: Final = (
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ",
    "USER", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
)  # fmt: skip
_NEEDED_FAMILIES: Final = ("LC_", "PYTHON", "XDG_")


def what_strangers_need() -> dict[str, str]:
    """Return of our environment where things are and how people write, and nothing else."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NEEDED or name.startswith(_NEEDED_FAMILIES)
    }


class ChildFailed(HemostatError):
    """A child process exited, or was not ready by its deadline.

    ``str(error)`` names the log; ``tail`` is its end, another program's text, so escape it to show
    it. A traceback shows it as a note.
    """

    def __init__(self, name: str, what: str, log: Path, tail: str) -> None:
        super().__init__(what, where=name, next_step=f"read {log}")
        self.log = log
        self.tail = tail
        self.add_note(f"The end of {log}:\n{tail or '(no output)'}")


class ChildExited(ChildFailed):
    """A child process ended before it was ready."""


class ChildNotReady(ChildFailed):
    """A child process runs, but was not ready by its deadline."""


class ChildProcess:
    """One running child. Use as an async context manager, or call ``stop`` yourself."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path, group: bool) -> None:
        self.name = name
        self.log = log
        self._popen = popen
        self._group = group

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        own_group: bool = True,
        pass_fds: Sequence[int] = (),
        stranger: bool = False,
    ) -> Self:
        """Spawn ``argv`` with stdout and stderr appended to ``log`` and nothing on stdin.

        ``env`` is laid over this process's environment. With ``own_group`` the child leads a
        process group: a Ctrl-C at the terminal reaches only us, and ``stop`` and ``kill`` also
        reach what the child itself started. ``pass_fds`` stay open in the child, so that a lock
        on one of them lasts as long as the child. A *stranger*, another's program or one that is
        attacked, is given of our environment what every program needs: no secret that
        ``hemostat.toml`` names is in it. Raises ``OSError`` if it cannot be executed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: ASYNC220 - blocks for the exec only; bound to no loop
                [os.fspath(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**(what_strangers_need() if stranger else os.environ), **(env or {})},
                cwd=cwd,
                pass_fds=pass_fds,
                process_group=0 if own_group else None,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - one syscall, nothing to deadlock
            )
        return cls(name, popen, log, own_group)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, or None while the child runs."""
        if self._popen.returncode is None and self._ended():
            # Not reaped yet, its pid is still its own: what is left of a group that it led can
            # be swept without the risk of hitting a stranger.
            self._signal(signal.SIGKILL)
        return self._popen.poll()

    @property
    def running(self) -> bool:
        """Whether the child has not ended yet."""
        return self.returncode is None

    def log_tail(self) -> str:
        """The last lines of the log, at most 4 KiB. Text of another program: escape it to show."""
        with suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip()
        return ""

    async def wait_ready(
        self, check: Callable[[], Awaitable[bool]], deadline: timedelta = timedelta(seconds=30)
    ) -> None:
        """Return as soon as ``check`` answers true; an exception from it means "not yet".

        Raises :class:`ChildExited` when the child ends first and :class:`ChildNotReady` at the
        deadline, chained to what ``check`` last raised. The child is left running then.
        """
        last: Exception | None = None
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                while self.running:
                    try:
                        if await check() and self.running:  # not a stranger that has its port
                            return
                    except Exception as error:  # noqa: BLE001 - any failure is "not yet"; the last one is reported
                        last = error
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            what = f"was not ready within {deadline.total_seconds():g} s"
            raise ChildNotReady(self.name, what, self.log, self.log_tail()) from last
        what = f"exited with status {self.returncode} before it was ready"
        raise ChildExited(self.name, what, self.log, self.log_tail()) from last

    async def wait(self) -> int:
        """Wait until the child ends; its exit status."""
        while (status := self.returncode) is None:
            await asyncio.sleep(_POLL_SECONDS)
        return status

    async def stop(self, grace: timedelta = timedelta(seconds=10)) -> int:
        """SIGTERM, ``grace`` to end in order, then SIGKILL; the exit status. Idempotent."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                return await self.wait()
        except TimeoutError:
            return await self.kill()
        finally:
            self._signal(signal.SIGKILL)  # also when we were cancelled; nothing once it is reaped

    async def kill(self) -> int:
        """SIGKILL, and the exit status. Idempotent."""
        self._signal(signal.SIGKILL)
        return await self.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _ended(self) -> bool:
        """Whether the child, not reaped so far, has ended. Does not reap it."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def _signal(self, number: signal.Signals) -> None:
        if self._popen.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where all are zombies
            (os.killpg if self._group else os.kill)(self.pid, number)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback TCP port right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # As servers do: a port whose last connections are still winding down is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback TCP port that nobody listens on right now."""
    return free_ports(1)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """``count`` different loopback TCP ports that nobody listens on right now."""
    held: list[socket.socket] = []
    try:
        for port in random.sample(_PORTS, k=len(_PORTS)):
            if len(held) == count:
                break
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                listener.close()
            else:
                held.append(listener)
        if len(held) < count:
            raise OSError(f"no {count} free ports on {LOOPBACK}")
        return tuple(listener.getsockname()[1] for listener in held)
    finally:
        for listener in held:
            listener.close()


def _die_with(parent: int) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def ask_for_sigterm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return ask_for_sigterm


def die_with_parent() -> None:
    """Have this process ended when the one that started it is gone; for pools of processes."""
    if (ask := _die_with(os.getppid())) is not None:
        ask()
