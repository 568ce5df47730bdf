"""Several looks in one activity: each is handed to its port's own activity, all at the same time.

Law: it only looks. A port whose request carries an idempotency key changes something, and is
refused here. A look that fails is an answer in our own words, so one system that is down hides
nothing of the others, and the activity itself succeeds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from schemas.errors import ConfigurationError
from schemas.ports.port import Effect
from schemas.standing_proof import (
    LOOK_TOGETHER,
    LOOKS_AT_ONCE,
    Look,
    LookTogether,
    Seen,
    SeenTogether,
)
from workers.interceptors import failure_of
from workers.registry import AnyPort

Act = Callable[[Any], Awaitable[Any]]


def looking(ports: Iterable[AnyPort], activities: Iterable[Act]) -> Callable[..., Awaitable[Any]]:
    """Return the activity that makes looks by *activities*, which serve *ports* in this order."""
    by_name = {port.name: (port, act) for port, act in zip(ports, activities, strict=True)}

    @activity.defn(name=LOOK_TOGETHER)
    async def look_together(asked: LookTogether) -> SeenTogether:
        turn = asyncio.Semaphore(LOOKS_AT_ONCE)
        seen = await asyncio.gather(*(_seen(by_name, look, turn) for look in asked.looks))
        return SeenTogether(seen=tuple(seen))

    return look_together


async def _seen(
    by_name: Mapping[str, tuple[AnyPort, Act]], look: Look, turn: asyncio.Semaphore
) -> Seen:
    try:
        port, act = _looker(by_name, look.port)
        request = port.request.model_validate(look.request)
        async with turn, asyncio.timeout(port.attempt_within.total_seconds()):
            answer = await act(request)
    except ApplicationError as error:  # phrased already
        return Seen(failed=error.type or "ApplicationError")
    except ValidationError:
        return Seen(failed="ValidationError")
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises, the others go on
        return Seen(failed=failure_of(error).type or "unknown")
    return Seen(answer=answer.model_dump(mode="json"))


def _looker(by_name: Mapping[str, tuple[AnyPort, Act]], name: str) -> tuple[AnyPort, Act]:
    if name not in by_name:
        raise ConfigurationError("this worker has no such port", where=name[:63])
    if issubclass(by_name[name][0].request, Effect):
        raise ConfigurationError("it changes something: that is no look", where=name)
    return by_name[name]
