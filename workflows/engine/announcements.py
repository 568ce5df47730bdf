"""Telling people where they are: beside the response, never in its way, and the newest standing wins.

Each channel is told by itself, and persons apart from the channel: one that fails, is slow or lies
keeps neither the response nor another channel waiting, and the journal shows it. What changes while
a channel is being told is told together, next. A service without these connections has no
announcer: nothing here then runs, waits or writes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.incident import OpenIncident
from schemas.journal import Kind
from schemas.ports.channels import (
    Announce,
    Announced,
    AskPerson,
    PersonAsked,
    announce,
    ask_by_mail,
    ask_in_chat,
    mail_report,
    publish_report,
)
from schemas.ports.port import Port
from schemas.situation import Question, SituationReport
from workflows.engine import commands
from workflows.engine.failures import ActFailed
from workflows.engine.paging import LAST_WORD
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.reporting import Reporting
from workflows.engine.steps import Hands, do

GATHER = timedelta(seconds=1)
"""What happens so soon after a message is told together with the next."""

AGAIN, AGAIN_AT_MOST = 5.0, 300.0
"""Seconds until a channel that did not take something is tried again."""

SLOW = timedelta(seconds=5)


@dataclass
class Channel:
    """One channel and what it has been told."""

    name: str
    tell: Port[Announce, Announced]
    ask: Port[AskPerson, PersonAsked] | None
    milestones_only: bool = False
    """Not every step is worth a mail."""
    told: int = 0
    gist: list[str] = field(default_factory=list)
    message: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    """By nonce and person: how the question stood when they were last told."""
    failing: dict[str, str] = field(default_factory=dict)
    """Since when it does not take what, by what."""


def _channels() -> tuple[Channel, ...]:
    return (
        Channel("chat", announce, ask_in_chat),
        Channel("mail", mail_report, ask_by_mail, milestones_only=True),
        Channel("webhooks", publish_report, None),
    )


class Announcer:
    """Tells the channels of one incident."""

    def __init__(
        self,
        record: Record,
        hands: Hands,
        opening: OpenIncident,
        people: People,
        reporting: Reporting,
        in_background: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[Any]],
    ) -> None:
        self._record = record
        self._hands = hands
        self._people = people
        self._reporting = reporting
        self._in_background = in_background
        self._over = False
        self._tasks: list[asyncio.Task[Any]] = []
        named = opening.service.connections
        self._channels = [c for c in _channels() if named.get(c.name)]

    @property
    def declared(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._channels)

    def begin(self) -> None:
        """Begin, or go on in a new run or after a close that was not to be."""
        self._over = False
        for channel in self._channels:
            for work in (self._tell, self._ask) if channel.ask else (self._tell,):
                self._tasks.append(self._in_background(self._attend(channel, work), "announce"))

    async def settle(self, fires_again: Callable[[], bool]) -> None:
        """Say how it ended; nobody waits long for a channel, and not at all when it fires again."""
        if not self._channels:
            return
        self._over = True
        try:
            await commands.until(
                lambda: all(task.done() for task in self._tasks) or fires_again(),
                within=LAST_WORD,
                summary="a last word to the channels",
            )
        except TimeoutError:
            left = sorted({c.name for c in self._channels if c.failing})
            says = "Closing without a last word to a channel"
            self._record.write(Kind.MESSAGE, says, data={"channels": [*left]})
        pending = [task for task in self._tasks if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await workflow.wait(pending)
        self._tasks.clear()

    async def _attend(self, channel: Channel, work: Callable[[Channel], Awaitable[bool]]) -> None:
        """Do *work* at every change, and again, later each time, while it does not succeed."""
        pause = AGAIN
        while True:
            seen, over = self._record.chain.length, self._over
            try:
                done = await work(channel)
            except Exception as error:  # noqa: BLE001 - no message is worth an incident
                says = f"The channel {channel.name} is not told any more: {type(error).__name__}"
                self._record.write(Kind.FINDING, says)
                return
            if done and over:
                return
            if done:
                pause = AGAIN
                await self._until_news(seen)
                continue
            await self._unless_over(over, pause)
            pause = AGAIN if self._over != over else min(2 * pause, AGAIN_AT_MOST)

    async def _until_news(self, seen: int) -> None:
        await commands.until(lambda: self._over or self._record.chain.length != seen)

    async def _unless_over(self, over: bool, pause: float | timedelta) -> None:
        try:
            await commands.until(
                lambda: self._over != over, within=pause, summary="before the next message"
            )
        except TimeoutError:
            return

    # The channel itself

    async def _tell(self, channel: Channel) -> bool:
        """Tell the newest standing, if it is news; whether the channel has it."""
        over = self._over
        report = self._reporting.report(over=over)
        gist = _gist(report)
        if channel.told == report.revision or (channel.milestones_only and gist == channel.gist):
            return True
        request = Announce(report=report, message=channel.message)
        answer = await self._send(channel, channel.tell, request, "the incident", "")
        if answer is None:
            return False
        channel.told, channel.gist = report.revision, gist
        channel.message = answer.message or channel.message
        data: dict[str, JsonValue] = {"channel": channel.name, "revision": report.revision}
        if answer.withheld:
            says = f"Not told by {channel.name}: {answer.withheld}"
        else:
            says = f"Told by {channel.name}: {report.standing()}"
            data["message"] = answer.message
        self._record.write(Kind.MESSAGE, says, data=data)
        if not over:
            await self._unless_over(over, GATHER)
        return True

    # Persons

    async def _ask(self, channel: Channel) -> bool:
        """Tell each person what is asked of them, or is not any more; whether all have it."""
        due = [
            (question, person, key, state)
            for question, person in self._reporting.wanted(channel.asked)
            for key, state in [(f"{question.nonce}/{person}", _state(question))]
            if channel.asked.get(key) != state
        ]
        report = self._reporting.report(over=self._over)
        told = [self._ask_one(channel, report, *one) for one in due]
        return all(await asyncio.gather(*told))

    async def _ask_one(
        self, channel: Channel, report: SituationReport, question: Question, person: str, *at: str
    ) -> bool:
        key, state = at
        if channel.ask is None or self._people.excludes(person):
            return True
        request = AskPerson(person=person, question=question, report=report)
        answer = await self._send(channel, channel.ask, request, "a question", f"/{key}")
        if answer is None:
            return False
        channel.asked[key] = state
        if question.over is None:
            says = f"{person} was not asked by {channel.name}: {answer.withheld}"
            if not answer.withheld:
                says = f"Asked {person} by {channel.name} at gate {question.gate}"
            data: dict[str, JsonValue] = {"channel": channel.name, "gate": question.gate}
            self._record.write(Kind.MESSAGE, says, data=data | {"person": person})
        return True

    async def _send(
        self, channel: Channel, port: Port[Any, Any], request: Any, what: str, key: str
    ) -> Any | None:
        """The answer, or None; what fails and what is slow is in the journal, once for each time."""
        began, about = workflow.now(), key or what
        try:
            answer = await self._hands.quietly(
                do(port, request), key=f"{self._reporting.key}/{channel.name}{key}"
            )
        except ActFailed as error:
            if about not in channel.failing:
                channel.failing[about] = iso(began)
                says = f"{channel.name} did not take {what}: {error.reason}"
                self._record.write(Kind.MESSAGE, says, data={"channel": channel.name})
            return None
        since = channel.failing.pop(about, None)
        took = (workflow.now() - began).total_seconds()
        if since is not None:
            waited = (workflow.now() - datetime.fromisoformat(since)).total_seconds()
            says = f"{channel.name} takes {what} again, {waited:.0f} s after it was first to"
            self._record.write(Kind.MESSAGE, says, data={"channel": channel.name})
        elif took >= SLOW.total_seconds():
            says = f"{channel.name} is slow: it took {what} after {took:.0f} s"
            self._record.write(Kind.MESSAGE, says, data={"channel": channel.name})
        return answer

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "reporting": self._reporting.dump(),
            "channels": {
                channel.name: {
                    "told": channel.told,
                    "gist": [*channel.gist],
                    "message": channel.message,
                    "asked": dict(channel.asked),
                    "failing": dict(channel.failing),
                }
                for channel in self._channels
            },
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._reporting.load(dumped["reporting"])
        for channel in self._channels:
            kept = dumped["channels"].get(channel.name, {})
            for name, value in kept.items():
                setattr(channel, name, value)


def _gist(report: SituationReport) -> list[str]:
    """What is worth a mail when it changes."""
    over = report.resolution or ""
    return [report.severity.value, report.containment, over, str(report.discreet)]


def _state(question: Question) -> str:
    return question.over.value if question.over else "held" if question.held else "open"
