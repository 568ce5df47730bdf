"""How every process of Hemostat reaches Temporal, and what a namespace must offer it.

The connection is Temporal's own convention: ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``,
``TEMPORAL_API_KEY``, ``TEMPORAL_TLS_*``, or a profile of ``TEMPORAL_CONFIG_FILE``; the environment
overrides the file. Nothing about Temporal stands in hemostat.toml.

The SDK's core writes its own log lines to stdout unless told otherwise, which would spoil
``--json``; here they go to the Python logger ``temporalio.core``.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from schemas import visibility
from schemas.errors import ConfigurationError, HemostatError, SystemRefused, SystemUnreachable

DEFAULT_ADDRESS: Final = "127.0.0.1:7233"
DEFAULT_NAMESPACE: Final = "hemostat"
RETENTION: Final = timedelta(days=730)
"""How long closed incidents stay readable in Temporal; longer, they live in audit packs."""

CONNECT_TIMEOUT: Final = timedelta(seconds=10)
_KNOWN_WITHIN: Final = timedelta(seconds=30)
_NOT_OURS_TO_DO: Final = frozenset(
    {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.UNAUTHENTICATED}
)

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


@functools.cache
def runtime() -> Runtime:
    """The SDK runtime of this process, its log forwarded to Python."""
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
    )
    filter_ = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(
        telemetry=TelemetryConfig(logging=LoggingConfig(filter=filter_, forwarding=forwarding))
    )


async def connect(*, identity: str | None = None) -> Client:
    """Connect as the environment says, by default to ``hemostat`` on this machine.

    ``identity`` is what histories show as the caller; it proves nothing. Raises
    :class:`ConfigurationError` for a profile that cannot be read and :class:`SystemUnreachable`
    when nobody answers.
    """
    try:
        config = dict(ClientConfig.load_client_connect_config())
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(
            "Temporal's connection settings cannot be read",
            where="TEMPORAL_* or TEMPORAL_CONFIG_FILE",
            next_step=f"mend what Temporal's SDK refused ({type(error).__name__})",
        ) from error
    return await _connect(
        {"target_host": DEFAULT_ADDRESS, "namespace": DEFAULT_NAMESPACE, **config}, identity
    )


async def connect_to(
    address: str, namespace: str = DEFAULT_NAMESPACE, *, identity: str | None = None
) -> Client:
    """Connect to exactly this server, in clear, whatever the environment says.

    For the embedded server, which has neither TLS nor authentication: an API key that the
    environment holds for another server is not sent to it.
    """
    return await _connect({"target_host": address, "namespace": namespace}, identity)


async def ensure_namespace(client: Client, retention: timedelta = RETENTION) -> None:
    """Make the client's namespace fit for incidents: it exists, keeps them, can be asked.

    Idempotent, and safe to run from many processes at once. Where the server reserves a change
    for its administrators (Temporal Cloud, a cluster with authorization), a missing search
    attribute is a :class:`ConfigurationError`, because playbooks would block on it; a shorter
    retention is only logged.
    """
    await _ensure_retention(client, await _ensure_exists(client, retention), retention)
    await _ensure_search_attributes(client)


async def namespace_answers(client: Client) -> bool:
    """Whether the server serves the client's namespace; raises ``RPCError`` when it does not."""
    await _describe(client)
    return True


async def _connect(config: Mapping[str, Any], identity: str | None) -> Client:
    address = config["target_host"]
    try:
        return await Client.connect(
            **config,
            identity=identity,
            data_converter=pydantic_data_converter,
            connect_timeout=CONNECT_TIMEOUT,
            runtime=runtime(),
        )
    except (RuntimeError, RPCError) as error:  # a refused connection is a bare RuntimeError
        raise SystemUnreachable(
            "Temporal does not answer",
            where=str(address),
            next_step="start it, set TEMPORAL_ADDRESS, or use `hemostat up`, which brings its own",
        ) from error


async def _describe(client: Client) -> DescribeNamespaceResponse:
    return await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=CONNECT_TIMEOUT
    )


async def _ensure_exists(client: Client, retention: timedelta) -> DescribeNamespaceResponse:
    try:
        return await _describe(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise _refused(client, "the namespace cannot be read") from error
    keep = Duration()
    keep.FromTimedelta(retention)
    request = RegisterNamespaceRequest(
        namespace=client.namespace,
        description="Incident response for AI services",
        workflow_execution_retention_period=keep,
    )
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as refusal:
        if refusal.status is not RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            raise ConfigurationError(
                "the namespace does not exist and may not be created from here",
                where=f"Temporal namespace {client.namespace}",
                next_step="have it created, or set TEMPORAL_NAMESPACE to one that exists",
            ) from refusal
    return await _once_known(client, lambda: _describe(client))


async def _once_known(client: Client, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Repeat ``call`` while the server says NOT_FOUND.

    A new namespace reaches each part of the server only with the next refresh of its cache.
    """
    try:
        async with asyncio.timeout(_KNOWN_WITHIN.total_seconds()):
            while True:
                try:
                    return await call()
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise _refused(client, "the new namespace did not appear") from error


async def _ensure_retention(
    client: Client, described: DescribeNamespaceResponse, retention: timedelta
) -> None:
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if kept >= retention:
        return
    request = UpdateNamespaceRequest(namespace=client.namespace)
    request.config.workflow_execution_retention_ttl.FromTimedelta(retention)
    try:
        await client.workflow_service.update_namespace(request)
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_DO | {RPCStatusCode.INVALID_ARGUMENT}:
            raise _refused(client, "the retention cannot be set") from error
        _log.warning(
            "closed incidents vanish from namespace %s after %s: export them before, or have its "
            "retention raised to %s",
            client.namespace,
            kept,
            retention,
        )


async def _ensure_search_attributes(client: Client) -> None:
    missing = await _missing_search_attributes(client)
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            raise ConfigurationError(
                f"the search attributes {', '.join(sorted(missing))} are missing and may not be "
                "added from here",
                where=f"Temporal namespace {client.namespace}",
                next_step="have them added: `temporal operator search-attribute create`",
            ) from error
    try:
        async with asyncio.timeout(_KNOWN_WITHIN.total_seconds()):
            while await _missing_search_attributes(client):
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise _refused(client, "the new search attributes did not appear") from error


async def _missing_search_attributes(client: Client) -> dict[str, Any]:
    """What is not registered yet, by name, with its type. A wrong type is an error at once."""
    try:
        request = ListSearchAttributesRequest(namespace=client.namespace)
        listed = await _once_known(
            client, lambda: client.operator_service.list_search_attributes(request)
        )
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_DO:
            raise _refused(client, "the search attributes cannot be listed") from error
        _log.warning("namespace %s does not let us list its search attributes", client.namespace)
        return {}
    missing: dict[str, Any] = {}
    for key in visibility.KEYS:
        registered = listed.custom_attributes.get(key.name)
        if registered is None:
            missing[key.name] = int(key.indexed_value_type)
        elif registered != int(key.indexed_value_type):
            raise ConfigurationError(
                f"the search attribute {key.name} is registered with another type",
                where=f"Temporal namespace {client.namespace}",
                next_step="use a namespace of Hemostat's own (TEMPORAL_NAMESPACE)",
            )
    return missing


def _refused(client: Client, what: str) -> HemostatError:
    where = f"Temporal namespace {client.namespace}"
    return SystemRefused(what, where=where, next_step="ask the administrators of Temporal")
