"""Mail through a real SMTP server: plain and HTML, recognisable when repeated, nobody by mistake."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from activities.mail_smtp import Connection, Mail
from hemostat.processes import free_port
from hemostat.vault import Vault
from schemas.errors import SystemRefused, SystemUnreachable
from schemas.gate import Outcome
from schemas.ports.channels import Announce, AskPerson
from tests.adapters.reports import a_question, a_report, lines

pytestmark = pytest.mark.real


class Mailbox:
    """What a server took; answers as told."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.answer = "250 OK"
        self.refused: set[str] = set()
        self.users: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 not here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - as above
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer

    def authenticate(self, *given: Any) -> AuthResult:
        data: LoginPassword = given[-1]
        self.users.append(data.login)
        return AuthResult(success=data.password == b"the-password", handled=False)

    def mails(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found


@contextmanager
def serving(box: Mailbox, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def mail(box: Mailbox) -> AsyncIterator[Mail]:
    with serving(box) as port:
        adapter = the_mail(port)
        yield adapter
        await adapter.aclose()


def the_mail(port: int, **changes: Any) -> Mail:
    fields: dict[str, Any] = {
        "adapter": "mail_smtp",
        "host": "127.0.0.1",
        "port": port,
        "sender": "hemostat@example.test",
        "to": ("incidents@example.test", "board@example.test"),
        "drill_to": ("drills@example.test",),
        "people": {"ic-1": "ic-1@example.test"},
        "public_url": "https://hemostat.example.test",
    }
    return Mail(Connection(**fields | changes), Vault(Path("unused")))


def telling(**changes: Any) -> Announce:
    report = a_report(**changes)
    return Announce(key=f"{report.incident}/run/mail", incident=report.incident, report=report)


def asking(person: str = "ic-1", drill: bool = False, **changes: Any) -> AskPerson:
    report, question = a_report(drill=drill), a_question(**changes)
    key = f"{report.incident}/run/mail/{question.nonce}/{person}"
    return AskPerson(
        key=key, incident=report.incident, person=person, question=question, report=report
    )


async def test_a_report_is_one_mail_plain_and_html_with_the_same_content(
    mail: Mail, box: Mailbox
) -> None:
    answer = await mail.mail_report(telling(lines=lines("Severity: SEV-2")))
    (got,) = box.mails()
    assert box.envelopes[0].rcpt_tos == ["incidents@example.test", "board@example.test"]
    assert got["Message-ID"] == answer.message
    assert got["Auto-Submitted"] == "auto-generated"
    plain, html = got.get_body(("plain",)), got.get_body(("html",))
    assert plain is not None
    assert html is not None
    for text in (plain.get_content(), html.get_content()):
        assert "containment commanded, not proven yet" in text
        assert "Isolate the feedback endpoint: proven" in text
        assert "Severity: SEV-2" in text
        assert f"https://hemostat.example.test/incidents/{telling().incident}" in text


async def test_a_mail_sent_again_is_recognisable_and_another_revision_is_another_mail(
    mail: Mail, box: Mailbox
) -> None:
    for revision in (1, 1, 2):
        await mail.mail_report(telling(revision=revision))
    first, again, other = box.mails()
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first["References"] == other["References"]


async def test_a_person_is_asked_once_and_not_bothered_with_its_end(
    mail: Mail, box: Mailbox
) -> None:
    assert (await mail.ask_by_mail(asking())).changed
    await mail.ask_by_mail(asking(over=Outcome.APPROVED))
    assert (await mail.ask_by_mail(asking("nobody-1"))).withheld == "no mail address"
    (got,) = box.mails()
    assert got["To"] == "ic-1@example.test"
    body = got.get_body(("plain",))
    assert body is not None
    assert "/gates/confirm-known-good" in body.get_content()


async def test_drills_say_so_first_and_reach_nobody_but_the_list(mail: Mail, box: Mailbox) -> None:
    await mail.mail_report(telling(drill=True))
    assert (await mail.ask_by_mail(asking(drill=True))).withheld == "not on the list for drills"
    (got,) = box.mails()
    assert got["Subject"].startswith("EXERCISE: ")
    assert box.envelopes[0].rcpt_tos == ["drills@example.test"]


async def test_a_refused_address_is_told_and_keeps_the_others_from_nothing(
    mail: Mail, box: Mailbox
) -> None:
    box.refused.add("board@example.test")
    assert (await mail.mail_report(telling())).withheld == "1 of 2 addresses were refused"
    assert len(box.envelopes) == 1


@pytest.mark.parametrize(
    ("answer", "raised"),
    [("451 later", SystemUnreachable), ("554 never <attacker text>", SystemRefused)],
)
async def test_what_may_pass_is_tried_again_and_what_may_not_is_not(
    mail: Mail, box: Mailbox, answer: str, raised: type[Exception]
) -> None:
    box.answer = answer
    with pytest.raises(raised) as error:
        await mail.mail_report(telling())
    assert "attacker text" not in str(error.value)


async def test_a_server_that_is_gone_is_unreachable_at_once() -> None:
    adapter = the_mail(free_port())
    with pytest.raises(SystemUnreachable):
        await adapter.mail_report(telling())
    assert await adapter.check()
    await adapter.aclose()


async def test_a_password_goes_over_an_encrypted_line_to_a_server_we_trust(
    box: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    monkeypatch.setenv("MAIL_USER", "hemostat")
    monkeypatch.setenv("MAIL_PASSWORD", "the-password")
    secrets = {"username": "env:MAIL_USER", "password": "env:MAIL_PASSWORD", "ca": f"file:{ca}"}
    options = {"tls_context": served, "require_starttls": True, "auth_required": True}
    with serving(box, authenticator=box.authenticate, **options) as port:
        adapter = the_mail(port, **secrets)
        await adapter.mail_report(telling())
        assert await adapter.check() == []
        monkeypatch.setenv("MAIL_PASSWORD", "another")
        with pytest.raises(SystemRefused, match="password") as error:
            await adapter.mail_report(telling())
        assert "another" not in str(error.value)
        await adapter.aclose()
        trustme.CA().cert_pem.write_to_path(ca)
        stranger = the_mail(port, **secrets)
        with pytest.raises(SystemUnreachable):
            await stranger.mail_report(telling())
        await stranger.aclose()
    assert box.users[0] == b"hemostat"
    assert len(box.envelopes) == 1


async def test_a_server_without_encryption_gets_nothing_unless_that_is_configured(
    box: Mailbox, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca)
    with serving(box) as port:
        adapter = the_mail(port, ca=f"file:{ca}")
        with pytest.raises(SystemRefused, match="no encryption"):
            await adapter.mail_report(telling())
        assert box.envelopes == []
        adapter = the_mail(port, ca=f"file:{ca}", tls="where-offered")
        await adapter.mail_report(telling())
    assert len(box.envelopes) == 1
