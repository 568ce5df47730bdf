"""Where people are reached: ``[people.NAME] slack, email, pagerduty``.

Law: an address stays with the process that uses it. It is in no incident, history or roster; those
know people by their ids alone.
"""

from typing import Annotated

from pydantic import StringConstraints

from schemas.base import Name
from schemas.roster import Person

SlackId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,30}$")]
"""A person's id at Slack; never their name, which anybody may take."""

PagerDutyId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,30}$")]

Address = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
    ),
]
"""A mail address, of the plain kind: nothing in it can end a header."""


class PersonTable(Person):
    """``[people.NAME]``: when they are there, and where they are reached."""

    slack: SlackId | None = None
    email: Address | None = None
    pagerduty: PagerDutyId | None = None

    def bare(self) -> Person:
        """Return the person as an incident knows them: without an address."""
        return Person(away=self.away, on_call=self.on_call)


Reached = dict[Name, str]
"""An address by the person's id."""
