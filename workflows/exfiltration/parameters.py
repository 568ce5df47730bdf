"""What a service says about itself for the assistant-exfiltration playbook.

Everyone is an opaque id here: which person stands behind one is known to the restricted case file
and to no history, search attribute, page or ticket.
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from schemas.base import Frozen, Name
from schemas.ports.credentials import SecretName


class Regime(Frozen):
    """A law or contract that may ask for a notification; ``audience`` is where it would go."""

    id: Name
    instrument: str
    audience: Name


class Credential(Frozen):
    """The assistant's own access: who it is in the cloud, and the secret it takes its key from."""

    principal: Name
    secret: SecretName


class Parameters(Frozen):
    """Inventory and thresholds; the thresholds are proposals, not from a standard."""

    route: str = "assistant"
    callers: dict[Name, Name | Literal[""]] = Field(min_length=1)
    """Every caller's key id, with the principal that the same person is in the cloud, or ""."""
    credentials: tuple[Credential, ...] = ()
    regimes: tuple[Regime, ...] = ()
    audiences: tuple[Name, ...] = ()
    """Who gets a statement: ``researcher``, ``customers`` …"""
    fingerprints: int = 5
    """So many distinct confidential documents in one caller's answers make a suspect."""
    window: timedelta = timedelta(hours=24)
    looks: int = 3
    look_every: timedelta = timedelta(seconds=30)
    look_within: timedelta = timedelta(minutes=10)
    stages: tuple[int, ...] = (10, 50, 100)
    stage_looks: int = 30
    stage_look_every: timedelta = timedelta(minutes=1)
