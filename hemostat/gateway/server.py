"""The gateway as a process: binds one address, ends in order on SIGTERM."""

import asyncio
import logging
import signal

import uvicorn

from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.identity.desk import Identity
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.errors import ConfigurationError

_log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests that were begun are finished.

    Temporal may be down: alerts are then refused with 503 until it answers.
    """
    signals = IncidentSignals(settings.hemostat.task_queue)
    bind, port = settings.gateway.bind, settings.gateway.port
    identity = Identity(settings) if settings.identity else None
    config = uvicorn.Config(
        gateway_app(settings, signals, Vault(settings.vault_folder), identity=identity),
        host=bind,
        port=port,
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
