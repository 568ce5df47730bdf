"""What attackers write is shown as text on every surface: chat, mail and pager."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from activities.chat_slack import Connection as SlackConnection
from activities.chat_slack import Slack
from activities.mail_smtp import Connection as MailConnection
from activities.mail_smtp import Mail
from activities.paging_pagerduty import Connection as PagerConnection
from activities.paging_pagerduty import PagerDuty
from hemostat.drill.range.standins.standin import Control
from hemostat.processes import free_port
from hemostat.vault import Vault
from schemas.incident import Severity
from schemas.ports.channels import Announce, AskPerson
from schemas.ports.paging import Page
from schemas.situation import SituationReport, StepLine, defanged
from schemas.step import StepClass, StepState
from tests.adapters.reports import a_question, a_report, lines
from tests.nasty import NASTY

pytestmark = pytest.mark.real

PAGES = "https://hemostat.example.test"
CHAT = (
    "<!channel> <!everyone> <@U0ONE> <https://evil.test|a harmless link>",
    "@channel @here look: https://evil.test/login and www.evil.test and evil.test",
    "*bold* _it_ ~no~ `code` ```pre``` :skull:",
    "mailto:x@evil.test\r\nBcc: everyone@example.test\r\n\r\n<b>a body</b>",
    "Subject: other\nX-Injected: yes",
    "\ud800 half a character",
    "\u200b\u2060",
)


def hostile(text: str, revision: int) -> SituationReport:
    """A report with *text* in every field that takes any."""
    step = StepLine(title=text, step_class=StepClass.CONTAIN, state=StepState.DONE)
    return a_report(
        incident=f"triage-{revision:012d}",
        revision=revision,
        playbook=text,
        phase=text,
        containment=text,
        alert=text,
        steps=(step,),
        asked=(a_question(asks=text),),
        lines=lines(text),
        resolution=text,
    )


def requests() -> Iterator[tuple[Announce, AskPerson]]:
    for number, text in enumerate((*NASTY, *CHAT), start=1):
        report = hostile(text, number)
        told = Announce(key=f"{report.incident}/t", incident=report.incident, report=report)
        asked = AskPerson(
            key=f"{report.incident}/q",
            incident=report.incident,
            person="ic-1",
            question=report.asked[0],
            report=report,
        )
        yield told, asked


def texts_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object of a message."""
    if isinstance(value, dict):
        if value.get("type") in {"plain_text", "mrkdwn"}:
            yield value
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def is_tame(text: str) -> bool:
    """Whether a client makes neither a link nor anything else of *text*."""
    return all(line.isprintable() for line in text.split("\n")) and not (
        "://" in text or "@" in text or "www.evil" in text or "evil.test" in text
    )


async def test_chat_shows_text_and_nothing_else(
    slack: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SLACK_TOKEN", "xoxb-range")
    connection = SlackConnection(
        adapter="chat_slack",
        token="env:THE_SLACK_TOKEN",
        channel="C0INCIDENTS",
        url=f"{slack.url}/api/",
        ca=f"file:{slack.ca}",
        people={"ic-1": "U0ONE"},
        public_url=PAGES,
    )
    chat = Slack(connection, Vault(Path("unused")))
    for told, asked in requests():
        await chat.announce(told)
        await chat.ask_in_chat(asked)
    await chat.aclose()
    messages = [m for said in (await slack.state())["messages"].values() for m in said]
    assert len(messages) == 3 * len((*NASTY, *CHAT))  # the message, its one line, and the question
    for message in messages:
        objects = list(texts_in(message["blocks"]))
        assert objects
        assert {found["type"] for found in objects} == {"plain_text"}
        assert not any(found["emoji"] for found in objects)
        assert all(is_tame(found["text"]) for found in objects), objects
        assert is_tame(message["text"])
        assert "<" not in message["text"]
        assert message["mrkdwn"] is message["link_names"] is message["unfurl_links"] is False
        assert message["parse"] == "none"
        urls = [e["url"] for b in message["blocks"] for e in b.get("elements", ()) if "url" in e]
        assert all(url.startswith(f"{PAGES}/incidents/triage-") for url in urls)


class Tags(HTMLParser):
    """The tags and attributes of a document, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


class Took:
    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        assert isinstance(envelope.content, bytes)
        assert len(envelope.rcpt_tos) == 1
        self.contents.append(envelope.content)
        return "250 OK"


async def test_mail_shows_text_and_nothing_else() -> None:
    took, port = Took(), free_port()
    server = Controller(took, hostname="127.0.0.1", port=port)
    server.start()
    connection = MailConnection(
        adapter="mail_smtp",
        host="127.0.0.1",
        port=port,
        sender="hemostat@example.test",
        to=("incidents@example.test",),
        people={"ic-1": "ic-1@example.test"},
        public_url=PAGES,
    )
    mail = Mail(connection, Vault(Path("unused")))
    for told, asked in requests():
        await mail.mail_report(told)
        await mail.ask_by_mail(asked)
    await mail.aclose()
    server.stop()
    assert len(took.contents) == 2 * len((*NASTY, *CHAT))
    ours = {"Subject", "MIME-Version", "Content-Type", "From", "To", "Message-ID"}
    for content in took.contents:
        got = message_from_bytes(content, policy=policy.default)
        assert isinstance(got, EmailMessage)
        assert {*got.keys()} - {"References", "Auto-Submitted"} == ours
        assert got["Subject"].isprintable()
        plain, html = got.get_body(("plain",)), got.get_body(("html",))
        assert plain is not None
        assert html is not None
        said = [line for line in plain.get_content().split("\n") if not line.startswith(PAGES)]
        assert is_tame("\n".join(line.rstrip("\r") for line in said))
        shown = Tags()
        shown.feed(html.get_content())
        known = "html head title body table tr th td h3 ul li a p".split()
        assert shown.tags <= set(known)
        assert {name for name, _ in shown.attributes} <= {"align", "href"}
        links = [value for name, value in shown.attributes if name == "href"]
        assert len(links) == 1
        assert str(links[0]).startswith(f"{PAGES}/incidents/triage-")
        assert is_tame(shown.text.replace("\r\n", "\n"))


async def test_the_pager_gets_one_line(pagerduty: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_ROUTING_KEY", "r" * 32)
    connection = PagerConnection(
        adapter="paging_pagerduty",
        routing_key="env:THE_ROUTING_KEY",
        url=pagerduty.url,
        ca=f"file:{pagerduty.ca}",
    )
    pager = PagerDuty(connection, Vault(Path("unused")))
    for number, text in enumerate((*NASTY, *CHAT)):
        page = Page(
            incident="triage-0",
            dedup_key=f"triage-{number}",
            role="commander",
            summary=f"An alert: {text}",
            severity=Severity.SEV2,
            details={"claim": text},
        )
        await pager.page(page)
    await pager.aclose()
    alerts = (await pagerduty.state())["alerts"]
    assert len(alerts) == len((*NASTY, *CHAT))
    assert all(alert["summary"].isprintable() for alert in alerts)
    assert all(is_tame(str(alert["custom_details"]["claim"])) for alert in alerts)


def test_what_is_defanged_still_reads() -> None:
    assert defanged("see https://evil.test/a?b=1") == "see https[:]//evil[.]test/a?b=1"
    assert defanged("v1.2 of the model rose by 0.55") == "v1.2 of the model rose by 0.55"
    assert json.loads(json.dumps(defanged("\ud800x"))) == "x"
