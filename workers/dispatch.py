"""One Temporal activity per port: it hands each request to the adapter of its connection.

Law: a port's name is the activity's name, its request and result are the activity's types, and
``request.connection`` alone decides who acts. A request that nobody can serve fails at once and
for good, because trying again cannot help it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from temporalio import activity

from schemas.base import Frozen
from schemas.errors import ConfigurationError
from schemas.ports.port import Request
from workers.connections import Connections
from workers.registry import AnyPort

HEARTBEAT_EVERY: Final = 1.0
"""Seconds; well below every port's ``heartbeat_within``."""

Method = Callable[[Request], Awaitable[Frozen]]


def activities_for(
    ports: Iterable[AnyPort], connections: Connections
) -> list[Callable[..., Awaitable[Any]]]:
    """Return an activity for each port, also for those that no connection offers.

    Temporal retries an activity that is not registered; ours says instead what is missing.
    """
    return [_activity(port, _methods(port, connections), connections) for port in ports]


def _methods(port: AnyPort, connections: Connections) -> dict[str, Method]:
    return {
        name: getattr(connected.adapter, connected.type.methods[port])
        for name, connected in connections.items()
        if port in connected.type.methods
    }


def _activity(
    port: AnyPort, methods: Mapping[str, Method], connections: Connections
) -> Callable[..., Awaitable[Any]]:
    async def dispatch(request: Any) -> Any:
        method = methods.get(request.connection)
        if method is None:
            raise _nobody(port, request.connection, methods, connections)
        alive = asyncio.create_task(_heartbeat())
        try:
            return await method(request)
        finally:
            alive.cancel()

    # What Temporal decodes the request into, and how the result reads in the port's words.
    dispatch.__annotations__ = {"request": port.request, "return": port.result}
    dispatch.__name__ = port.name
    dispatch.__doc__ = port.promise
    return activity.defn(name=port.name)(dispatch)


async def _heartbeat() -> None:
    """Say that this worker is alive, so that a dead one's work is taken over in seconds."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_EVERY)


def _nobody(
    port: AnyPort, name: str, methods: Mapping[str, Method], connections: Connections
) -> ConfigurationError:
    offering = ", ".join(sorted(methods)) or "none"
    if name in connections:
        what = f"connection {name!r} ({connections[name].type.name}) does not offer it"
    else:
        what = f"this worker has no connection {name[:63]!r}"
    return ConfigurationError(
        what,
        where=port.name,
        next_step=f"name a connection that offers it ({offering}), or add it and restart.",
    )
