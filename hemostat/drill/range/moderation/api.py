"""The image moderation service, one process: uploads in, decisions out.

    python -m hemostat.drill.range.moderation.api FOLDER --port 9001

Law: a service as a team would run it, not a part of Hemostat: the ``moderation_*`` files import
nothing of ours but each other. It trains its first version and writes an hour of its past when
there is none. An upload that says it is monitoring (``X-Traffic: probe``) is decided like any
other and kept by nobody. Listens on loopback only.
"""

import argparse
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.moderation.admin import AdminRoutes
from hemostat.drill.range.moderation.decisions import Decider
from hemostat.drill.range.moderation.http import (
    EXPECTED,
    BadRequest,
    content_of,
    on_error,
)
from hemostat.drill.range.moderation.images import decode, digest, encode, originals, pictures
from hemostat.drill.range.moderation.model import train
from hemostat.drill.range.moderation.store import Item, Store, now, timestamp

FIRST: Final = "7"
_PAST: Final = 1400


class PublicRoutes:
    """What uploaders reach."""

    def __init__(self, store: Store, decider: Decider) -> None:
        self._store = store
        self._decider = decider

    def routes(self) -> list[Route]:
        """Health and moderation."""
        return [
            Route("/healthz", self._health),
            Route("/v1/moderate", self._moderate, methods=["POST"]),
        ]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"model": self._decider.mode["champion"]})

    async def _moderate(self, request: Request) -> Response:
        account = request.headers.get("x-account", "")
        if not account or len(account) > 100 or not account.isprintable():
            raise BadRequest("X-Account: expected a header of 1 to 100 printable characters")
        content = await content_of(request)
        made = self._decider.decide(decode(content), account)
        number = None
        if request.headers.get("x-traffic") != "probe":
            number = self._store.add(
                Item(
                    at=now(),
                    account=account,
                    digest=digest(content),
                    content=content,
                    decision=made.decision,
                    version=made.version,
                    decided_by=made.by,
                    unstable=made.unstable,
                )
            )
        answer = {"item": number, "decision": made.decision, "version": made.version}
        return JSONResponse(answer, headers={"x-moderation": made.by})


def application(folder: Path, store: Store, decider: Decider) -> Starlette:
    """The HTTP application."""
    token = (folder / "admin-token").read_text("utf-8").strip()
    public = PublicRoutes(store, decider).routes()
    return Starlette(
        routes=[*public, *AdminRoutes(folder, store, decider).routes(token)],
        exception_handlers=dict.fromkeys((*EXPECTED, Exception), on_error),
    )


def furnish(folder: Path, store: Store) -> None:
    """Train the first version and decide an hour of past uploads with it, all audited."""
    if (folder / "models" / f"{FIRST}.npz").exists():
        return
    train(folder / "models", FIRST, [])
    decider, pool = Decider(store, folder / "models"), originals("live")
    dice, present = np.random.default_rng(1), datetime.now(UTC)
    chosen = dice.integers(len(pool.subjects), size=_PAST)
    for number, row in enumerate(pictures(pool.subjects[chosen], 1)):
        made, content = decider.decide(row, "past"), encode(row)
        at = timestamp(present - timedelta(hours=1) * (1 - number / _PAST))
        truth = "explicit" if pool.explicit[chosen[number]] else "safe"
        item = Item(
            at=at,
            account=f"member-{number % 150:04d}",
            digest=digest(content),
            content=content,
            decision=made.decision,
            version=made.version,
            decided_by=made.by,
            unstable=made.unstable,
        )
        store.add(item, verdict=truth if made.decision == "safe" else None)


def main(argv: list[str] | None = None) -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(prog="moderation_api")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(argv)
    with closing(Store(given.folder / "moderation.db")) as store:
        furnish(given.folder, store)
        app = application(given.folder, store, Decider(store, given.folder / "models"))
        uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
