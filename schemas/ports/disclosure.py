"""What leaves the company: statements and filings, exactly as approved, once, with a receipt."""

from typing import Any, Final

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from schemas.base import Digest, Frozen, Name
from schemas.evidence import EvidenceItem
from schemas.ports.port import Effect, Request, port

LONGEST_TEXT: Final = 20_000
"""Characters: what people can be shown whole, and read, before they approve it."""


class Disclose(Effect):
    """Send *text* to an *audience* of the connection; ``statement`` names it: sent once."""

    statement: str = Field(max_length=200)
    audience: Name
    subject: str = Field(max_length=200)
    text: str = Field(max_length=LONGEST_TEXT)
    text_digest: Digest
    """Of the UTF-8 text, as the approvers saw it; another text is not sent."""


class Receipt(Frozen):
    """The proof that it was handed over; ``changed`` False: it was sent before."""

    receipt: str
    audience: Name
    text_digest: Digest
    sealed: Digest
    changed: bool
    item: EvidenceItem | None = None
    """What was sealed, as the vault keeps it, so that the journal binds more than its digest."""

    @model_serializer(mode="wrap")
    def _without_what_nobody_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Recorded incidents know no ``item``: what was told of theirs stays as it was."""
        written: dict[str, Any] = write(self)
        if self.item is None:
            written.pop("item", None)
        return written


class ReadDisclosure(Request):
    """Ask what was sent under a name."""

    statement: str
    audience: Name


class Disclosed(Frozen):
    """The digest of the text that was really sent, None if none was."""

    text_digest: Digest | None


class SealReport(Effect):
    """Put a report into the vault; nothing leaves."""

    name: str
    text: str = Field(max_length=100_000)


class ReportSealed(Frozen):
    """Where it is."""

    digest: Digest
    size: int


@port("disclosure")
async def send_disclosure(request: Disclose) -> Receipt:
    """Send the approved text to the audience, once."""
    raise NotImplementedError


@port("disclosure")
async def read_disclosure(request: ReadDisclosure) -> Disclosed:
    """Read back what was sent."""
    raise NotImplementedError


@port("disclosure")
async def seal_report(request: SealReport) -> ReportSealed:
    """Seal a report's content into the vault, for delivery by the board's own channel."""
    raise NotImplementedError
