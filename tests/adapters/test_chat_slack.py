"""The channel's message and a person's: one for a key, whatever goes wrong on the way."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from activities.chat_slack import Connection, Slack
from activities.parts import slack_wire
from activities.parts.slack_blocks import ACKNOWLEDGE
from hemostat.drill.range.standins.standin import Control, Lie
from hemostat.vault import Vault
from schemas.errors import ConfigurationError, SystemRefused, SystemUnreachable
from schemas.gate import Outcome
from schemas.ports.channels import Announce, AskPerson
from tests.adapters.reports import a_question, a_report, lines

pytestmark = pytest.mark.real

TOKEN = "xoxb-range"


def connection(slack: Control, **changes: Any) -> Connection:
    fields: dict[str, Any] = {
        "adapter": "chat_slack",
        "token": "env:THE_SLACK_TOKEN",
        "channel": "C0INCIDENTS",
        "drill_channel": "C0DRILLS",
        "drill_people": ("ic-1",),
        "url": f"{slack.url}/api/",
        "ca": f"file:{slack.ca}",
        "people": {"ic-1": "U0ONE", "ml-1": "U0TWO", "gone-1": "U0GONE"},
        "public_url": "https://hemostat.example.test",
    }
    return Connection(**fields | changes)


@pytest.fixture
async def chat(
    slack: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Slack]:
    monkeypatch.setenv("THE_SLACK_TOKEN", TOKEN)
    adapter = Slack(connection(slack), Vault(tmp_path / "vault"))
    yield adapter
    await adapter.aclose()


def telling(revision: int = 1, message: str = "", **changes: Any) -> Announce:
    report = a_report(revision=revision, **changes)
    incident = report.incident
    return Announce(key=f"{incident}/run/chat", incident=incident, report=report, message=message)


def asking(person: str = "ic-1", drill: bool = False, **changes: Any) -> AskPerson:
    report, question = a_report(drill=drill), a_question(**changes)
    key = f"{report.incident}/run/chat/{question.nonce}/{person}"
    return AskPerson(
        key=key, incident=report.incident, person=person, question=question, report=report
    )


async def told(slack: Control, channel: str = "C0INCIDENTS") -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await slack.state())["messages"].get(channel, [])
    return messages


async def test_an_incident_is_one_message_that_changes_in_place_and_a_thread(
    chat: Slack, slack: Control
) -> None:
    first = await chat.announce(telling(lines=lines("Severity: SEV-2")))
    assert first.changed
    more = lines("Severity: SEV-2", "Containment: contained, proven")
    again = await chat.announce(telling(2, first.message, containment="proven", lines=more))
    assert again.message == first.message
    message, *thread = await told(slack)
    assert "contained, proven" in message["blocks"][0]["text"]["text"]
    assert [reply["blocks"][0]["text"]["text"] for reply in thread] == [line.says for line in more]
    assert all(reply["thread_ts"] == message["ts"] for reply in thread)
    urls = [e.get("url") for e in message["blocks"][-1]["elements"]]
    assert urls[0] == f"https://hemostat.example.test/incidents/{telling().incident}"
    assert message["unfurl_links"] is message["unfurl_media"] is False


async def test_a_line_of_the_thread_changes_in_place(chat: Slack, slack: Control) -> None:
    first = await chat.announce(telling(lines=lines("Asked: Roll back?")))
    await chat.announce(telling(2, first.message, lines=lines("Asked: Roll back? approved.")))
    _, reply = await told(slack)
    assert "approved" in reply["blocks"][0]["text"]["text"]


async def test_the_same_said_again_posts_nothing_and_an_older_report_changes_nothing(
    chat: Slack, slack: Control
) -> None:
    newest = await chat.announce(telling(3, containment="proven"))
    assert not (await chat.announce(telling(3, newest.message, containment="proven"))).changed
    assert not (await chat.announce(telling(2, newest.message))).changed
    (message,) = await told(slack)
    assert "proven" in message["blocks"][0]["text"]["text"]
    assert (await slack.state())["posted"] == 1


async def test_what_a_lost_answer_had_posted_is_found_again(
    chat: Slack, slack: Control, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(slack_wire, "_TIMEOUT_SECONDS", 1)
    await slack.lie(Lie.HANG)
    with pytest.raises(SystemUnreachable):
        await chat.announce(telling())
    after_a_crash = Slack(connection(slack), Vault(tmp_path / "vault"))
    assert (await after_a_crash.announce(telling())).message
    await after_a_crash.aclose()
    assert len(await told(slack)) == 1


async def test_a_workspace_that_says_yes_and_does_nothing_is_not_believed(
    chat: Slack, slack: Control
) -> None:
    await slack.lie(Lie.NO_EFFECT)
    with pytest.raises(SystemUnreachable, match="does not have it"):
        await chat.announce(telling())
    first = await chat.announce(telling())
    await slack.lie(Lie.NO_EFFECT)
    with pytest.raises(SystemUnreachable, match="does not have it"):
        await chat.announce(telling(2, first.message))


@pytest.mark.parametrize("lie", [Lie.ERROR, Lie.THROTTLE])
async def test_a_failure_is_told_at_once_and_not_repeated_by_the_client(
    chat: Slack, slack: Control, lie: Lie
) -> None:
    await slack.lie(lie)
    async with asyncio.timeout(5):
        with pytest.raises(SystemUnreachable, match=r"answered (500|429)"):
            await chat.announce(telling())
    assert [r["lie"] for r in (await slack.state())["requests"]] == [lie]


async def test_two_that_a_race_made_become_one(
    chat: Slack, slack: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.announce(telling())
    other = Slack(connection(slack), Vault(Path("unused")))
    real, blind = other._search, asyncio.Event()

    async def sees_nothing(*asked: Any) -> list[dict[str, Any]]:
        if not blind.is_set():
            blind.set()
            return []
        return await real(*asked)

    monkeypatch.setattr(other, "_search", sees_nothing)  # what the race would see
    await other.announce(telling())
    assert len(await told(slack)) == 2
    await other.announce(telling(2))
    assert len(await told(slack)) == 1
    await other.aclose()


async def test_a_person_is_asked_once_and_told_when_it_is_over(chat: Slack, slack: Control) -> None:
    for _ in range(2):
        await chat.ask_in_chat(asking())
    (message,) = await told(slack, "D0ONE")
    buttons = message["blocks"][-1]["elements"]
    assert buttons[0]["url"].endswith("/gates/confirm-known-good")
    assert buttons[1]["action_id"] == ACKNOWLEDGE
    await chat.ask_in_chat(asking(over=Outcome.APPROVED))
    assert not (await chat.ask_in_chat(asking())).changed  # late, and older
    (message,) = await told(slack, "D0ONE")
    assert "Not asked any more (approved)" in message["blocks"][0]["text"]["text"]
    assert len(message["blocks"][-1]["elements"]) == 1


async def test_drills_reach_the_drill_channel_and_listed_people_alone(
    chat: Slack, slack: Control
) -> None:
    await chat.announce(telling(drill=True))
    assert (await chat.ask_in_chat(asking("ml-1", drill=True))).withheld
    await chat.ask_in_chat(asking("ic-1", drill=True))
    messages = (await slack.state())["messages"]
    assert {channel for channel, said in messages.items() if said} == {"C0DRILLS", "D0ONE"}
    said = [messages[c][0]["blocks"][0]["text"]["text"] for c in ("C0DRILLS", "D0ONE")]
    assert all(text.startswith("EXERCISE: ") for text in said)
    lonely = Slack(connection(slack, drill_channel=None), Vault(Path("unused")))
    assert (await lonely.announce(telling(drill=True))).withheld == "no channel for drills"
    await lonely.aclose()


async def test_who_cannot_be_reached_is_an_answer_or_a_refusal_never_a_guess(
    chat: Slack, slack: Control
) -> None:
    assert (await chat.ask_in_chat(asking("nobody-1"))).withheld == "no Slack id"
    with pytest.raises(SystemRefused, match="user_not_found"):
        await chat.ask_in_chat(asking("gone-1"))
    elsewhere = Slack(connection(slack, channel="C0NOWHERE"), Vault(Path("unused")))
    with pytest.raises(SystemRefused, match="channel_not_found"):
        await elsewhere.announce(telling())
    assert any("C0NOWHERE" in problem for problem in await elsewhere.check())
    await elsewhere.aclose()
    assert await chat.check() == []


async def test_a_wrong_token_is_told_and_appears_nowhere(
    chat: Slack, slack: Control, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await chat.announce(telling())
    monkeypatch.setenv("THE_SLACK_TOKEN", "xoxb-not-the-token")
    with pytest.raises(ConfigurationError, match="invalid_auth") as raised:
        await chat.announce(telling(2))
    said = caplog.text + str(raised.value) + str(await slack.state())
    assert "xoxb-not-the-token" not in said
    assert TOKEN not in said
