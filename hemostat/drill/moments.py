"""When the record says that things happened: the times of an incident's entries.

Law: a look of a proof is not its verdict, and is passed over.
"""

from datetime import datetime

from schemas.journal import Entry, Kind


class Moments:
    """What every incident has; a drill's own adds its steps."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self.detected = self.when(Kind.ALERT)
        self.closed = self.when(Kind.CLOSED)

    def proven(self, step: str) -> datetime | None:
        """When *step* was proven; None if it never was."""
        return self.when(Kind.PROOF, step, ": proven")

    def when(self, kind: Kind, step: str | None = None, says: str = "") -> datetime | None:
        """When the first entry of *kind* came that is of *step*, if given, and says *says*."""
        for entry in self._entries:
            fits = step is None or entry.step == step
            if entry.kind is kind and fits and says in entry.says and "look" not in entry.says[:5]:
                return datetime.fromisoformat(entry.at)
        return None
