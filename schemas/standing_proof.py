"""Standing proof: how often an incident looks again at what it contained, and what a look says.

A containment that was proven once may be gone an hour later: a gateway restarted without its
configuration, an autoscaler, an attacker with stolen rights. While it stands it is looked at again
by the same probes. All that stands is looked at together, in one act, so that a month of looking
stays a small part of an incident's history.
"""

from datetime import timedelta

from pydantic import JsonValue

from schemas.base import Frozen


class StandingProof(Frozen):
    """The rhythm: calm, because what is looked at was proven; quick again after each change.

    The pause grows by half from ``first`` to ``at_most``. When for ``unseen_for`` nothing could be
    seen, that is said and paged; it is not called a loss.
    """

    first: timedelta = timedelta(seconds=60)
    at_most: timedelta = timedelta(minutes=5)
    unseen_for: timedelta = timedelta(minutes=15)


class Look(Frozen):
    """One request to one port that changes nothing."""

    port: str
    request: dict[str, JsonValue]


class LookTogether(Frozen):
    """Several looks at once."""

    looks: tuple[Look, ...]


class Seen(Frozen):
    """What one look came to: an answer of its port's result type, or the failure's kind."""

    answer: dict[str, JsonValue] | None = None
    failed: str = ""


class SeenTogether(Frozen):
    """In the order of the looks."""

    seen: tuple[Seen, ...]


LOOK_TOGETHER = "look_together"
"""The activity's name. It is no port: every worker has it, whatever it is connected to."""

LOOKS_AT_ONCE = 16
"""How many of them are made at the same time; more wait their turn."""
