"""Genuine users: predictions all the time, now and then an honest label, through the edge.

    python -m hemostat.drill.range.poisoning.users EDGE_URL [--negative-share 0.38] [--seed 1]

Law: they know only the public edge. What it answers does not stop them. With another negative
share the world has changed: the texts are different, the model is as good as before.
"""

import argparse
import asyncio
import random
from contextlib import suppress
from typing import Final

import httpx2

from hemostat.drill.range.pacing import turns
from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.population import MEMBERS

_BATCH: Final = 25
_BATCHES_PER_SECOND: Final = 4.0
_LABELS_PER_SECOND: Final = 0.7
_WRONG_LABELS: Final = 0.03


async def use(edge_url: str, negative_share: float, seed: int) -> None:
    """Send traffic until cancelled."""
    async with (
        httpx2.AsyncClient(base_url=edge_url, trust_env=False, timeout=10) as http,
        asyncio.TaskGroup() as users,
    ):
        users.create_task(_ask(http, negative_share, seed * 1_000_000))
        users.create_task(_label(http, negative_share, seed * 1_000_000 + 500_000))


async def _ask(http: httpx2.AsyncClient, negative_share: float, seed: int) -> None:
    async for _ in turns(_BATCHES_PER_SECOND):
        rows = corpus.reviews(_BATCH, seed, negative_share=negative_share)
        seed += 1
        with suppress(httpx2.HTTPError):
            await http.post("/v1/predict", json={"texts": [row.text for row in rows]})


async def _label(http: httpx2.AsyncClient, negative_share: float, seed: int) -> None:
    dice = random.Random(seed)
    async for _ in turns(_LABELS_PER_SECOND):
        (row,) = corpus.reviews(1, seed, negative_share=negative_share, noise=_WRONG_LABELS)
        seed += 1
        with suppress(httpx2.HTTPError):
            await http.post(
                "/v1/feedback",
                json={"text": row.text, "label": row.label},
                headers={"x-account": dice.choice(MEMBERS)},
            )


def main(argv: list[str] | None = None) -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="users")
    parser.add_argument("edge_url")
    parser.add_argument("--negative-share", type=float, default=corpus.NEGATIVE_SHARE)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    asyncio.run(use(given.edge_url, given.negative_share, given.seed))


if __name__ == "__main__":
    main()
