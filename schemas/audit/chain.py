"""The chain over Temporal's events: ``h_i = SHA256(h_{i-1} || SHA256(event bytes))``.

An event's bytes are its deterministic protobuf encoding, hashed as they are: payloads stay encoded
or encrypted, and fields of a newer server are kept. Every run begins with its header, which holds
the head that the run before left, so that runs of one incident form one chain.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pydantic import Field

from schemas.audit.strict import Count, Ordered
from schemas.base import Digest
from schemas.journal import GENESIS

NO_EVENTS: Final[Digest] = GENESIS
"""The head before the first run."""


class Link(StrEnum):
    """How a run came about."""

    START = "start"
    CONTINUED = "continued"
    RESET = "reset"


class RunHeader(Ordered):
    """The beginning of one run in the chain; ``previous_head`` is what the run before left."""

    first_run: str
    incident: str
    link: Link
    number: Count = Field(ge=1)
    previous_head: Digest
    previous_run: str | None
    run: str


def head_of_header(header: RunHeader) -> Digest:
    """Return the head before the first event of the run."""
    return _digest(hashlib.sha256(b"hemostat-run/1\n" + header.model_dump_json().encode()).digest())


def event_digest(event: bytes | memoryview) -> bytes:
    """Return the SHA-256 of one event's bytes."""
    return hashlib.sha256(event).digest()


def extend(head: Digest, digests: Iterable[bytes]) -> Digest:
    """Return the head after the events of *digests*, in order."""
    sha256, raw = hashlib.sha256, bytes.fromhex(head.removeprefix("sha256:"))
    for digest in digests:
        raw = sha256(raw + digest).digest()
    return _digest(raw)


def _digest(raw: bytes) -> Digest:
    return f"sha256:{raw.hex()}"
