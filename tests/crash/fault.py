"""A fault waits in a file: at which act, before or after it, and what then happens to the worker.

Whoever comes to that act takes the file away first, so a fault strikes once, however many workers
there are and however often they try the act.
"""

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

ANY = "*"
"""For an act whose key nobody can know before: the next of its port."""
_KEY_ID = re.compile(r"akia[0-9a-z]{12,20}", re.IGNORECASE)


def in_every_incident(text: str) -> str:
    """*text* without what a cloud makes anew each time: the ids of its keys."""
    return _KEY_ID.sub("KEY", text)


class When(StrEnum):
    """On which side of an act."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, order=True)
class Act:
    """One effectful act of a playbook: its port, and its idempotency key without the incident."""

    port: str
    key: str

    @classmethod
    def of(cls, port: str, key: str, incident: str, run: str) -> Self:
        """The act of a request that an engine addressed."""
        own = key.removeprefix(f"{incident}/").removeprefix(f"{run}/")
        return cls(port, in_every_incident(own))

    def __str__(self) -> str:
        """The port, and what tells two uses of it apart."""
        detail = self.key.removesuffix("/1")
        return f"{self.port} ({detail})"


@dataclass(frozen=True)
class Point:
    """Before or after one act."""

    act: Act
    when: When

    def __str__(self) -> str:
        return f"{self.when} {self.act}"


class Trap:
    """The file that holds a fault, and what became of it. Shared by test and workers.

    An incident may have several, told apart by their *number*.
    """

    def __init__(self, folder: Path, number: int = 0) -> None:
        self._armed = folder / f"armed-{number}.json"
        self._sprung = folder / f"sprung-{number}.json"
        self._go_on = folder / f"go-on-{number}"

    @classmethod
    def armed_in(cls, folder: Path) -> "list[Trap]":
        """Those that nobody has come to yet."""
        armed = sorted(folder.glob("armed-*.json"))
        return [cls(folder, int(file.stem.rpartition("-")[2])) for file in armed]

    def arm(self, point: Point, *, kill: bool) -> None:
        """Set it: the worker that comes to *point* dies, or waits for ``let_go``."""
        self.clear()
        part = self._armed.with_suffix(".part")
        part.write_text(json.dumps({**asdict(point), "kill": kill}), encoding="utf-8")
        part.replace(self._armed)

    def clear(self) -> None:
        """Forget this one."""
        for file in (self._armed, self._sprung, self._go_on):
            file.unlink(missing_ok=True)

    def let_go(self) -> None:
        """Have the worker that waits go on."""
        self._go_on.touch()

    @property
    def sprung(self) -> bool:
        """Whether somebody came to the point."""
        return self._sprung.exists()

    @property
    def may_go_on(self) -> bool:
        """Whether the test lets the worker go on."""
        return self._go_on.exists()

    def spring(self, act: Act, when: When) -> bool | None:
        """Take the fault if it is this one's: True to die, False to wait, None to go on."""
        try:
            armed: dict[str, Any] = json.loads(self._armed.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        wanted = armed["act"]
        if wanted["port"] != act.port or wanted["key"] not in (ANY, act.key):
            return None
        if armed["when"] != when:
            return None
        try:
            self._armed.rename(self._sprung)
        except FileNotFoundError:  # another worker was faster
            return None
        return bool(armed["kill"])
