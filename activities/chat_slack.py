"""Tells an incident in a Slack channel and asks people by direct message, with Slack's own client.

Law: look before posting and read back after it. Slack has no idempotency key, so a message carries
a mark made of our key in its first block: across a crash the look finds what a lost answer had
made, two of a kind become one, and an older revision never replaces a newer one. Foreign text is
``plain_text`` (see ``parts/slack_blocks``), nothing is unfurled, and a button carries no authority.
One attempt of a call is one request; Temporal does the repeating.

Contract: https://docs.slack.dev/reference/methods (chat.postMessage, chat.update, chat.delete,
conversations.history, conversations.replies, conversations.open, auth.test)
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal
from weakref import WeakValueDictionary

from pydantic import Field

from activities.parts import slack_blocks
from activities.parts.slack_blocks import Blocks, mark_of, revision_in
from activities.parts.slack_wire import WHERE, Wire, messages_of, part_of
from hemostat.settings import SecretRef
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import HemostatError, SystemRefused, SystemUnreachable
from schemas.ports.channels import (
    Announce,
    Announced,
    AskPerson,
    PersonAsked,
    announce,
    ask_in_chat,
)
from schemas.ports.port import fulfils
from schemas.situation import Line

_PAGE, _PAGES = 200, 5
_BEFORE: Final = timedelta(minutes=10)
"""How much earlier than the incident its messages are looked for: clocks differ."""


class Connection(Frozen):
    """``[connections.NAME]``: a bot and the channel (its id) in which it tells incidents.

    Drills are told in ``drill_channel`` and to ``drill_people`` alone. ``people`` are the Slack ids
    of ``[people.NAME] slack``, ``public_url`` is the gateway's; both are filled in.
    """

    reached_by: ClassVar[str] = "slack"

    adapter: Literal["chat_slack"]
    token: SecretRef
    channel: str = Field(pattern=r"^[CG][A-Z0-9]{2,30}$")
    drill_channel: str | None = Field(default=None, pattern=r"^[CG][A-Z0-9]{2,30}$")
    drill_people: tuple[Name, ...] = ()
    url: str = Field(
        default="https://slack.com/api/",
        pattern=r"^(https://[^\s@]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s@]*)?)$",
    )
    ca: SecretRef | None = None
    people: dict[Name, str] = {}
    public_url: str = ""


class Slack:
    """One workspace; its state is Slack's."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._wire = Wire(connection.token, connection.url, connection.ca)
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @fulfils(announce)
    async def announce(self, request: Announce) -> Announced:
        """Keep the incident's message and its thread as the report says."""
        report, chosen = request.report, self._connection
        channel = chosen.drill_channel if report.drill else chosen.channel
        if channel is None:
            return Announced(message="", changed=False, withheld="no channel for drills")
        mark = mark_of(request.key)
        text, blocks = slack_blocks.incident_message(report, mark, self._page(request.incident))
        channel_of, _, ts = request.message.partition("/")
        known = ts if channel_of == channel else ""
        async with self._alone(request.key):
            ts, changed = await self._keep(
                channel, known, mark, report.revision, (text, blocks), since=report.opened_at
            )
            if not report.discreet:
                changed |= await self._keep_thread(channel, ts, request.key, report.lines)
        return Announced(message=f"{channel}/{ts}", changed=changed)

    @fulfils(ask_in_chat)
    async def ask_in_chat(self, request: AskPerson) -> PersonAsked:
        """Keep one direct message about the question."""
        user, report = self._connection.people.get(request.person), request.report
        if not user:
            return PersonAsked(changed=False, withheld="no Slack id")
        if report.drill and request.person not in self._connection.drill_people:
            return PersonAsked(changed=False, withheld="not on the list for drills")
        mark, question = mark_of(request.key), request.question
        page = self._page(request.incident, f"/gates/{question.gate}")
        said = slack_blocks.question_message(question, report, mark, page)
        revision = slack_blocks.question_revision(question)
        async with self._alone(request.key):
            opened = await self._wire.call("conversations.open", users=user)
            channel = str(part_of(opened, "channel").get("id", ""))
            ours = await self._search(channel, mark, report.opened_at)
            if question.over and not ours:
                return PersonAsked(changed=False)
            known = str(ours[0]["ts"]) if ours else ""
            _, changed = await self._keep(
                channel, known, mark, revision, said, since=report.opened_at
            )
        return PersonAsked(changed=changed)

    async def check(self) -> list[str]:
        """Say who we are, and read the channels that we are to tell."""
        chosen = self._connection
        problems = [] if chosen.public_url else ["without [gateway] public_url nothing is linked."]
        try:
            await self._wire.us()
        except HemostatError as error:
            return [*problems, str(error)]
        for channel in (chosen.channel, chosen.drill_channel):
            try:
                if channel:
                    await self._wire.call("conversations.history", channel=channel, limit=1)
            except (SystemRefused, SystemUnreachable) as error:
                problems.append(f"the channel {channel} cannot be read: {error}")
        return problems

    async def aclose(self) -> None:
        """Let the threads go; a request that still runs ends by itself."""
        self._wire.close()

    # One message, whatever happens

    async def _keep(
        self,
        channel: str,
        known: str,
        mark: str,
        revision: int,
        said: tuple[str, Blocks],
        *,
        since: datetime,
    ) -> tuple[str, bool]:
        """Make or change the message of *mark*; return where it is and whether that took a change.

        Of two, which only a race can make, the older one stays.
        """
        text, blocks = said
        there = await self._at(channel, known, mark) if known else None
        if there is None:
            found = await self._search(channel, mark, since)
            there = found[0] if found else None
            for double in found[1:]:
                await self._wire.call("chat.delete", channel=channel, ts=str(double["ts"]))
        if there is None:
            posted = await self._wire.call("chat.postMessage", **self._quiet(channel, text, blocks))
            ts = str(posted.get("ts", ""))
        else:
            ts = str(there["ts"])
            if (revision_in(there, mark) or 0) >= revision:
                return ts, False
            await self._wire.call("chat.update", channel=channel, ts=ts, **_content(text, blocks))
        kept = await self._at(channel, ts, mark)
        if kept is None or (revision_in(kept, mark) or 0) < revision:
            raise SystemUnreachable("it took the message, but does not have it", where=WHERE)
        return ts, True

    async def _keep_thread(self, channel: str, ts: str, key: str, lines: Sequence[Line]) -> bool:
        """Post the lines that the thread lacks, in order, and change those that say otherwise."""
        replies = await self._pages("conversations.replies", channel=channel, ts=ts)
        changed = False
        for line in lines:
            mark = mark_of(f"{key}/{line.id}")
            text, blocks = slack_blocks.line_message(line, mark)
            there = next((r for r in replies if revision_in(r, mark) is not None), None)
            if there is None:
                quiet = self._quiet(channel, text, blocks)
                await self._wire.call("chat.postMessage", thread_ts=ts, **quiet)
            elif revision_in(there, mark) != slack_blocks.line_revision(line):
                place = str(there["ts"])
                await self._wire.call(
                    "chat.update", channel=channel, ts=place, **_content(text, blocks)
                )
            else:
                continue
            changed = True
        return changed

    async def _at(self, channel: str, ts: str, mark: str) -> dict[str, Any] | None:
        """The message at *ts*, if it is ours and of this mark."""
        answer = await self._wire.call(
            "conversations.history", channel=channel, latest=ts, oldest=ts, inclusive=True, limit=1
        )
        for message in await self._ours(messages_of(answer)):
            if message.get("ts") == ts and revision_in(message, mark) is not None:
                return message
        return None

    async def _search(self, channel: str, mark: str, since: datetime) -> list[dict[str, Any]]:
        """Our messages of this mark, the oldest first."""
        oldest = f"{(since - _BEFORE).timestamp():.6f}"
        found = await self._pages("conversations.history", channel=channel, oldest=oldest)
        ours = [message for message in found if revision_in(message, mark) is not None]
        return sorted(ours, key=lambda message: float(message["ts"]))

    async def _pages(self, method: str, **asked: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await self._wire.call(method, limit=_PAGE, **asked, **more)
            found += await self._ours(messages_of(answer))
            cursor = str(part_of(answer, "response_metadata").get("next_cursor") or "")
            if not cursor:
                break
        return found

    async def _ours(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without what others posted: a mark can be copied."""
        user, bot = await self._wire.us()
        return [m for m in messages if m.get("user") == user or (bot and m.get("bot_id") == bot)]

    def _alone(self, key: str) -> asyncio.Lock:
        return self._busy.setdefault(key, asyncio.Lock())

    def _page(self, incident: str, below: str = "") -> str:
        base = self._connection.public_url.rstrip("/")
        return f"{base}/incidents/{incident}{below}" if base else ""

    def _quiet(self, channel: str, text: str, blocks: Blocks) -> dict[str, Any]:
        """What is posted: nothing is unfurled, linked or mentioned by what it says."""
        return {
            "channel": channel,
            "unfurl_links": False,
            "unfurl_media": False,
            "mrkdwn": False,
            **_content(text, blocks),
        }


def _content(text: str, blocks: Blocks) -> dict[str, Any]:
    return {"text": text, "blocks": blocks, "parse": "none", "link_names": False}
