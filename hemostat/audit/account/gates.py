"""The gates of an incident: what was asked of whom, who answered, and what silence did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hemostat.audit.account.record import at
from schemas.journal import Entry, Kind


@dataclass
class GateTold:
    """One asking of one gate; a gate that is asked anew is another one."""

    id: str
    entry: Entry
    decisions: list[Entry] = field(default_factory=list)
    events: list[Entry] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)
    """Pages for it that somebody acknowledged, which is an answer to a question that pages."""
    ended: Entry | None = None
    anew: bool = False
    """Whether the same gate was asked again later, of something newer."""

    @property
    def opened_at(self) -> datetime:
        """When it was asked."""
        return at(self.entry)

    @property
    def asks(self) -> str:
        """The question."""
        return self.entry.says.removeprefix("Asked: ")

    @property
    def roles(self) -> tuple[str, ...]:
        """Who was asked first."""
        roles: Any = self.entry.data.get("roles", ())
        return tuple(roles)

    @property
    def digest(self) -> str:
        """Of what was shown."""
        return str(self.entry.data.get("digest", ""))

    @property
    def shown(self) -> Mapping[str, Any]:
        """What was shown."""
        shown: Any = self.entry.data.get("shown")
        return shown if isinstance(shown, dict) else {}

    @property
    def outcome(self) -> str | None:
        """How it ended; None while it is open."""
        return str(self.ended.data.get("outcome")) if self.ended else None

    @property
    def stands_open(self) -> bool:
        """Whether it is an offer that asks nothing of anybody."""
        return self.entry.data.get("on_silence") == "stand"

    @property
    def due(self) -> datetime | None:
        """Until when an answer was due; None: until no moment, or the record does not tell."""
        told = self.entry.data.get("due")
        try:
            return datetime.fromisoformat(told) if isinstance(told, str) else None
        except ValueError:
            return None

    @property
    def latency(self) -> timedelta | None:
        """From the question to its end, where people or silence ended it."""
        if self.ended is None or self.outcome == "withdrawn" or self.stands_open:
            return None
        return at(self.ended) - self.opened_at

    @property
    def pre_authorised(self) -> str | None:
        """The gate at which people agreed beforehand to what then proceeded; None: they did not."""
        told = self.ended.data.get("pre_authorisation") if self.ended else None
        return told if isinstance(told, str) else None

    @property
    def by_silence(self) -> bool:
        """Whether silence alone let it proceed: no person agreed, not even beforehand."""
        return self.outcome == "proceeded-by-policy" and self.pre_authorised is None

    @property
    def said(self) -> list[Entry]:
        """What people decided at it, one entry each; the last word of who took it back is not here."""
        return [d for d in self.decisions if "choice" in d.data]

    @property
    def taken_back(self) -> set[str]:
        """The decisions that were taken back before they were used."""
        return {str(d.data["withdraws"]) for d in self.decisions if "withdraws" in d.data}

    @property
    def unanswered(self) -> bool:
        """Whether it asked somebody, nobody answered, and it was neither settled nor asked anew."""
        settled = self.outcome not in (None, "withdrawn")
        return not (self.said or self.taken or settled or self.stands_open or self.anew)

    @property
    def stood(self) -> timedelta | None:
        """From the question to its end, however it ended; None while it is open."""
        return at(self.ended) - self.opened_at if self.ended else None

    @property
    def escalated(self) -> list[str]:
        """The roles that were asked because the ones before did not answer, in order."""
        roles: list[str] = []
        for event in self.events:
            told: Any = event.data.get("roles")
            if event.data.get("event") == "escalated" and isinstance(told, list):
                roles += map(str, told)
        return roles


def acknowledges(entry: Entry) -> bool:
    """Whether somebody acknowledged a page here; what was not proven to come so is refused."""
    return entry.kind is Kind.PAGE and entry.says.startswith("Acknowledged in ")


def gates_of(entries: Iterable[Entry]) -> list[GateTold]:
    """Return every asking, in order."""
    asked: list[GateTold] = []
    open_: dict[str, GateTold] = {}
    for entry in entries:
        name = entry.data.get("gate")
        if not isinstance(name, str):
            continue
        if entry.kind is Kind.GATE and "digest" in entry.data:
            if name in open_:
                open_[name].anew = True
            open_[name] = GateTold(name, entry)
            asked.append(open_[name])
        elif name in open_ and entry.kind is Kind.GATE:
            if "outcome" in entry.data:
                open_[name].ended = entry
            else:
                open_[name].events.append(entry)
        elif name in open_ and acknowledges(entry):
            open_[name].taken.append(entry)
        elif name in open_ and entry.kind is Kind.DECISION:
            open_[name].decisions.append(entry)
    return asked
