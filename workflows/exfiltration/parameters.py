"""What a service says about itself for the assistant-exfiltration playbook.

Everyone is an opaque id here, of a key, a principal or a person of ``[people]``; who that is, is
known to the restricted case file and to no history, search attribute, page or ticket.
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from schemas.base import Frozen, Name, Percent
from schemas.ports.credentials import SecretName


class Credential(Frozen):
    """The assistant's own access: who it is in the cloud, and the secret it takes its key from."""

    principal: Name
    secret: SecretName


class Parameters(Frozen):
    """Inventory and thresholds; the thresholds are proposals, not from a standard."""

    route: str = "assistant"
    callers: dict[Name, Name | Literal[""]] = Field(min_length=1)
    """Every caller's key id, with the principal that the same person is in the cloud, or ""."""
    persons: dict[Name, Name] = {}
    """Which person of ``[people]`` a caller's key belongs to, where that is known: a suspect takes
    no part in the incident and is not called."""
    credentials: tuple[Credential, ...] = ()
    connectors: tuple[Name, ...] = ()
    """The access that other systems gave the assistant, as the connection names it."""
    sessions: tuple[Name, ...] = ()
    """The callers who are signed in at the identity provider that the connection names."""
    authorities: dict[Name, Name] = {}
    """The audience of the filings under a legal clock or regime; without one, counsel files."""
    audiences: tuple[Name, ...] = ()
    """Who gets a statement: ``researcher``, ``customers`` …"""
    fingerprints: int = 5
    """So many distinct confidential documents in one caller's answers make a suspect."""
    window: timedelta = timedelta(hours=24)
    looks: int = 3
    look_every: timedelta = timedelta(seconds=30)
    look_within: timedelta = timedelta(minutes=10)
    frozen_for: timedelta = timedelta(minutes=30)
    """How long a revoked key's last use is watched, to show that it stands still."""
    stages: tuple[Percent, ...] = (10, 50, 100)
    stage_looks: int = 30
    stage_look_every: timedelta = timedelta(minutes=1)
