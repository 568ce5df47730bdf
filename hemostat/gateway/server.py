"""The gateway as a process: binds one address, ends in order on SIGTERM."""

import asyncio
import logging
import signal
from dataclasses import dataclass, replace
from time import monotonic

import uvicorn
from starlette.routing import BaseRoute

from hemostat.api.call import Api, nothing_found
from hemostat.api.routes import api_routes
from hemostat.console.book import Book
from hemostat.console.doors import Console, Findings
from hemostat.console.drills import Drills
from hemostat.console.papers import Papers
from hemostat.console.reading import AtTheDesk
from hemostat.console.routes import routes as console_routes
from hemostat.desk.desk import Desk
from hemostat.desk.limits import Limit
from hemostat.desk.places import Places
from hemostat.gateway.app import gateway_app
from hemostat.gateway.in_time import at_most, files_for
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.gateway.one_look import OneLook
from hemostat.identity.desk import Identity
from hemostat.incidents.live import Live
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.errors import ConfigurationError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Insight:
    """What only those who start the gateway can tell it, for the console to show."""

    books: tuple[Book, ...] = ()
    findings: Findings | None = None
    scenarios: tuple[str, ...] = ()


async def serve(settings: Settings, insight: Insight | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests that were begun are finished.

    Temporal may be down: alerts are then refused with 503 until it answers.
    """
    signals, vault = IncidentSignals(settings.hemostat.task_queue), Vault.of(settings)
    vault.prepare()
    bind, port = settings.gateway.bind, settings.gateway.port
    identity = Identity(settings) if settings.identity else None
    beside: list[BaseRoute] = []
    if identity is not None:
        beside = for_people(settings, signals, identity, insight or Insight())
    config = uvicorn.Config(
        gateway_app(settings, signals, vault, beside, identity),
        host=bind,
        port=port,
        http=at_most(files_for(settings.gateway.connections)),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    try:
        listening = config.bind_socket()
    except SystemExit as error:  # uvicorn's way to say that the address cannot be had
        raise ConfigurationError(
            f"{bind}:{port} cannot be listened on",
            where=settings.where("gateway", "port"),
            next_step="stop what uses it, or choose another port.",
        ) from error
    _log.info("listening on http://%s:%d", *listening.getsockname()[:2])
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends in order and then raises the signal again: here it finds nothing left to do.
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    try:
        await server.serve(sockets=[listening])
    finally:
        listening.close()


def for_people(
    settings: Settings, signals: IncidentSignals, identity: Identity, insight: Insight
) -> list[BaseRoute]:
    """Return the console and the API of this gateway, for those whom *identity* knows."""
    vault = Vault.of(settings)
    desk = Desk(settings, signals.connected, vault, identity.key)
    live, table = Live(signals.connected), settings.gateway
    places = Places(table.streams_per_person, table.streams)
    if insight.findings is not None:
        insight = replace(insight, findings=OneLook(insight.findings))
    api = Api(
        desk=desk,
        live=live,
        authenticate=identity.who,
        books=insight.books,
        findings=insight.findings or nothing_found,
        per_second=table.requests_per_second,
        burst=table.burst,
        places=places,
    )
    console = console_of(settings, live, identity, insight, desk, places)
    return [*api_routes(api), *console_routes(console)]


def console_of(
    settings: Settings,
    live: Live,
    identity: Identity,
    insight: Insight,
    desk: Desk,
    places: Places,
) -> Console:
    """Return the console of this gateway."""
    drills = Drills(insight.scenarios, settings.state_folder / "drills")
    return Console(
        desk=AtTheDesk(desk),
        live=live,
        authenticate=identity.who,
        guard=identity,
        books=insight.books,
        findings=insight.findings,
        drills=drills if insight.scenarios else None,
        break_glass=tuple(settings.break_glass.people),
        places=places,
        limit=Limit(settings.gateway.requests_per_second, settings.gateway.burst, monotonic),
        people=_known_people(settings),
        papers=Papers(settings),
    )


def _known_people(settings: Settings) -> frozenset[str]:
    """Whom hemostat.toml names; nobody where it names no people, and accounts alone say who is who."""
    auditors = settings.identity.auditors if settings.identity else ()
    return frozenset({*settings.people, *auditors}) if settings.people else frozenset()
