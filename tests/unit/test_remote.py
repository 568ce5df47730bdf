"""A gateway asked over HTTP: what goes there, what is asked again, and what is told of a failure."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hemostat.api.reading import JournalPart
from hemostat.cli import run
from hemostat.incidents.live import standing
from hemostat.remote import reading, signed_in
from hemostat.remote.device import Offer, lent_to_this_terminal
from hemostat.remote.server import Server
from hemostat.remote.signed_in import Login, address, forget, keep, login_at, logins
from hemostat.remote.speaking import say, speaking_at
from schemas.base import iso
from schemas.errors import BadInput, ConfigurationError, HemostatError, NotHeld, SystemUnreachable
from schemas.gate import Withdrawal
from schemas.incident import IncidentView, Phase
from tests.unit.console_desk import ID, incident, journal

URL = "https://hemostat.example.test"
TOKEN = "hmt_a-token-that-nobody-may-see"
ME = {
    "person": "ic-1",
    "subject": "local:ic-1",
    "roles": ["commander"],
    "method": "password",
    "authenticated_at": "2026-11-20T12:00:00Z",
    "stepped_up_at": None,
    "kind": "person",
}
WITHDRAWAL = Withdrawal(
    withdrawal_id="w-1", decision_id="d-1", gate="retrain", actor="ic-1", reason="too early"
)
Answers = Callable[[httpx2.Request], httpx2.Response]
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every terminal has a home of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def at(answers: Answers, *, signed: bool = True) -> Server:
    """A gateway that answers as told; nobody waits."""
    login = Login(url=URL, token=TOKEN, person="ic-1") if signed else None
    transport = httpx2.MockTransport(answers)
    return Server(URL, login=login, transport=transport, sleep=lambda _: None)


def problem(status: int, **more: Any) -> httpx2.Response:
    told = {"type": "urn:hemostat:problem:x", "title": "t", "status": status, "detail": "why"}
    return httpx2.Response(status, json={**told, **more})


@pytest.mark.parametrize(
    "url",
    [
        "hemostat.example",
        "ftp://hemostat.example",
        "https://",
        "https://me:secret@hemostat.example",
        "https://hemostat.example?next=x",
        "https://hemostat.example#x",
        "https://hemostat.example:port",
        "http://hemostat.example",
        "http://127.0.0.1.evil.example",
        "",
    ],
)
def test_a_token_goes_over_tls_or_stays_on_this_machine(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        address(url)
    assert caught.value.where == "--server"


def test_an_address_is_one_however_it_is_written() -> None:
    assert address("https://Hemostat.Example.test/") == URL
    assert address("http://127.0.0.1:8787/") == "http://127.0.0.1:8787"


def test_logins_are_kept_for_their_owner_alone_and_forgotten_one_by_one(tmp_path: Path) -> None:
    assert login_at(None) is None
    keep(Login(url=URL, token=TOKEN, person="ic-1"))
    keep(Login(url="https://other.test", token="other", person="ic-2"))
    file = tmp_path / "state" / "hemostat" / "login.json"
    assert logins().file == file
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    now, asked = login_at(None), login_at(f"{URL}/")
    assert now is not None
    assert asked is not None
    assert (now.person, asked.person) == ("ic-2", "ic-1")
    forget("https://other.test")
    assert login_at(None) is None
    with pytest.raises(ConfigurationError, match="not signed in"):
        login_at("https://other.test")


def test_what_was_not_answered_is_asked_again_and_said_under_one_key() -> None:
    keys: list[str | None] = []

    def answers(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers.get("idempotency-key"))
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        if len(keys) == 1:
            raise httpx2.ReadTimeout("late", request=request)
        if len(keys) == 2:
            return httpx2.Response(503, headers={"Retry-After": "5"}, json={})
        assert json.loads(request.content) == {
            "gate": "retrain",
            "decision_id": "d-1",
            "reason": "too early",
        }
        return httpx2.Response(200, json={"id": "w-2", "taken": "counted", "says": "Counted."})

    answer = say(at(answers), "an-incident", WITHDRAWAL)
    assert (answer.id, answer.counted) == ("w-2", True)
    assert len(keys) == 3
    assert keys[0] is not None
    assert len(set(keys)) == 1


def test_a_refusal_of_the_incident_is_an_answer() -> None:
    refused = {"id": "w-2", "taken": "not-yours", "says": "Somebody else's.", "refusal": "x"}
    answer = say(at(lambda _: problem(403, answer=refused)), "an-incident", WITHDRAWAL)
    assert (answer.counted, answer.refusal) == (False, "x")


def test_what_no_worker_looked_at_is_not_told_as_counted() -> None:
    sent = {"id": "w-2", "taken": "not-looked-at", "says": "Sent."}
    with pytest.raises(SystemUnreachable, match="handed over"):
        say(at(lambda _: httpx2.Response(202, json=sent)), "an-incident", WITHDRAWAL)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (problem(401), ConfigurationError, "sign-in there is over"),
        (problem(403), NotHeld, "why"),
        (problem(404), NotHeld, "why"),
        (problem(404, where="incident"), BadInput, "why"),
        (
            problem(422, errors=[{"where": "body.reason", "what": "missing"}]),
            BadInput,
            "body.reason",
        ),
        (problem(429), SystemUnreachable, "why"),
        (problem(503), SystemUnreachable, "why"),
        (httpx2.Response(500, json={"secret": TOKEN}), HemostatError, "status 500"),
        (httpx2.Response(200, text="<html>"), BadInput, "no Hemostat gateway"),
        (httpx2.Response(302, headers={"Location": "https://evil.test"}), BadInput, "no Hemostat"),
        (httpx2.Response(200, json={"person": "ic-1"}), BadInput, "another version"),
    ],
)
def test_every_failure_says_what_where_and_what_next(
    answer: httpx2.Response, kind: type[HemostatError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        reading.me(at(lambda _: answer))
    assert says in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            ssl.SSLCertVerificationError("certificate verify failed"),
            ConfigurationError,
            "--ca FILE",
        ),
        (OSError("no such host"), SystemUnreachable, "cannot be reached"),
    ],
)
def test_a_gateway_that_is_not_trusted_is_not_one_that_is_not_there(
    error: OSError, kind: type[HemostatError], says: str
) -> None:
    def answers(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("failed", request=request) from error

    with pytest.raises(kind) as caught:
        reading.me(at(answers))
    assert says in str(caught.value)


def test_a_terminal_waits_as_it_is_told_and_is_lent_the_token_once() -> None:
    asked: list[str] = []
    slept: list[float] = []
    until = datetime.now(UTC) + timedelta(hours=1)
    offer = {
        "device_code": "secret-of-the-terminal",
        "user_code": "BCDF-GHJK",
        "verification_uri": f"{URL}/device",
        "expires_in": 600,
        "interval": 2,
    }
    lent = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_at": iso(until),
        "person": "ic-1",
    }
    waits = [(400, {"error": "authorization_pending"}), (400, {"error": "slow_down"}), (200, lent)]

    def answers(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        asked.append(request.url.path)
        status, body = (200, offer) if request.url.path == "/device/code" else waits.pop(0)
        return httpx2.Response(status, json=body)

    shown: list[Offer] = []
    given = lent_to_this_terminal(
        at(answers, signed=False), shown.append, sleep=slept.append, clock=lambda: 0.0
    )
    assert (given.access_token, given.person) == (TOKEN, "ic-1")
    assert [one.user_code for one in shown] == ["BCDF-GHJK"]
    assert asked == ["/device/code"] + ["/device/token"] * 3
    assert slept == [2, 2, 7]


@pytest.mark.parametrize("error", ["access_denied", "expired_token"])
def test_a_terminal_that_was_refused_or_forgotten_is_told(error: str) -> None:
    def answers(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/device/token":
            return httpx2.Response(400, json={"error": error})
        part = dict.fromkeys(("device_code", "user_code", "verification_uri"), "x")
        return httpx2.Response(200, json={**part, "expires_in": 600})

    with pytest.raises(NotHeld):
        lent_to_this_terminal(at(answers, signed=False), lambda _: None, sleep=lambda _: None)


def test_a_gateway_without_identity_lends_nothing() -> None:
    with pytest.raises(BadInput, match=r"\[identity\]"):
        lent_to_this_terminal(at(lambda _: httpx2.Response(404, json={}), signed=False), print)


def test_nobody_speaks_for_somebody_else_and_an_own_key_goes_to_temporal() -> None:
    keep(Login(url=URL, token=TOKEN, person="ic-1"))
    assert speaking_at(None, actor="ic-2", key=Path("own.pem")) is None
    with pytest.raises(BadInput, match="leave out --server"):
        speaking_at(URL, actor=None, key=Path("own.pem"))
    with pytest.raises(BadInput, match="signed in as ic-1"):
        speaking_at(None, actor="ic-2", key=None)
    login = speaking_at(None, actor="ic-1", key=None)
    assert login is not None
    assert login.url == URL


@pytest.mark.parametrize("reference", ["hmt_plain-on-the-command-line", "env:NOT_SET_ANYWHERE"])
def test_a_token_is_taken_by_reference_and_never_echoed(reference: str, capsys: Said) -> None:
    assert run(["login", URL, "--token", reference]) == 2
    assert "hmt_plain" not in capsys.readouterr().err
    assert not logins().exists


def test_signing_out_forgets_the_token_also_where_the_gateway_is_gone(capsys: Said) -> None:
    keep(Login(url="http://127.0.0.1:9", token=TOKEN, person="ic-1"))
    assert run(["logout", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ended_there"] is False
    assert TOKEN not in logins().file.read_text()
    assert run(["logout"]) == 1
    assert signed_in.login_at(None) is None


def event(name: str, content: Any, number: int | None = None) -> str:
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}event: {name}\ndata: {content.model_dump_json()}\n\n"


def test_who_follows_is_told_by_the_gateways_live_events_and_misses_nothing() -> None:
    seen, kept = incident("x"), journal("x")
    first, second, third, fourth = kept.entries[:4]
    asked: list[tuple[str, str]] = []
    opened = seen.model_copy(update={"journal_length": 2})
    closed = seen.model_copy(update={"journal_length": 4, "phase": Phase.CLOSED})
    streams = [
        [": still there\n\n", event("incident", standing(opened, is_open=True)),
         event("journal", second, 1), event("journal", third, 2)],
        [event("incident", standing(closed, is_open=False))],
    ]  # fmt: skip
    views = [opened, closed.model_copy(update={"phase": Phase.CONTAINMENT}), closed]

    def answers(request: httpx2.Request) -> httpx2.Response:
        what = request.url.path.rpartition("/")[2]
        asked.append((what, request.headers.get("last-event-id", "")))
        if what == "events":
            return httpx2.Response(200, text="".join(streams.pop(0)))
        if what == "journal":
            start = int(request.url.params["start"])
            part = (first, second) if start == 0 else (fourth,)
            body = JournalPart(incident=ID, entries=part, next=None, gaps=())
            return httpx2.Response(200, text=body.model_dump_json())
        return httpx2.Response(200, text=views.pop(0).model_dump_json())

    waits: list[SystemUnreachable] = []
    told = list(reading.follow(at(answers), ID, waits.append, sleep=lambda _: None))
    assert told == [first, second, third, fourth]
    assert not waits
    assert [last for what, last in asked if what == "events"] == ["1", "3"]
    assert [what for what, _ in asked] == [ID, "journal", "events", ID, "journal", "events", ID]


def test_a_gateway_that_falls_silent_is_told_once_and_asked_again() -> None:
    seen = incident("x").model_copy(update={"journal_length": 0})
    closed = seen.model_copy(update={"phase": Phase.CLOSED})
    turns = iter([seen, "journal", "gone", "gone", "events", closed])

    def answers(request: httpx2.Request) -> httpx2.Response:
        turn = next(turns)
        if turn == "gone":
            raise httpx2.ConnectError("nobody")
        if turn == "journal":
            body = JournalPart(incident=ID, entries=(), next=None, gaps=())
            return httpx2.Response(200, text=body.model_dump_json())
        if turn == "events":
            return httpx2.Response(200, text="")
        assert isinstance(turn, IncidentView)
        return httpx2.Response(200, text=turn.model_dump_json())

    waits: list[SystemUnreachable] = []
    assert list(reading.follow(at(answers), ID, waits.append, sleep=lambda _: None)) == []
    assert len(waits) == 1
