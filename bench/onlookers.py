"""The watchers, from the load generator's side: their process, and what they heard against what happened."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bench.crowd import CLOSE, Crowd
from bench.stage import ROOT
from hemostat.processes import ChildProcess

_LISTENING_WITHIN: Final = timedelta(seconds=120)
_WRITTEN_WITHIN: Final = 60.0
_ASK_EVERY: Final = 0.5


@dataclass(frozen=True)
class Told:
    """Seconds from a decision's POST until each watcher heard of it, and what was not heard."""

    of_the_list: list[float]
    of_incidents: list[float]
    missed: int
    failed: list[str]


@dataclass
class Onlookers:
    """Their process."""

    process: ChildProcess
    pages: Sequence[str]
    heard: Path
    _failed: int = 0

    async def ended(
        self, decided: Mapping[str, tuple[float, str]], patience: float
    ) -> tuple[Told, list[float]]:
        """Wait until they heard all, at most *patience*; return what they heard, and their pages."""
        ends_at = time.monotonic() + patience
        while True:
            heard = await self._so_far()
            found = told(heard, decided, self.pages)
            if not found.missed or time.monotonic() > ends_at:
                break
            await asyncio.sleep(_ASK_EVERY)
        known, self._failed = self._failed, len(found.failed)
        found = replace(found, failed=found.failed[known:])  # what broke since the last time
        first = min((at for at, _ in decided.values()), default=0.0)
        renewed = [seconds for began, seconds in heard["pages"] if began >= first]
        return found, renewed

    async def _so_far(self) -> dict[str, Any]:
        self.heard.unlink(missing_ok=True)
        os.kill(self.process.pid, signal.SIGUSR1)
        async with asyncio.timeout(_WRITTEN_WITHIN):
            while not self.heard.exists():
                await asyncio.sleep(0.05)
        heard: dict[str, Any] = json.loads(self.heard.read_text())
        return heard


@asynccontextmanager
async def onlookers(
    people: Crowd, watched: Sequence[str], count: int, ramp: float
) -> AsyncIterator[Onlookers]:
    """Let *count* people watch, half of them the list and the others *watched*, in turns."""
    of_one = [f"/incidents/{watched[at % len(watched)]}" for at in range(count // 2)]
    pages = ["/incidents"] * (count - len(of_one)) + of_one
    folder = people.stage.folder
    given, heard, listening = (folder / f"watchers-{name}" for name in ("given", "heard", "listen"))
    asked = {"port": people.port, "tokens": list(people.tokens), "pages": pages, "ramp": ramp}
    given.write_text(json.dumps({**asked, "heard": str(heard), "listening": str(listening)}))
    async with await ChildProcess.start(
        "watchers",
        [sys.executable, "-m", "bench.watchers", str(given)],
        log=folder / "watchers.log",
        cwd=ROOT,
    ) as process:

        async def all_listen() -> bool:
            return listening.exists()

        await process.wait_ready(all_listen, _LISTENING_WITHIN)
        yield Onlookers(process, pages, heard)


def told(
    heard: dict[str, Any], decided: Mapping[str, tuple[float, str]], pages: Sequence[str]
) -> Told:
    """Set what each watcher heard against what happened; each change is to be heard by each."""
    texts = [text.get("incidents", ()) for text in heard["texts"]]
    first: dict[tuple[int, str], float] = {}
    for at, watcher, text in heard["told"]:
        for incident in texts[text]:
            known = decided.get(incident)
            if known is not None and at >= known[0]:
                first.setdefault((watcher, incident), at)
    by_list: list[float] = []
    by_incident: list[float] = []
    missed = 0
    for watcher, page in enumerate(pages):
        if page == "/incidents":
            expected = [one for one, (_, gate) in decided.items() if gate == CLOSE]
        else:
            expected = [one for one in (page.rpartition("/")[2],) if one in decided]
        for incident in expected:
            at = first.get((watcher, incident))
            if at is None:
                missed += 1
                continue
            (by_list if page == "/incidents" else by_incident).append(at - decided[incident][0])
    return Told(by_list, by_incident, missed, heard["failed"])
