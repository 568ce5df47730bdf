"""The playbooks of this installation, for a replay: the one module here that knows of any."""

from collections.abc import Sequence
from functools import cache

from temporalio.runtime import Runtime
from temporalio.worker import WorkflowRunner

from hemostat.audit.replay.sources import RecordedIncident
from hemostat.audit.replay.strict import RunReplay, replay
from hemostat.audit.replay.watching import PreparedOnce
from hemostat.temporal import runtime as quiet_runtime
from workers.registry import discover_playbooks
from workers.sandbox import sandbox


@cache
def playbooks() -> Sequence[type]:
    """The playbooks there are."""
    return tuple(discover_playbooks().values())


@cache
def runner() -> WorkflowRunner:
    """The runner that workers use; one for all that this process replays."""
    return PreparedOnce(sandbox())


@cache
def _runtime() -> Runtime:
    return quiet_runtime()


async def replay_today(
    incident: RecordedIncident, *, counterfactual: bool = False
) -> list[RunReplay]:
    """Replay every run of *incident* against the code of this installation.

    Where that is what decided then, nothing is put down to a newer version.
    """
    runs = replay(
        incident.histories(),
        playbooks(),
        runner(),
        journal=incident.journal,
        clocks=incident.clocks,
        exact=incident.by_this_code,
        counterfactual=counterfactual,
        runtime=_runtime(),
    )
    return [run async for run in runs]
