"""How alerts reach their incident: Temporal's signal-with-start, one incident however many alerts.

An incident of which nothing is known is signalled or started by one request, which the server
refuses where a run of it has closed. A running incident gets a plain signal, which the server
refuses once it has closed; so nothing can be started by accident in the moment between looking
and sending. What has closed is started again only for episodes that its last run has not closed
already. Requests carry a request id: the server drops the same one sent again to the same run.
The raw requests are built here because the SDK's own call makes up its request id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import (
    DataConverter,
    WorkflowSerializationContext,
    encode_search_attributes,
)
from temporalio.service import RPCError, RPCStatusCode

from hemostat.gateway.channel_voice import SIGNAL as ANSWER_SIGNAL
from hemostat.gateway.channel_voice import signed_answer
from hemostat.gateway.routing import Destination
from hemostat.keys import SigningKey
from hemostat.temporal import connect, ensure_namespace
from schemas import visibility
from schemas.alert import AlertBatch
from schemas.base import Frozen
from schemas.errors import SystemUnreachable
from schemas.incident import Containment, OpenIncident, Phase
from schemas.page_answer import PageAnswer

ANSWERS_WITHIN: Final = timedelta(seconds=1.8)
"""How long Temporal may take for one request, with the retries of it that the SDK makes."""

EPISODES_MEMO: Final = "hemostat_episodes"
"""The memo of a closed incident: digests of the episodes it dealt with."""

DECIDES_WITHIN: Final = timedelta(seconds=5)
"""How long a worker may take over one decision of an incident before another one takes it over."""

ALERT_SIGNAL: Final = "alert"

_ONCE: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_AGAIN: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE


class Standing(StrEnum):
    """What Temporal knows of an incident id."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    CLOSED = "closed"


class Arrival(StrEnum):
    """How a signal that may start an incident arrived."""

    STARTED = "started"
    JOINED = "joined"
    REFUSED = "refused"


class NotAccepted(SystemUnreachable):
    """Temporal did not take it; the same alert may be sent again later."""


class IncidentSignals:
    """The gateway's connection to Temporal, made when first needed and kept."""

    def __init__(self, task_queue: str, client: Client | None = None) -> None:
        self._task_queue = task_queue
        self._client = client
        self._connecting: asyncio.Task[Client] | None = None

    async def ready(self) -> None:
        """Return if Temporal answers, else raise ``NotAccepted``."""
        async with _temporal_answers():
            client = await self.connected()
            await client.service_client.check_health(timeout=ANSWERS_WITHIN)

    async def signal_running(self, incident: str, batch: AlertBatch, request_id: str) -> bool:
        """Signal *incident* if it runs; return whether it did."""
        return await self._signal(incident, ALERT_SIGNAL, batch, request_id)

    async def answer_running(
        self, incident: str, answer: PageAnswer, key: SigningKey | None = None
    ) -> bool:
        """Tell *incident* what a pager or a chat said, if it runs; return whether it did.

        With the gateway's *key* it is signed, for this incident since its first run.
        """
        if key is not None:
            first_run = await self._first_run(incident)
            if first_run is None:
                return False
            answer = signed_answer(answer, key, incident=incident, run=first_run)
        return await self._signal(incident, ANSWER_SIGNAL, answer, answer.answer_id)

    async def _first_run(self, incident: str) -> str | None:
        async with _temporal_answers():
            described = await self._described(incident)
            if described is None:
                return None
            return described.raw_description.workflow_execution_info.first_run_id

    async def _signal(self, incident: str, name: str, said: Frozen, request_id: str) -> bool:
        async with _temporal_answers():
            client = await self.connected()
            request = SignalWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=incident),
                signal_name=name,
                identity=client.identity,
                request_id=request_id,
            )
            converter = _converter(client, incident)
            request.input.payloads.extend(await converter.encode([said]))
            try:
                await client.workflow_service.signal_workflow_execution(
                    request, retry=True, timeout=ANSWERS_WITHIN
                )
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return False
                raise
            return True

    async def signal_with_start(
        self, destination: Destination, batch: AlertBatch, request_id: str, *, again: bool
    ) -> Arrival:
        """Signal the incident, starting it if it does not run.

        Unless it may be started *again*, an incident of which a run has closed refuses it.
        """
        async with _temporal_answers():
            client = await self.connected()
            request = await self._start_request(client, destination, batch, request_id)
            if not again:
                request.workflow_id_reuse_policy = _ONCE
            try:
                response = await client.workflow_service.signal_with_start_workflow_execution(
                    request, retry=True, timeout=ANSWERS_WITHIN
                )
            except RPCError as error:
                if error.status is RPCStatusCode.ALREADY_EXISTS:
                    return Arrival.REFUSED
                raise
            return Arrival.STARTED if response.started else Arrival.JOINED

    async def standing(self, incident: str) -> tuple[Standing, frozenset[str]]:
        """Return what is known of *incident*, and the episodes its last run closed."""
        async with _temporal_answers():
            described = await self._described(incident)
            if described is None:
                return Standing.UNKNOWN, frozenset()
            if described.status is WorkflowExecutionStatus.RUNNING:
                return Standing.RUNNING, frozenset()
            episodes: list[str] = await described.memo_value(EPISODES_MEMO, default=[])
            return Standing.CLOSED, frozenset(episodes)

    async def _described(self, incident: str) -> WorkflowExecutionDescription | None:
        client = await self.connected()
        handle = client.get_workflow_handle(incident)
        try:
            return await handle.describe(rpc_timeout=ANSWERS_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def connected(self) -> Client:
        """Return the client; connecting goes on when a caller's patience ends."""
        if self._client is None:
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.create_task(_connect())
            self._client = await asyncio.shield(self._connecting)
        return self._client

    async def _start_request(
        self, client: Client, destination: Destination, batch: AlertBatch, request_id: str
    ) -> SignalWithStartWorkflowExecutionRequest:
        opening = destination.opening
        request = SignalWithStartWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_id=destination.incident,
            identity=client.identity,
            request_id=request_id,
            signal_name=ALERT_SIGNAL,
            workflow_id_reuse_policy=_AGAIN,
            workflow_id_conflict_policy=(
                WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
            ),
        )
        request.workflow_type.name = opening.playbook
        request.task_queue.name = self._task_queue
        # A worker that dies in the midst of deciding is noticed after this; the default is 10 s.
        request.workflow_task_timeout.FromTimedelta(DECIDES_WITHIN)
        converter = _converter(client, destination.incident)
        request.input.payloads.extend(await converter.encode([opening]))
        request.signal_input.payloads.extend(await converter.encode([batch]))
        summary = f"{opening.playbook} on {opening.service.name}"
        (encoded,) = await converter.encode([summary])
        request.user_metadata.summary.CopyFrom(encoded)
        encode_search_attributes(listed_at_start(opening), request.search_attributes)
        return request


async def _connect() -> Client:
    client = await connect(identity="hemostat-gateway")
    await ensure_namespace(client)
    return client


def listed_at_start(opening: OpenIncident) -> TypedSearchAttributes:
    """What the list of incidents can be asked for before a worker has touched the incident."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(visibility.PLAYBOOK, opening.playbook),
            SearchAttributePair(visibility.SERVICE, opening.service.name),
            SearchAttributePair(visibility.DRILL, opening.drill),
            *_restricted(opening.service.restricted),
            SearchAttributePair(visibility.PHASE, Phase.DETECTION.value),
            SearchAttributePair(visibility.CONTAINMENT, Containment.NONE.value),
            SearchAttributePair(visibility.CHANGED_AT, datetime.now(UTC)),
        ]
    )


def _restricted(restricted: bool | None) -> list[SearchAttributePair[bool]]:
    pair = SearchAttributePair(visibility.RESTRICTED, bool(restricted))
    return [] if restricted is None else [pair]


def _converter(client: Client, incident: str) -> DataConverter:
    context = WorkflowSerializationContext(namespace=client.namespace, workflow_id=incident)
    return client.data_converter.with_context(context)


@asynccontextmanager
async def _temporal_answers() -> AsyncIterator[None]:
    """Bound the time, and say in our words what went wrong."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN.total_seconds()):
            yield
    except TimeoutError as error:
        raise _not_accepted("did not answer in time") from error
    except SystemUnreachable as error:
        raise _not_accepted("does not answer") from error
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT and "signal events" in error.message:
            raise NotAccepted(
                "the incident has taken as many signals as one run can",
                where="Temporal",
                next_step="see that a worker runs, so that the incident can go on in a new run.",
            ) from error
        raise _not_accepted(f"refused the request ({error.status.name})") from error


def _not_accepted(what: str) -> NotAccepted:
    return NotAccepted(
        f"Temporal {what}", where="Temporal", next_step="send the alert again; nothing is lost."
    )
