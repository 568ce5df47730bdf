"""Contained means proven: what to look at, how often, for how long, and what must be seen.

Every look goes another way than the write it proves. A look that fails to be made shows nothing
(``unprovable``); a look that shows the opposite disproves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from schemas.base import Frozen
from schemas.ports.port import Port, Request
from schemas.step import Observation, ProofVerdict

Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)


@dataclass(frozen=True)
class Check(Generic[Req, Res]):
    """One look: which port, asked what at the n-th poll, and what must be true of the answer.

    ``holds`` says None of an answer that shows neither: that look is ``unprovable``.
    """

    says: str
    port: Port[Req, Res]
    ask: Callable[[int], Req]
    holds: Callable[[Res], bool | None]


@dataclass(frozen=True)
class Proof:
    """All *checks* hold at *polls* consecutive looks, *every* apart.

    A look that does not hold starts the count anew until *within* is over; after that it ends the
    proof. With *within* zero it is a guard: the first look that does not hold breaks it.
    """

    checks: Sequence[Check[Any, Any]]
    polls: int = 3
    every: timedelta = timedelta(seconds=30)
    within: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Stands:
    """How a containment is looked at again while it stands; unless said, by its own proof.

    *by* is the proof to look by where that one holds only at its time. *over* names the containing
    steps that this one takes the place of: they are not looked at while it stands. *until* is when
    it ends by itself.
    """

    by: Proof | None = None
    over: tuple[str, ...] = ()
    until: datetime | None = None


STANDS = Stands()
"""By its own proof, until it is taken back, lifted or the incident closes."""


def judge(observations: Sequence[Observation]) -> ProofVerdict:
    """Return what one round of looks shows."""
    if any(o.held is False for o in observations):
        return ProofVerdict.DISPROVEN
    if any(o.held is None for o in observations):
        return ProofVerdict.UNPROVABLE
    return ProofVerdict.PROVEN
