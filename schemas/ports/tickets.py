"""The ticket system: work that people do after the alarm."""

from schemas.base import Frozen
from schemas.incident import Severity
from schemas.ports.port import Effect, Request, port


class OpenTicket(Effect):
    """Open a ticket; ``correlation`` names it, so that opening it twice is one ticket."""

    correlation: str
    title: str
    body: str
    severity: Severity
    drill: bool = False


class Ticket(Frozen):
    """A ticket; ``changed`` False: it was there already."""

    id: str
    number: str
    changed: bool


class ReadTicket(Request):
    """Ask for the ticket of a correlation."""

    correlation: str


class TicketState(Frozen):
    """The ticket as the system has it, or ``number`` None."""

    number: str | None
    open: bool = False
    title: str = ""


@port("tickets")
async def open_ticket(request: OpenTicket) -> Ticket:
    """Open the ticket unless one with this correlation exists."""
    raise NotImplementedError


@port("tickets")
async def read_ticket(request: ReadTicket) -> TicketState:
    """Read the ticket back."""
    raise NotImplementedError
