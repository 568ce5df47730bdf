"""Statements by pickup folder: a mail system that takes them away, a real SMTP server behind it."""

import asyncio
import shutil
import smtplib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from activities.disclosure_pickup import Connection, DisclosurePickup
from hemostat.processes import free_port
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import BadInput, ConflictingChange, SystemUnreachable
from schemas.ports.disclosure import Disclose, ReadDisclosure, SealReport

pytestmark = pytest.mark.real

TEXT = "Documents left our assistant.\nWe will write again: \u00fcber alles, was wir wissen.\n"


@dataclass
class Mailbox:
    """What arrived over SMTP."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = BytesParser(policy=policy.SMTP).parsebytes(envelope.content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class Postman(threading.Thread):
    """A mail system that looks into the folder all the time, sends what is there and removes it."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(daemon=True)
        self._folder, self._port = folder, port
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.001):
            for file in self._folder.glob("*.eml"):
                with smtplib.SMTP("127.0.0.1", self._port) as smtp:
                    smtp.send_message(BytesParser(policy=policy.SMTP).parsebytes(file.read_bytes()))
                file.unlink()

    def stop(self) -> None:
        self._over.set()
        self.join(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pickup"
    made.mkdir()
    return made


@pytest.fixture
def mailbox(folder: Path) -> Iterator[Mailbox]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    postman = Postman(folder, port)
    postman.start()
    yield box
    postman.stop()
    server.stop()


@pytest.fixture
async def adapter(folder: Path, tmp_path: Path) -> AsyncIterator[DisclosurePickup]:
    made = DisclosurePickup(
        Connection(
            adapter="disclosure_pickup",
            folder=f"file:{folder}",
            sender="incident@hemostat.example",
            audiences={"researcher": "researcher@outside.example"},
        ),
        Vault(tmp_path / "vault"),
    )
    yield made
    await made.aclose()


def statement(text: str = TEXT, *, incident: str = "inc-1", **changes: Any) -> Disclose:
    given = {
        "connection": "mail",
        "incident": incident,
        "key": "k",
        "statement": "statement/researcher",
        "audience": "researcher",
        "subject": "About case 1",
        "text": text,
        "text_digest": digest_bytes(text.encode()),
    }
    return Disclose.model_validate(given | changes)


READ = ReadDisclosure(incident="inc-1", statement="statement/researcher", audience="researcher")


async def arrived(mailbox: Mailbox, count: int) -> None:
    async with asyncio.timeout(10):
        while len(mailbox.mails) < count:
            await asyncio.sleep(0.01)


async def test_the_approved_text_arrives_and_reads_back_though_it_was_taken_away(
    adapter: DisclosurePickup, folder: Path, mailbox: Mailbox, tmp_path: Path
) -> None:
    receipt = await adapter.send_disclosure(statement())
    await arrived(mailbox, 1)
    (mail,) = mailbox.mails
    body = mail.get_body(("plain",))
    assert body is not None
    assert str(body.get_content()).replace("\r\n", "\n") == TEXT
    assert mail["To"] == "researcher@outside.example"
    assert mail["Message-ID"] == f"<{receipt.receipt}@hemostat.example>"
    assert (await adapter.read_disclosure(READ)).text_digest == digest_bytes(TEXT.encode())
    assert TEXT.splitlines()[0].encode() not in Vault(tmp_path / "vault").read(receipt.sealed)[:200]


async def test_a_mail_that_was_taken_away_is_not_sent_again(
    adapter: DisclosurePickup, mailbox: Mailbox
) -> None:
    first = await adapter.send_disclosure(statement())
    await arrived(mailbox, 1)
    again = await adapter.send_disclosure(statement())
    assert first.item is not None
    assert (first.item.digest, first.item.name) == (first.sealed, "sent to researcher")
    # What is read back anew is the same, and read back later.
    assert again == first.model_copy(update={"changed": False, "item": again.item})
    assert again.item is not None
    assert again.item.digest == first.sealed
    await adapter.send_disclosure(statement(incident="inc-2"))
    await arrived(mailbox, 2)
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(mailbox.mails) == 2


async def test_many_attempts_at_once_send_one_mail(
    adapter: DisclosurePickup, mailbox: Mailbox
) -> None:
    receipts = await asyncio.gather(*(adapter.send_disclosure(statement()) for _ in range(12)))
    await arrived(mailbox, 1)
    assert sum(receipt.changed for receipt in receipts) == 1
    assert len({receipt.receipt for receipt in receipts}) == 1
    assert len(mailbox.mails) == 1


async def test_an_attempt_that_died_before_the_handover_is_finished_by_the_next(
    adapter: DisclosurePickup, folder: Path
) -> None:
    receipt = await adapter.send_disclosure(statement())
    kept = folder / ".hemostat" / receipt.receipt
    (folder / f"{receipt.receipt}.eml").rename(kept / "to-go.eml")  # as that death leaves it
    assert (await adapter.read_disclosure(READ)).text_digest is None
    assert (await adapter.send_disclosure(statement())).changed
    assert [file.name for file in folder.glob("*.eml")] == [f"{receipt.receipt}.eml"]


async def test_another_text_under_the_same_name_is_a_conflict_and_is_not_sent(
    adapter: DisclosurePickup, folder: Path
) -> None:
    await adapter.send_disclosure(statement())
    with pytest.raises(ConflictingChange):
        await adapter.send_disclosure(statement("Something else.\n"))
    assert len(list(folder.glob("*.eml"))) == 1


async def test_a_text_that_is_not_the_approved_one_is_not_sent(
    adapter: DisclosurePickup, folder: Path
) -> None:
    with pytest.raises(BadInput):
        await adapter.send_disclosure(statement(text_digest=digest_bytes(b"another")))
    for refused in ("no line break at its end", "carriage\rreturn\n"):
        with pytest.raises(BadInput):
            await adapter.send_disclosure(statement(refused))
    with pytest.raises(BadInput):
        await adapter.send_disclosure(statement(audience="everyone"))
    assert list(folder.glob("*.eml")) == []


async def test_what_was_altered_in_the_folder_is_not_what_was_approved(
    adapter: DisclosurePickup, folder: Path
) -> None:
    receipt = await adapter.send_disclosure(statement())
    file = folder / f"{receipt.receipt}.eml"
    other = BytesParser(policy=policy.SMTP).parsebytes(file.read_bytes())
    assert isinstance(other, EmailMessage)
    other.set_content("Nothing happened.\n", cte="base64")
    file.write_bytes(other.as_bytes(policy=policy.SMTP))
    seen = await adapter.read_disclosure(READ)
    assert seen.text_digest == digest_bytes(b"Nothing happened.\n")


async def test_a_folder_that_is_gone_says_so_before_and_during_an_incident(
    adapter: DisclosurePickup, folder: Path
) -> None:
    assert await adapter.check() == []
    shutil.rmtree(folder)
    assert len(await adapter.check()) == 1
    with pytest.raises(SystemUnreachable):
        await adapter.send_disclosure(statement())
    with suppress(SystemUnreachable):
        assert (await adapter.read_disclosure(READ)).text_digest is None


async def test_a_header_cannot_be_smuggled_in_by_the_subject(
    adapter: DisclosurePickup, folder: Path
) -> None:
    with pytest.raises((BadInput, ValueError)):
        await adapter.send_disclosure(statement(subject="Hello\r\nBcc: all@outside.example"))
    assert list(folder.glob("*.eml")) == []


async def test_a_report_goes_into_the_vault_and_nowhere_else(
    adapter: DisclosurePickup, folder: Path, tmp_path: Path
) -> None:
    sealed = await adapter.seal_report(SealReport(incident="inc-1", key="k", name="b", text="# x"))
    assert Vault(tmp_path / "vault").read(sealed.digest) == b"# x"
    assert list(folder.glob("*.eml")) == []
