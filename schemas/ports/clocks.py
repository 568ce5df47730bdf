"""The calendar: what a due time depends on and no workflow may compute, since its editions change."""

from schemas.base import Utc
from schemas.clocks.arithmetic import Due
from schemas.clocks.definition import ClockDefinition
from schemas.ports.port import Request, port


class ComputeDue(Request):
    """Ask when *definition* is due, given the moments of its facts, in these countries."""

    definition: ClockDefinition
    facts: dict[str, Utc]
    countries: tuple[str, ...] = ()


@port("clocks")
async def compute_due(request: ComputeDue) -> Due:
    """Compute the due time in every reading, and name the editions of the calendars used."""
    raise NotImplementedError
