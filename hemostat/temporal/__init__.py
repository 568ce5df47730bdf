"""Temporal: how it is reached, what a namespace must offer, and the server that we bring along."""

from hemostat.temporal.connection import (
    DEFAULT_ADDRESS,
    DEFAULT_NAMESPACE,
    RETENTION,
    connect,
    connect_to,
    ensure_namespace,
    namespace_answers,
    runtime,
)

__all__ = [
    "DEFAULT_ADDRESS",
    "DEFAULT_NAMESPACE",
    "RETENTION",
    "connect",
    "connect_to",
    "ensure_namespace",
    "namespace_answers",
    "runtime",
]
