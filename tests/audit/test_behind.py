"""A sealer that is down shows: in a look at Temporal and the store, and in the metrics of both."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from hemostat.audit.behind import GRACE, Behind, look_behind
from hemostat.audit.report.sealed import SealedMetrics
from hemostat.audit.sealer import seal_all
from tests.audit.conftest import Room, registered, room, until
from tests.workflows.case import Case, service

pytestmark = pytest.mark.temporal

EVERY = timedelta(minutes=5)


async def look(parts: Room, later: timedelta = timedelta()) -> Behind:
    """Look as if it were *later*."""
    return await look_behind(parts.client, parts.store, EVERY, lambda: datetime.now(UTC) + later)


async def test_an_incident_that_nobody_seals_is_late_once_it_should_have_been(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        assert (await look(parts)).worst == 0
        told = service().model_copy(update={"restricted": False})
        case = await Case.open(client, parts.queue, playbook="triage", of=told)
        await case.gate("close")
        soon, late = await look(parts), await look(parts, EVERY + GRACE)
        assert (soon.late, soon.problem) == (False, None)
        assert soon.open == 1
        assert late.late
        assert "sealer" in str(late.problem)
        assert case.handle.id not in str(late.problem)

        async with parts.sealing(replace(parts.sealer(), every=timedelta(seconds=1))):
            await until(lambda: covered(parts), "all of it is sealed")
            await case.approve("acknowledge")
            await until(lambda: covered(parts), "what was said at a gate is sealed")
        await case.approve("close")
        await case.result()
        assert (await look(parts, EVERY + GRACE)).late, "it closed while nobody sealed"
        await seal_all(parts.sealer())
        assert (await look(parts, EVERY + GRACE)).worst == 0


async def covered(parts: Room) -> bool:
    """Whether a checkpoint covers every event."""
    return (await look(parts)).worst == 0


async def test_what_a_sealer_has_closed_is_in_the_metrics_unless_it_is_restricted(
    resolved: tuple[Room, str],
) -> None:
    parts, incident = resolved
    await registered(parts, incident)
    metrics = SealedMetrics(parts.store)
    assert (metrics.known, metrics.unread) == ([], 0)
    for _ in range(2):  # each is read once
        metrics.catch_up()
        assert [(one.incident, one.drill) for one in metrics.known] == [(incident, True)]
    hidden = SealedMetrics(parts.store, {"sentiment-api"})
    hidden.catch_up()
    assert hidden.known == []
