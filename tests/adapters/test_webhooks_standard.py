"""Reports as Standard Webhooks: verified with the library by a real receiver, which also lies.

A receiver that answers 200 and keeps nothing cannot be found out, and no test here says it can.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from activities import webhooks_standard
from activities.webhooks_standard import Connection, Webhooks
from hemostat.vault import Vault
from schemas.errors import ConfigurationError, HemostatError, SystemRefused, SystemUnreachable
from schemas.ports.channels import Announce
from tests.adapters.reports import a_report, lines

pytestmark = pytest.mark.real

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
HOSTILE = "attacker text"


class Receiver:
    """A real HTTP server on this machine; ``answer`` are the raw bytes it answers with."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.silent = False
        self.endless = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hooks/in"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def says(self, status: int, *fields: str, body: str = HOSTILE) -> None:
        """Answer with this from now on."""
        head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields])
        self.answer = f"{head}\r\n\r\n{body}".encode()

    def verified(self, secret: str = SECRET) -> list[dict[str, Any]]:
        """What arrived, each verified with the standard's library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (field.partition(": ") for field in fields if field)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers | {":line": line}, body))
        if self.silent:
            await asyncio.Event().wait()
        writer.write(self.answer)
        while self.endless:
            writer.write(b"x" * 65536)
            await writer.drain()
        await writer.drain()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("OLD_HOOK_SECRET", OLD)
    monkeypatch.setattr(webhooks_standard, "_TIMEOUT_SECONDS", 0.5)


def to(url: str, **changes: Any) -> dict[str, Any]:
    return {"url": url, "secret": "env:HOOK_SECRET", **changes}


def hooks(**endpoints: dict[str, Any]) -> Webhooks:
    connection = Connection(
        adapter="webhooks_standard",
        endpoints=endpoints,
        public_url="https://hemostat.example.test",
    )
    return Webhooks(connection, Vault(Path("unused")))


def telling(revision: int = 1, **changes: Any) -> Announce:
    report = a_report(revision=revision, **changes)
    incident = report.incident
    return Announce(key=f"{incident}/run/webhooks", incident=incident, report=report)


async def test_a_report_arrives_signed_and_verifies_with_the_library(receiver: Receiver) -> None:
    sent = await hooks(siem=to(receiver.url)).publish_report(telling())
    (payload,) = receiver.verified()
    assert (sent.changed, sent.message) == (True, receiver.ids()[0])
    assert payload["type"] == "incident.reported"
    assert payload["data"]["severity"] == "SEV-2"
    assert payload["data"]["page"] == (
        f"https://hemostat.example.test/incidents/{telling().incident}"
    )
    headers, body = receiver.got[0]
    assert headers[":line"] == "POST /hooks/in HTTP/1.1"
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"SEV-2", b"SEV-4"), headers)


async def test_the_id_is_of_the_revision_whoever_sends_it_and_however_often(
    receiver: Receiver,
) -> None:
    report = telling()
    await hooks(siem=to(receiver.url)).publish_report(report)
    await hooks(siem=to(receiver.url)).publish_report(report)  # as after a crash
    await hooks(siem=to(receiver.url)).publish_report(
        report.model_copy(update={"report": report.report.model_copy(update={"revision": 2})})
    )
    first, again, next_ = receiver.ids()
    assert first == again != next_
    assert receiver.got[0][1] == receiver.got[1][1]


async def test_while_a_secret_is_changed_both_verify(receiver: Receiver) -> None:
    endpoint = to(receiver.url, old_secret="env:OLD_HOOK_SECRET")
    await hooks(siem=endpoint).publish_report(telling())
    assert receiver.verified(SECRET) == receiver.verified(OLD)


async def test_a_restricted_case_says_only_that_there_is_an_incident(receiver: Receiver) -> None:
    told = lines("p-1 is excluded")
    await hooks(siem=to(receiver.url)).publish_report(telling(discreet=True, lines=told))
    (payload,) = receiver.verified()
    known = {"incident", "revision", "drill", "discreet", "severity", "headline", "page"}
    assert set(payload["data"]) == known
    assert "excluded" not in json.dumps(payload)


async def test_hostile_text_arrives_as_text_in_the_body_and_in_no_header(
    receiver: Receiver,
) -> None:
    text = 'x\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>\u2028\u202e"'
    await hooks(siem=to(receiver.url)).publish_report(telling(alert=text))
    (payload,) = receiver.verified()
    headers, body = receiver.got[0]
    assert payload["data"]["alert"] == text
    assert "x-evil" not in headers
    assert body.isascii()


# Drills


async def test_a_drill_reaches_only_endpoints_marked_for_drills(
    receiver: Receiver, other: Receiver
) -> None:
    adapter = hooks(siem=to(receiver.url), training=to(other.url, drills=True))
    await adapter.publish_report(telling(drill=True))
    assert (len(receiver.got), len(other.got)) == (0, 1)
    sent = await hooks(siem=to(receiver.url)).publish_report(telling(drill=True))
    assert (sent.changed, sent.withheld) == (False, "no endpoint is marked for drills")
    assert not receiver.got


# Receivers that fail and lie


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_what_may_pass_is_asked_again(receiver: Receiver, status: int) -> None:
    receiver.says(status)
    adapter = hooks(siem=to(receiver.url))
    report = telling()
    with pytest.raises(SystemUnreachable, match=f"answered {status}") as raised:
        await adapter.publish_report(report)
    leaks_nothing(raised.value, receiver)
    receiver.says(200)
    assert (await adapter.publish_report(report)).changed
    assert len(set(receiver.ids())) == 1


async def test_one_that_acts_and_then_is_silent_gets_the_same_id_again(receiver: Receiver) -> None:
    receiver.silent = True
    adapter, report = hooks(siem=to(receiver.url)), telling()
    with pytest.raises(SystemUnreachable, match="did not answer"):
        await adapter.publish_report(report)
    receiver.silent = False
    await adapter.publish_report(report)
    first, again = receiver.ids()
    assert first == again


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(receiver: Receiver, other: Receiver, status: int) -> None:
    receiver.says(status, f"Location: {other.url}")
    with pytest.raises(SystemRefused, match=f"answered {status}") as raised:
        await hooks(siem=to(receiver.url)).publish_report(telling())
    leaks_nothing(raised.value, receiver)
    assert not other.got


async def test_a_body_without_end_is_not_read(receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    receiver.endless = True
    async with asyncio.timeout(5):
        assert (await hooks(siem=to(receiver.url)).publish_report(telling())).changed
    receiver.answer = receiver.answer.replace(b"200 OK", b"400 X")
    async with asyncio.timeout(5):
        with pytest.raises(SystemRefused, match="answered 400"):
            await hooks(siem=to(receiver.url)).publish_report(telling())


async def test_what_is_no_http_is_no_answer(receiver: Receiver) -> None:
    receiver.answer = f"{HOSTILE}\r\n\r\n".encode()
    with pytest.raises(SystemUnreachable) as raised:
        await hooks(siem=to(receiver.url)).publish_report(telling())
    leaks_nothing(raised.value, receiver)


async def test_who_says_410_is_refused_for_good_and_not_asked_again(
    receiver: Receiver, other: Receiver
) -> None:
    receiver.says(410)
    adapter = hooks(old=to(receiver.url), siem=to(other.url))
    with pytest.raises(SystemRefused, match="410"):
        await adapter.publish_report(telling())
    sent = await adapter.publish_report(telling(2))
    assert sent.withheld == "1 of 2 endpoints are gone (410)"
    assert (len(receiver.got), len(other.got)) == (1, 2)
    alone = hooks(old=to(receiver.url))
    with pytest.raises(SystemRefused):
        await alone.publish_report(telling())
    assert (await alone.publish_report(telling())).withheld == "every endpoint is gone (410)"


async def test_one_that_is_down_keeps_nobody_waiting_and_the_others_are_told_once(
    receiver: Receiver, other: Receiver
) -> None:
    receiver.says(503)
    adapter, report = hooks(down=to(receiver.url), siem=to(other.url)), telling()
    for _ in range(2):
        with pytest.raises(SystemUnreachable):
            await adapter.publish_report(report)
    receiver.says(200)
    assert (await adapter.publish_report(report)).changed
    assert not (await adapter.publish_report(report)).changed
    assert (len(receiver.got), len(other.got)) == (3, 1)


def leaks_nothing(error: HemostatError, receiver: Receiver) -> None:
    for secret in (HOSTILE, receiver.url, "/hooks", SECRET.removeprefix("whsec_")):
        assert secret not in f"{error} {error!r}"


# Settings


@pytest.mark.parametrize(
    "url",
    [
        "http://siem.example/in",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1.evil.example/",
        "https://user:pw@siem.example/in",
        "https://siem.example/in?token=x",
        "https://siem.example/in#x",
        "https://siem.example\\@evil.example/",
        "https://siem.example/in\r\nX-Evil: 1",
        "https://siem.example/in\n",
        "ftp://siem.example/in",
        "file:///etc/passwd",
        "//siem.example/in",
    ],
)
def test_an_address_that_is_not_https_or_carries_more_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        hooks(siem=to(url))


@pytest.mark.parametrize("url", ["https://siem.example/in", "http://[::1]:80/", "http://localhost"])
def test_https_and_this_machine_are_taken(url: str) -> None:
    hooks(siem=to(url))


@pytest.mark.parametrize("secret", ["whsec_", "c2hvcnQ=", "whsec_!!!!", SECRET + "AA" * 40])
async def test_a_bad_secret_is_told_by_its_reference_and_sends_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("HOOK_SECRET", secret)
    adapter = hooks(siem=to(receiver.url))
    with pytest.raises(ConfigurationError, match="env:HOOK_SECRET") as raised:
        await adapter.publish_report(telling())
    assert secret == "whsec_" or secret not in str(raised.value)
    (problem,) = await adapter.check()
    assert "siem" in problem
    assert not receiver.got


async def test_good_secrets_have_no_problems(receiver: Receiver) -> None:
    assert await hooks(siem=to(receiver.url)).check() == []
    assert not receiver.got
