"""The list of incidents: its filters, its pages, and cursors that show nothing of what is hidden.

A page is as long as asked for, also where incidents in between are not for the reader; so nobody
can count what they must not see. A cursor is a place in Temporal's own list. Temporal names a place
by the incident that stands there, which may be a hidden one: so a cursor goes out sealed.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Final

from pydantic import Field
from temporalio.client import Client

from hemostat.desk.access import Access
from hemostat.identity.sealed import SealedCookie
from hemostat.incidents import page
from hemostat.incidents.incident_row import IncidentRow
from schemas import visibility
from schemas.base import Frozen, Name
from schemas.errors import BadInput
from schemas.incident import Containment, Phase
from schemas.severity import Severity
from schemas.who import Who

LARGEST: Final = 200
"""Rows in a page."""


class NoSuchPlace(BadInput):
    """A cursor that we did not give out."""


class Filters(Frozen):
    """What a list is narrowed to; what is None narrows nothing."""

    open: bool | None = None
    playbook: Name | None = None
    service: Name | None = None
    severity: Severity | None = None
    containment: Containment | None = None
    phase: Phase | None = None
    waiting_for: Name | None = None
    drill: bool | None = None
    starts_with: Name | None = None
    """The beginning of the incident's id."""

    def query(self) -> str:
        """Return the list filter; every value is one of ours or a name, so none can break out."""
        return " AND ".join(self._terms())

    def _terms(self) -> Iterator[str]:
        if self.open is not None:
            yield f"ExecutionStatus {'=' if self.open else '!='} 'Running'"
        for key, value in (
            (visibility.PLAYBOOK, self.playbook),
            (visibility.SERVICE, self.service),
            (visibility.SEVERITY, self.severity and self.severity.value),
            (visibility.CONTAINMENT, self.containment and self.containment.value),
            (visibility.PHASE, self.phase and self.phase.value),
            (visibility.WAITING_FOR, self.waiting_for),
        ):
            if value is not None:
                yield f"{key.name} = '{value}'"
        if self.drill is not None:
            yield f"{visibility.DRILL.name} = {str(self.drill).lower()}"
        if self.starts_with is not None:
            yield f"WorkflowId STARTS_WITH '{self.starts_with}'"


class Page(Frozen):
    """One page of the list; ``next`` is the cursor of the one after it, None at the end."""

    incidents: tuple[IncidentRow, ...]
    next: str | None = None


class Cursor(Frozen):
    """A place in the list: a page of Temporal's, and how many of its rows are behind us."""

    token: str = Field(default="", max_length=4000)
    rows: int = Field(default=0, ge=0, le=2 * LARGEST)
    """How many rows a page of Temporal's has in this walk; 0: not begun."""
    skip: int = Field(default=0, ge=0, le=2 * LARGEST)

    def place(self) -> bytes | None:
        """Return Temporal's token."""
        return base64.b64decode(self.token, validate=True) or None

    @classmethod
    def at(cls, place: bytes | None, rows: int, skip: int) -> "Cursor":
        """Return the cursor of a place."""
        return cls(token=base64.b64encode(place or b"").decode(), rows=rows, skip=skip)


class Cursors:
    """Gives cursors out and takes them back; *key* (32 bytes) is all that opens one."""

    def __init__(self, key: bytes) -> None:
        self._sealed = SealedCookie("cursor", key, https=False)

    def text(self, cursor: Cursor) -> str:
        """Return *cursor* as it goes out."""
        return self._sealed.sealed(cursor)

    def read(self, text: str | None) -> Cursor:
        """Return what *text* says; raises ``NoSuchPlace`` for anything that we did not give out."""
        if not text:
            return Cursor()
        cursor = self._sealed.opened(text, Cursor)
        if cursor is None:
            raise NoSuchPlace(
                "this is no cursor", where="cursor", next_step="begin again from the first page."
            )
        return cursor


async def one_page(
    client: Client,
    access: Access,
    cursors: Cursors,
    who: Who,
    query: str,
    *,
    size: int,
    cursor: str | None = None,
) -> Page:
    """Return *size* incidents that *who* may see, from *cursor* on.

    There is a next page only if *who* sees anything on it.
    """
    size, start = min(max(size, 1), LARGEST), cursors.read(cursor)
    taken: list[IncidentRow] = []
    following = Cursor()
    start = start.model_copy(update={"rows": start.rows or size + 1})
    async for row, after in _rows(client, access, who, query, start):
        if len(taken) == size:
            return Page(incidents=tuple(taken), next=cursors.text(following))
        taken.append(row)
        following = after
    return Page(incidents=tuple(taken))


async def _rows(
    client: Client, access: Access, who: Who, query: str, start: Cursor
) -> AsyncIterator[tuple[IncidentRow, Cursor]]:
    """Yield each incident that *who* may see, with the place after it."""
    place, skip = start.place(), start.skip
    while True:
        try:
            rows, following = await page(client, query, start.rows, place)
        except BadInput as error:
            raise NoSuchPlace(error.what, where="cursor", next_step=error.next_step) from error
        rest = list(enumerate(rows))[skip:]
        seen = {row.run_id for row in await access.visible(client, who, [row for _, row in rest])}
        for number, row in rest:
            if row.run_id in seen:
                yield row, Cursor.at(place, start.rows, number + 1)
        if not following:
            return
        place, skip = following, 0
