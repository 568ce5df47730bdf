"""Statements leave as mail files in a pickup folder, from where the company's mail system takes them.

Law: a statement is one mail under a name made from it, handed over once however often this is
called, also when the mail system has taken it away by then; the text must have the digest that was
approved. What was sent is sealed. Exchange, IIS and others send what they find in such a folder; the
mail system's own receipt is by ``Message-ID``, which is the name too.

Once is by two renames, which a file system does whole or not at all: a folder of our own with a
copy to keep and a copy to go appears under the mail's name, which only one attempt can do; then the
copy to go moves into the pickup folder, which only one can do either.
"""

import asyncio
import errno
import os
import shutil
import tempfile
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field

from activities.parts.http import FileRef
from hemostat.vault import Vault
from schemas.base import Digest, Frozen, Name
from schemas.canonical import digest_bytes
from schemas.errors import BadInput, ConflictingChange, HemostatError, SystemUnreachable
from schemas.ports.disclosure import (
    Disclose,
    Disclosed,
    ReadDisclosure,
    Receipt,
    ReportSealed,
    SealReport,
    read_disclosure,
    seal_report,
    send_disclosure,
)
from schemas.ports.port import fulfils

WHERE = "pickup"
_KEPT, _TO_GO = "kept.eml", "to-go.eml"


class Connection(Frozen):
    """``[connections.NAME]``: the folder, who it is from, and the address of each audience.

    What was sent is kept in ``.hemostat`` within the folder; it must stay.
    """

    adapter: Literal["disclosure_pickup"]
    folder: FileRef
    sender: str = Field(pattern=r"^[^\s<>@]+@[^\s<>@]+$")
    audiences: dict[Name, str] = Field(min_length=1)


class DisclosurePickup:
    """One pickup folder."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._folder = Path(connection.folder.removeprefix("file:"))
        self._kept = self._folder / ".hemostat"

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def check(self) -> list[str]:
        """Say whether the folder can be written to."""
        if not self._folder.is_dir() or not os.access(self._folder, os.W_OK | os.X_OK):
            return ["The pickup folder is not there or cannot be written to."]
        return []

    @fulfils(send_disclosure)
    async def send_disclosure(self, request: Disclose) -> Receipt:
        """Write the mail unless it is there; a different one under the same name is a conflict."""
        if digest_bytes(request.text.encode()) != request.text_digest:
            raise BadInput("the text is not the one that was approved", where=WHERE)
        if not request.text.endswith("\n") or "\r" in request.text:
            raise BadInput("a mail's text ends with a line break and has plain ones", where=WHERE)
        name = _name(request.incident, request.statement, request.audience)
        content = self._mail(request, name).as_bytes(policy=policy.SMTP)
        wanted = request.text_digest
        changed = await asyncio.to_thread(self._hand_over, name, content, wanted)
        found = await asyncio.to_thread(self._read, name)
        if found is None or _text_digest(found) != wanted:
            raise _another_text()
        item = await self._vault.put(
            found,
            media_type="message/rfc822",
            name=f"sent to {request.audience}",
            source=WHERE,
            method="read back from the pickup folder",
        )
        return Receipt(
            receipt=name,
            audience=request.audience,
            text_digest=request.text_digest,
            sealed=item.digest,
            changed=changed,
            item=item,
        )

    @fulfils(read_disclosure)
    async def read_disclosure(self, request: ReadDisclosure) -> Disclosed:
        """Read the mail and give the digest of its text."""
        name = _name(request.incident, request.statement, request.audience)
        found = await asyncio.to_thread(self._read, name)
        return Disclosed(text_digest=None if found is None else _text_digest(found))

    @fulfils(seal_report)
    async def seal_report(self, request: SealReport) -> ReportSealed:
        """Put the text into the vault."""
        item = await self._vault.put(
            request.text.encode(),
            media_type="text/markdown",
            name=request.name,
            source="hemostat",
            method="written from the incident's record",
        )
        return ReportSealed(digest=item.digest, size=item.size)

    def _mail(self, request: Disclose, name: str) -> EmailMessage:
        address = self.connection.audiences.get(request.audience)
        if address is None:
            raise BadInput(
                "the connection has no such audience",
                where=WHERE,
                next_step="Add its address to `audiences`.",
            )
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = self.connection.sender
        mail["To"] = address
        mail["Subject"] = request.subject
        mail["Message-ID"] = f"<{name}@{self.connection.sender.partition('@')[2]}>"
        mail.set_content(request.text, cte="base64")
        return mail

    def _hand_over(self, name: str, content: bytes, wanted: Digest) -> bool:
        """Put the mail into the folder unless it was there before; whether this call did it."""
        try:
            self._keep(name, content)
            if _text_digest((self._kept / name / _KEPT).read_bytes()) != wanted:
                raise _another_text()
            to_go = self._kept / name / _TO_GO
            try:
                to_go.rename(self._folder / f"{name}.eml")
            except FileNotFoundError:
                return False  # it went before
        except OSError as error:
            raise SystemUnreachable(
                f"cannot be written ({type(error).__name__})", where=WHERE
            ) from None
        return True

    def _keep(self, name: str, content: bytes) -> None:
        """Have our own folder of the mail, whole, made by whoever is first."""
        if (self._kept / name).exists():
            return
        self._kept.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".", dir=self._kept))
        try:
            for copy in (_KEPT, _TO_GO):
                with (made / copy).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            made.rename(self._kept / name)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise  # else another attempt was faster, and its mail is as good
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _read(self, name: str) -> bytes | None:
        """The mail as it lies in the folder; once it was taken away, as it was handed over."""
        for place in (self._folder / f"{name}.eml", self._kept / name / _KEPT):
            try:
                found = place.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SystemUnreachable(
                    f"cannot be read ({type(error).__name__})", where=WHERE
                ) from None
            if not (self._kept / name / _TO_GO).exists():
                return found
        return None


def _name(incident: str, statement: str, audience: str) -> str:
    named = f"{incident}\n{statement}\n{audience}"
    return f"hemostat-{sha256(named.encode()).hexdigest()[:32]}"


def _text_digest(mail: bytes) -> Digest:
    """Of the text as its reader gets it; a mail ends its text with a line break, ours need not."""
    body = BytesParser(policy=policy.SMTP).parsebytes(mail).get_body(("plain",))
    if body is None:
        raise _unreadable()
    text = str(body.get_content()).replace("\r\n", "\n")
    return digest_bytes(text.encode())


def _another_text() -> HemostatError:
    return ConflictingChange("another text was sent under this name", where=WHERE)


def _unreadable() -> HemostatError:
    return ConflictingChange("what is in the pickup folder is no mail of ours", where=WHERE)
