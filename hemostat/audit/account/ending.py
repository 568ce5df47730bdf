"""How a run ended that did not close its incident: terminated, timed out, failed, as Temporal has it.

Such an end is no entry of the journal: whoever terminates a run asks nobody who writes one. It is
the last event of the sealed history, and the name in it is what the caller said of itself.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.audit.wire import Buffer, EventType, NotAnEvent, fields, id_and_type

ENDS: Final = {
    EventType.FAILED.name: "the workflow failed",
    EventType.TIMED_OUT.name: "the workflow timed out",
    EventType.CANCELED.name: "the workflow was cancelled",
    EventType.TERMINATED.name: "the workflow was terminated",
}
"""By Temporal's name of it; what is not here closed its incident, or goes on."""
_TERMINATED: Final = 27
"""The field of an event that holds the attributes of a termination."""
_REASON, _IDENTITY = 1, 3


class Ending:
    """Lets events pass, and remembers how the last of them ended its run."""

    def __init__(self) -> None:
        self._last: bytes | None = None

    def watch(self, events: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield *events* as they are."""
        for event in events:
            self._last = bytes(event)
            yield event

    @property
    def says(self) -> str | None:
        """How it ended, in words; None: it completed, goes on, or cannot be read."""
        if self._last is None:
            return None
        try:
            kind = id_and_type(self._last)[1]
            if kind != EventType.TERMINATED:
                return next((ENDS.get(known.name) for known in EventType if known == kind), None)
            told = dict(fields(self._last)).get(_TERMINATED, b"")
            said = {} if isinstance(told, int) else dict(fields(told))
        except NotAnEvent:
            return None
        identity, reason = _text(said.get(_IDENTITY, b"")), _text(said.get(_REASON, b""))
        by = f" by one who called themselves “{identity}”" if identity else ""
        because = f", with the reason “{reason}”" if reason else ", with no reason"
        return f"{ENDS[EventType.TERMINATED.name]}{by}{because}"


def _text(value: int | Buffer) -> str:
    return "" if isinstance(value, int) else bytes(value).decode("utf-8", "replace")[:200]
