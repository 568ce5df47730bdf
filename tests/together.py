"""``python -m tests.together``: every test, in two pytest processes side by side.

The crash matrices mostly wait (for heartbeats to be missed, for servers to come back), so they run
beside everything else, with lower priority; what asks no server follows them there, so that both
are over at about the same time. Whatever is not named here runs in the other process, so no test is
left out, and each tells its slowest. The output of the one is shown while it runs, that of the
other after it. The last line is one closing line for both, in pytest's form; the exit status is
not 0 if either's is not.
"""

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hemostat.processes import ChildProcess

TESTS: Final = Path(__file__).parent
ROOT: Final = TESTS.parent
BESIDE: Final = ("crash", "adapters", "architecture", "docs", "unit")
"""What runs beside the rest, in this order."""
LAST: Final = ("workflows", "real")
"""What looks at how quick something is comes when the crash matrices are nearly over."""
LOGS: Final = ROOT / "var" / "tests"

_CLOSING: Final = re.compile(r"^=+ (?P<counts>.+) in [0-9.]+s(?: \([0-9:]+\))? =+$")
_COUNT: Final = re.compile(r"(\d+) ([a-z]+)")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_ORDER: Final = (
    "failed",
    "passed",
    "skipped",
    "deselected",
    "xfailed",
    "xpassed",
    "warning",
    "error",
)
_WIDTH: Final = 80


async def run() -> int:
    """Run both, show both, and close."""
    began = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    async with (
        await _pytest("beside", BESIDE, nice=3) as beside,
        await _pytest("rest", rest(TESTS)) as others,
    ):
        await _shown(others)
        _say("\n" + f" beside it: {', '.join(BESIDE)} ".center(_WIDTH, "="))
        await _shown(beside)
        statuses = [await others.wait(), await beside.wait()]
    counted = counts([child.log.read_text(errors="replace") for child in (others, beside)])
    _say(closing(counted, time.monotonic() - began))
    return next((status for status in statuses if status), 1 if counted["error"] else 0)


def rest(tests: Path) -> list[str]:
    """Whatever in that folder is not named above, and what comes last, in order."""
    named = {*BESIDE, *LAST}
    found = (p.name for p in tests.iterdir() if p.is_dir() or p.name.startswith("test_"))
    return [*sorted(name for name in found if name not in named and name[0] not in "._"), *LAST]


async def _pytest(name: str, parts: Sequence[str], *, nice: int = 0) -> ChildProcess:
    log = LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    colour = "yes" if sys.stdout.isatty() else "no"
    command = [sys.executable, "-m", "pytest", f"--color={colour}", "--durations=25"]
    command += [f"tests/{part}" for part in parts]
    # Each has a cache of its own: what failed last is written at the end, whole.
    command += ["-o", f"cache_dir=.pytest_cache/{name}"]
    return await ChildProcess.start(
        name, ["nice", "-n", str(nice), *command], log=log, env={"PYTHONUNBUFFERED": "1"}, cwd=ROOT
    )


async def _shown(child: ChildProcess) -> None:
    """Copy its output as it comes, to its end."""
    with child.log.open("rb") as log:
        while True:
            running = child.running  # asked before reading: nothing comes after the end
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if not running:
                return
            await asyncio.sleep(0.2)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def counts(outputs: Sequence[str]) -> Counter[str]:
    """Add up the closing lines; an output without one is an error of its own."""
    total: Counter[str] = Counter()
    for output in outputs:
        lines = [_COLOURS.sub("", line) for line in output.rstrip().splitlines()[-1:]]
        found = _CLOSING.match(lines[0]) if lines else None
        if found is None:
            total["error"] += 1
            continue
        for number, what in _COUNT.findall(found["counts"]):
            total[what if what == "passed" else what.removesuffix("s")] += int(number)
    return total


def closing(counted: Counter[str], seconds: float) -> str:
    """One line as pytest ends with."""
    told = [
        f"{counted[what]} {what}{'s' if what in {'warning', 'error'} and counted[what] > 1 else ''}"
        for what in _ORDER
        if counted[what]
    ]
    whole = int(seconds)
    took = f"{seconds:.2f}s ({whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02})"
    return f" {', '.join(told) or 'no tests ran'} in {took} ".center(_WIDTH, "=")


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
