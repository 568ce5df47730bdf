"""Whether an incident is restricted, as its own sealed events say: then its evidence is withheld.

Search attributes are never encrypted, so the mark is there to be read in any history; it stands in
the start of a run and in what was upserted later, when somebody was suspected. Once marked, always.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from schemas.audit.wire import EventType, NotAnEvent, id_and_type, read_event

MARK: Final = "HemostatRestricted"
SERVICE: Final = "HemostatService"
"""``schemas.visibility`` has them too; reading a pack needs no Temporal, so they stand here."""

_ATTRIBUTES_IN: Final = {int(EventType.STARTED): 23, int(EventType.UPSERT_ATTRIBUTES): 2}
"""The field of the attributes that holds the search attributes, by event type."""
_INPUT: Final = 6


@dataclass
class Visibility:
    """What the events say of who may see the incident."""

    restricted: bool = False
    service: str | None = None


def visibility_of(events: Iterable[bytes]) -> Visibility:
    """Return what *events*, of all runs of one incident, say; what is no event says nothing."""
    seen = Visibility()
    for raw in events:
        try:
            _, kind = id_and_type(raw)
            if kind not in _ATTRIBUTES_IN:
                continue
            event = read_event(raw)
            marks = event.mapped(_ATTRIBUTES_IN[kind])
            opening = next(iter(event.payloads(_INPUT)), None) if kind == 1 else None
        except NotAnEvent:
            continue
        seen.restricted |= marks.get(MARK) is True or _declared(opening, "restricted") is True
        named = marks.get(SERVICE) or _declared(opening, "name")
        seen.service = seen.service or (named if isinstance(named, str) else None)
    return seen


def _declared(opening: Any, what: str) -> Any:
    """What the incident's own input says of its service, where it is plain JSON."""
    service = opening.get("service") if isinstance(opening, dict) else None
    return service.get(what) if isinstance(service, dict) else None
