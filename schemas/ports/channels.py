"""The channels: tell people of an incident where they are, in chat and by mail, and other systems.

Law: nothing here carries authority; what is told links to the page where people authenticate. The
same ``key`` is the same message, however often it is said: it is made once and then changed. A
report of an older revision never takes the place of a newer one. A drill reaches only whom the
connection allows for drills. All text is hostile and is shown as text.
"""

from datetime import timedelta

from schemas.base import Frozen, Name
from schemas.ports.port import Effect, port
from schemas.situation import Question, SituationReport

GIVE_UP: timedelta = timedelta(seconds=30)
"""After this the newest report is tried in place of one that does not get through."""


class Announce(Effect):
    """Tell a channel where the incident stands; ``message`` is where it said that it put it."""

    report: SituationReport
    message: str = ""


class Announced(Frozen):
    """The channel has it; ``withheld`` says why it was not told at all, by our own rule."""

    message: str
    changed: bool
    withheld: str = ""


class AskPerson(Effect):
    """Tell one person that a question waits for them, or that it does not any more."""

    person: Name
    question: Question
    report: SituationReport


class PersonAsked(Frozen):
    """Whether the message is with them; ``withheld`` says why it was not sent, by our own rule."""

    changed: bool
    withheld: str = ""


@port("chat", within=GIVE_UP)
async def announce(request: Announce) -> Announced:
    """Keep one message of the incident, and its thread, as the report says."""
    raise NotImplementedError


@port("chat", within=GIVE_UP)
async def ask_in_chat(request: AskPerson) -> PersonAsked:
    """Keep one direct message to the person about the question."""
    raise NotImplementedError


@port("mail", within=timedelta(minutes=2))
async def mail_report(request: Announce) -> Announced:
    """Mail the report to those who follow incidents."""
    raise NotImplementedError


@port("mail", within=timedelta(minutes=2))
async def ask_by_mail(request: AskPerson) -> PersonAsked:
    """Mail the question to the person."""
    raise NotImplementedError


@port("webhooks", within=GIVE_UP)
async def publish_report(request: Announce) -> Announced:
    """Give the report to the systems that subscribed to incidents."""
    raise NotImplementedError
