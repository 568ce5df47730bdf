"""Cleans up after a range, however the range ended.

    python -S janitor.py STATE_FOLDER    (stdin: a pipe that the range holds open)

Law: does nothing until its stdin ends, which the kernel sees to even when the range is killed.
Then it ends the processes that carry this range's mark in their environment, no others, and
removes the state folder. Standard library only; in a session of its own, so that no Ctrl-C and no
closing terminal reaches it.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "HEMOSTAT_RANGE"
"""Every process of a range has this environment variable; its value is the state folder."""

_PROC: Final = Path("/proc")
_TRIES: Final = 200


def marked(state: str) -> list[int]:
    """The processes of the range whose state folder is ``state``. Empty without ``/proc``."""
    wanted = f"{MARK}={state}".encode()
    found = []
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def clean(state: Path) -> None:
    """End what is left of the range and remove its folder."""
    for _ in range(_TRIES):
        left = marked(str(state))
        if not left:
            break
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    clean(Path(sys.argv[1]))
