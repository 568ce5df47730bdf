"""A port: the typed signature of one effect or look, without any vendor.

A playbook calls the port, an adapter fulfils it. The declaring function is the contract: its
parameter is the request, its annotation the result, its docstring the promise.
"""

import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from schemas.base import Frozen, Name

Req = TypeVar("Req", bound="Request")
Res = TypeVar("Res", bound=Frozen)
Self_ = TypeVar("Self_")

HEARTBEAT_WITHIN = timedelta(seconds=4)
"""How long a worker may be silent about an attempt before another one takes it over."""

FULFILS = "__hemostat_fulfils__"


class Request(Frozen):
    """The base of what goes to an adapter; the engine fills these fields, a playbook does not.

    ``connection`` is the ``[connections.NAME]`` to use, ``incident`` the incident's id.
    """

    connection: str = ""
    incident: str = ""


class Effect(Request):
    """A request that changes something outside.

    ``key`` is the idempotency key: the same for each retry of the same attempt, and for the undo
    of it. An adapter that finds the effect of this key already there reports it and does not act.
    """

    key: str = ""


@dataclass(frozen=True)
class Port(Generic[Req, Res]):
    """One capability's verb.

    Times bound one attempt, all attempts with their retries, and the silence of a worker that
    works on it (workers heartbeat for every port, so a dead one is noticed within that time).
    """

    name: str
    capability: Name
    request: type[Req]
    result: type[Res]
    promise: str
    attempt_within: timedelta
    within: timedelta
    heartbeat_within: timedelta = HEARTBEAT_WITHIN


def port(
    capability: Name,
    *,
    attempt_within: timedelta = timedelta(seconds=15),
    within: timedelta = timedelta(minutes=2),
    heartbeat_within: timedelta = HEARTBEAT_WITHIN,
) -> Callable[[Callable[[Req], Awaitable[Res]]], Port[Req, Res]]:
    """Declare a port from an async function whose body is never run."""

    def declare(signature: Callable[[Req], Awaitable[Res]]) -> Port[Req, Res]:
        hints = typing.get_type_hints(signature)
        result = hints.pop("return")
        (request,) = hints.values()
        return Port(
            name=signature.__name__,
            capability=capability,
            request=request,
            result=result,
            promise=(signature.__doc__ or "").strip(),
            attempt_within=attempt_within,
            within=within,
            heartbeat_within=heartbeat_within,
        )

    return declare


def fulfils(
    fulfilled: Port[Req, Res],
) -> Callable[[Callable[[Self_, Req], Awaitable[Res]]], Callable[[Self_, Req], Awaitable[Res]]]:
    """Mark an adapter's method as fulfilling a port; a wrong signature is a type error."""

    def mark(
        method: Callable[[Self_, Req], Awaitable[Res]],
    ) -> Callable[[Self_, Req], Awaitable[Res]]:
        setattr(method, FULFILS, fulfilled)
        return method

    return mark
