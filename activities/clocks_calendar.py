"""Due times by the calendars of the libraries ``holidays`` and ``tzdata``; reaches out to nothing.

Both are pinned with the project, and each answer names their editions: working days are the
public holidays of a country (``DE``) or of a part of it (``DE-BY``), time zones those of IANA,
from the package and not from whatever the machine has.
"""

from datetime import date, tzinfo
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from holidays import HolidayBase, country_holidays

from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.clocks.arithmetic import Due
from schemas.clocks.readings import due_by_calendar, zone_name
from schemas.errors import BadInput
from schemas.ports.clocks import ComputeDue, compute_due
from schemas.ports.port import fulfils


class Connection(Frozen):
    """``[connections.NAME]``: nothing to set, and no secret."""

    adapter: Literal["clocks_calendar"]


class LibraryCalendar:
    """``schemas.clocks.readings.Calendar`` by the two libraries."""

    def zone(self, name: str) -> tzinfo:
        """The zone *name* of the package ``tzdata``."""
        return _zone(name)

    def works(self, country: str, day: date) -> bool:
        """Whether *day* is a working day; holidays are those of the country or its part."""
        return day.weekday() < 5 and day not in _holidays(country)


@cache
def _zone(name: str) -> ZoneInfo:
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def _holidays(country: str) -> HolidayBase:
    nation, _, part = country.partition("-")
    return country_holidays(nation, subdiv=part or None)


class ClocksCalendar:
    """Computes due times; the same request gets the same answer from the same editions."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._calendar = LibraryCalendar()

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def check(self) -> list[str]:
        """Nothing is reached out to."""
        return []

    @fulfils(compute_due)
    async def compute_due(self, request: ComputeDue) -> Due:
        """Compute it; ``BadInput`` names a country whose holidays or time are not known."""
        for country in request.countries:
            try:
                zone_name(country)
                _holidays(country)
            except (KeyError, NotImplementedError) as error:
                raise BadInput(
                    "there is no calendar of this country",
                    where=country,
                    next_step="correct `countries` of the service.",
                ) from error
        due = due_by_calendar(request.definition, request.facts, request.countries, self._calendar)
        return due.model_copy(update={"versions": editions()})


def editions() -> dict[str, str]:
    """The editions of the libraries that take part."""
    return {name: version(name) for name in ("holidays", "tzdata")}
