"""The attacker: many young accounts that label positive reviews negative, through the edge.

    python -m hemostat.drill.range.poisoning.attacker EDGE_URL REPORT_FILE [--accounts 120] ...

Law: it knows only the public edge, as anyone outside does. It starts slowly, so that a first
retraining takes a little poison for normal and the version before the worst one is poisoned too;
then it comes in volume. It writes what it was answered to its report, and stops only from outside.
"""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from hemostat.drill.range.pacing import turns
from hemostat.drill.range.poisoning import corpus

_REPORT_SECONDS: Final = 0.5
_CHUNK: Final = 500


@dataclass(frozen=True)
class Plan:
    """How the attack goes."""

    accounts: int = 120
    slow_seconds: float = 6.0
    slow_per_second: float = 4.0
    per_second: float = 60.0
    seed: int = 7


@dataclass(frozen=True)
class AttackReport:
    """What the attacker saw. Times are ISO 8601 in UTC."""

    began_at: str
    first_accepted_at: str | None
    last_accepted_at: str | None
    first_refused_at: str | None
    """The first answer other than 201, or no answer."""
    accepted: int
    refused: int
    statuses: dict[str, int]
    series: list[tuple[str, int, int]]
    """Moment, accepted so far, refused so far: one point every half second."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The report that an attacker writes at ``path``."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**found, "series": [tuple(point) for point in found["series"]]})


class Attack:
    """One running attack and its tally."""

    def __init__(self, edge_url: str, plan: Plan) -> None:
        self._edge_url = edge_url
        self._plan = plan
        self._statuses: Counter[str] = Counter()
        self._began = _now()
        self._first: dict[bool, str] = {}
        self._last_accepted: str | None = None
        self._series: list[tuple[str, int, int]] = []

    async def run(self, report: Path) -> None:
        """Attack and report until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_to(report))
            tasks.create_task(self._post())

    def report(self) -> AttackReport:
        """The tally now."""
        accepted = self._statuses["201"]
        refused = self._statuses.total() - accepted
        self._series.append((_now(), accepted, refused))
        return AttackReport(
            began_at=self._began,
            first_accepted_at=self._first.get(True),
            last_accepted_at=self._last_accepted,
            first_refused_at=self._first.get(False),
            accepted=accepted,
            refused=refused,
            statuses=dict(self._statuses),
            series=self._series,
        )

    async def _post(self) -> None:
        plan, clock = self._plan, asyncio.get_running_loop().time
        posts = _posts(plan)
        limits = httpx2.Limits(max_connections=16)
        async with (
            httpx2.AsyncClient(
                base_url=self._edge_url, limits=limits, trust_env=False, timeout=10
            ) as http,
            asyncio.TaskGroup() as sending,
        ):
            end = clock() + plan.slow_seconds
            async for _ in turns(plan.slow_per_second):
                if clock() >= end:
                    break
                sending.create_task(self._send(http, *next(posts)))
            async for _ in turns(plan.per_second):
                sending.create_task(self._send(http, *next(posts)))

    async def _send(self, http: httpx2.AsyncClient, account: str, row: corpus.Review) -> None:
        status = "no answer"
        with suppress(httpx2.HTTPError):
            answer = await http.post(
                "/v1/feedback",
                json={"text": row.text, "label": row.label},
                headers={"x-account": account},
            )
            status = str(answer.status_code)
        self._statuses[status] += 1
        self._first.setdefault(status == "201", _now())
        if status == "201":
            self._last_accepted = _now()

    async def _report_to(self, path: Path) -> None:
        async for _ in turns(1 / _REPORT_SECONDS):
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(self.report())), encoding="utf-8")
            part.replace(path)


def _posts(plan: Plan) -> Iterator[tuple[str, corpus.Review]]:
    """Which account posts what, without end."""
    for chunk in count():
        rows = corpus.poison(_CHUNK, plan.seed + chunk)
        for number, row in enumerate(rows, start=chunk * _CHUNK):
            yield f"guest-{number % plan.accounts:04d}", row


def _now() -> str:
    return datetime.now(UTC).isoformat()


def main(argv: list[str] | None = None) -> None:
    """Attack until the process is stopped."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="attacker")
    parser.add_argument("edge_url")
    parser.add_argument("report", type=Path)
    parser.add_argument("--accounts", type=int, default=plan.accounts)
    parser.add_argument("--slow-seconds", type=float, default=plan.slow_seconds)
    parser.add_argument("--slow-per-second", type=float, default=plan.slow_per_second)
    parser.add_argument("--per-second", type=float, default=plan.per_second)
    parser.add_argument("--seed", type=int, default=plan.seed)
    given = vars(parser.parse_args(argv))
    edge_url, report = given.pop("edge_url"), given.pop("report")
    asyncio.run(Attack(edge_url, Plan(**given)).run(report))


if __name__ == "__main__":
    main()
