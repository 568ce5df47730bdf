"""Triage: an alert that no route knows is recorded and put before a person, never dropped."""

from datetime import timedelta

from schemas.base import Frozen
from schemas.gate import GatePolicy
from schemas.incident import Phase, Resolution, Severity
from schemas.ports import paging
from workflows.engine import Playbook, playbook

ACKNOWLEDGE = GatePolicy(
    id="acknowledge",
    asks="An alert that no route knows has arrived. Take it?",
    roles=("ml-on-call",),
    timer=timedelta(minutes=30),
    ladder=("commander",),
    ladder_every=timedelta(minutes=30),
)
CLOSE = GatePolicy(
    id="close",
    asks="Approve to close, once it is handled or a route for it exists in hemostat.toml.",
    roles=("ml-on-call", "commander"),
    timer=timedelta(hours=24),
)


class Parameters(Frozen):
    """Triage needs nothing."""


@playbook(
    id="triage",
    title="Triage of an alert that no route knows",
    capabilities=(paging,),
    parameters=Parameters,
    csf=("RS.MA-02",),
)
class Triage(Playbook[Parameters]):
    """An alert that no route knows is put before a person."""

    async def respond(self) -> Resolution:
        """Page, and wait until a person closes it."""
        self.record.grade(Severity.SEV4, "nothing is known about it yet")
        self.call(ACKNOWLEDGE, "An alert that no route knows")
        self.record.enter(Phase.DETECTION)
        await self.agreed_to_close(CLOSE, {})
        return Resolution.TRIAGED
