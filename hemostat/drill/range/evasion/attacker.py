"""The attacker: finds a sticker that blinds the model, and uploads explicit pictures with it.

    python -m hemostat.drill.range.evasion.attacker EDGE_URL STOLEN_MODEL REPORT_FILE

Law: it knows the public edge and a stolen copy of the model's weights, as after a leak (ATLAS
T0043.000, white box). The sticker is really sought, by masked gradient descent, and tried in every
place along the margin. It uploads from several accounts, whatever it is answered, reports what
it was answered, and stops only from outside.
"""

import argparse
import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import numpy as np

from hemostat.drill.range.moderation.images import Floats, encode, originals, pictures, places
from hemostat.drill.range.moderation.model import Model
from hemostat.drill.range.moderation.patch import Sticker, craft, success
from hemostat.drill.range.pacing import turns

_ACCOUNTS: Final = 8
_UPLOADS_PER_SECOND: Final = 9.0
_REPORT_SECONDS: Final = 0.5


@dataclass(frozen=True)
class EvasionReport:
    """What the attacker did and was answered. Times are ISO 8601 in UTC."""

    began_at: str
    success_offline: float
    """Share of its own explicit pictures that pass with the sticker, on the stolen model."""
    success_without: float
    """The same without the sticker."""
    uploaded: int
    answers: dict[str, int]
    """By decision, or by HTTP status where there was none."""
    last_safe_at: str | None
    accounts: list[str]
    series: list[tuple[str, int, int]]
    """Moment, passed as safe so far, uploaded so far: one point every half second."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The report that an attacker writes at *path*."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**found, "series": [tuple(point) for point in found["series"]]})


class Attack:
    """One running attack."""

    def __init__(self, edge_url: str, model: Model, seed: int) -> None:
        self._edge_url = edge_url
        self._dice = np.random.default_rng(seed)
        pool = originals("live")
        self._subjects = pool.subjects[pool.explicit]
        self._sticker, self._offline, self._without = best_sticker(model, self._subjects, seed)
        self._answers: Counter[str] = Counter()
        self._began = datetime.now(UTC).isoformat()
        self._last_safe: str | None = None
        self._series: list[tuple[str, int, int]] = []
        self._accounts = [f"guest-{seed}{n:03d}" for n in range(_ACCOUNTS)]

    async def run(self, report: Path) -> None:
        """Upload and report until cancelled."""
        async with (
            httpx2.AsyncClient(base_url=self._edge_url, trust_env=False, timeout=10) as http,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._report_to(report))
            number = 0
            async for _ in turns(_UPLOADS_PER_SECOND):
                number += 1
                account = self._accounts[number % len(self._accounts)]
                tasks.create_task(self._upload(http, self._picture(), account))

    def _picture(self) -> bytes:
        subject = self._subjects[self._dice.integers(len(self._subjects))][None]
        rows: Floats = pictures(subject, int(self._dice.integers(1 << 30)))
        return encode(self._sticker.on(rows)[0])

    async def _upload(self, http: httpx2.AsyncClient, content: bytes, account: str) -> None:
        answered = "no answer"
        with suppress(httpx2.HTTPError, ValueError, KeyError):
            answer = await http.post(
                "/v1/moderate", content=content, headers={"x-account": account}
            )
            ok = answer.status_code == 200
            answered = str(answer.json()["decision"] if ok else answer.status_code)
        self._answers[answered] += 1
        if answered == "safe":
            self._last_safe = datetime.now(UTC).isoformat()

    async def _report_to(self, path: Path) -> None:
        async for _ in turns(1 / _REPORT_SECONDS):
            moment = datetime.now(UTC).isoformat()
            self._series.append((moment, self._answers["safe"], self._answers.total()))
            report = EvasionReport(
                began_at=self._began,
                success_offline=self._offline,
                success_without=self._without,
                uploaded=self._answers.total(),
                answers=dict(self._answers),
                last_safe_at=self._last_safe,
                accounts=list(self._accounts),
                series=self._series,
            )
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(report)), encoding="utf-8")
            part.replace(path)


def best_sticker(model: Model, subjects: Floats, seed: int) -> tuple[Sticker, float, float]:
    """The best of a sticker for every second place; its success, and that without it."""
    rows = pictures(subjects, seed)
    learn, trial = rows[:80], rows[80:]
    made = [craft(model, learn, place, seed) for place in places()[seed % 2 :: 2]]
    best = max(made, key=lambda sticker: success(model, trial, sticker))
    return best, success(model, trial, best), float((~model.explicit(trial)).mean())


def main(argv: list[str] | None = None) -> None:
    """Attack until the process is stopped."""
    parser = argparse.ArgumentParser(prog="moderation_attacker")
    parser.add_argument("edge_url")
    parser.add_argument("stolen_model", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args(argv)
    model = Model.load(given.stolen_model.parent, given.stolen_model.stem)
    asyncio.run(Attack(given.edge_url, model, given.seed).run(given.report))


if __name__ == "__main__":
    main()
