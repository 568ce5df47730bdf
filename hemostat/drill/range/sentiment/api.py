"""The sentiment service, one process a role: ``replica``, ``shadow`` or ``trainer``.

    python -m hemostat.drill.range.sentiment.api replica SETTINGS --name r1 --port 9001

Law: a service as a team would run it, not a part of Hemostat: the ``sentiment_*`` files import
nothing of ours but each other. A replica loads what the alias names when it starts and when it is
told to; a shadow serves one pinned version, takes no labels and logs nothing; the trainer has no
port. All listen on loopback only.
"""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from hemostat.drill.range.sentiment.admin import AdminRoutes
from hemostat.drill.range.sentiment.http import EXPECTED, on_error
from hemostat.drill.range.sentiment.public import PublicRoutes
from hemostat.drill.range.sentiment.registry import Registry, RegistryError
from hemostat.drill.range.sentiment.serving import Serving
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Store
from hemostat.drill.range.sentiment.trainer import run_trainer

_RETRY_SECONDS: Final = 0.1


def application(settings: SentimentSettings, serving: Serving, store: Store) -> Starlette:
    """The HTTP application of a replica or, if ``serving`` is pinned, of the shadow."""
    public = PublicRoutes(serving, store).routes(feedback=serving.pinned is None)
    return Starlette(
        routes=[*public, *AdminRoutes(settings, serving, store).routes()],
        exception_handlers=dict.fromkeys((*EXPECTED, Exception), on_error),
        lifespan=lambda _: _loading(serving),
    )


@asynccontextmanager
async def _loading(serving: Serving) -> AsyncIterator[None]:
    """Load the first model in the background: until then ``/healthz`` answers 503."""
    loading = asyncio.create_task(_load_when_there(serving))
    yield
    loading.cancel()


async def _load_when_there(serving: Serving) -> None:
    while not serving.ready:
        try:
            await run_in_threadpool(serving.reload)
        except RegistryError as error:
            logging.getLogger("sentiment").debug("waiting for the registry: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)


def main(argv: list[str] | None = None) -> None:
    """Run one process of the service until it is stopped."""
    parser = argparse.ArgumentParser(prog="sentiment_api")
    parser.add_argument("role", choices=["replica", "shadow", "trainer"])
    parser.add_argument("settings", type=Path)
    parser.add_argument("--name", default="shadow")
    parser.add_argument("--port", type=int)
    parser.add_argument("--version", help="the version that a shadow is pinned to")
    given = parser.parse_args(argv)
    if (given.role == "shadow") != (given.version is not None):
        parser.error("a shadow, and only a shadow, is pinned to a --version")
    settings = SentimentSettings.load(given.settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if given.role == "trainer":
        run_trainer(settings)
        return
    registry = Registry(settings.registry_url, settings.model, settings.alias)
    with closing(Store(Path(settings.database))) as store, registry:
        serving = Serving(given.name, registry, given.version)
        app = application(settings, serving, store)
        uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
