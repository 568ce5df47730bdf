"""Mails where an incident stands, and asks people by mail, through an SMTP server.

Law: one attempt is one conversation with the server. SMTP has no way to look first: a mail whose
acceptance was not heard of is sent again, under the same Message-ID, which is made of our key. A
password goes over an encrypted line or stays on this machine. In a drill nobody is reached but
those whom ``drill_to`` lists. No error quotes what the server said but its code.

Contract: RFC 5321, RFC 3207 (STARTTLS), RFC 5322
"""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.message import EmailMessage
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from activities.parts.mail_message import incident_mail, question_mail
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import HemostatError, SystemRefused, SystemUnreachable
from schemas.ports.channels import (
    Announce,
    Announced,
    AskPerson,
    PersonAsked,
    ask_by_mail,
    mail_report,
)
from schemas.ports.port import fulfils

Address = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
    ),
]

_WHERE: Final = "the mail server"
_TIMEOUT_SECONDS: Final = 6
_THREADS: Final = 4
_LOCAL: Final = re.compile(r"127\.0\.0\.1|::1|localhost")


class Connection(Frozen):
    """``[connections.NAME]``: the server, who sends, who follows incidents (``to``).

    ``tls``: ``starttls`` insists on it, ``where-offered`` takes it where the server has it,
    ``implicit`` is for port 465; on this machine none of it is needed unless ``ca`` is given.
    Drills reach ``drill_to`` alone. ``people`` are the addresses of ``[people.NAME] email`` and
    ``public_url`` is the gateway's; both are filled in.
    """

    reached_by: ClassVar[str] = "email"

    adapter: Literal["mail_smtp"]
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    port: int = Field(default=587, ge=1, le=65_535)
    sender: Address
    to: tuple[Address, ...] = ()
    drill_to: tuple[Address, ...] = ()
    username: SecretRef | None = None
    password: SecretRef | None = None
    tls: Literal["starttls", "where-offered", "implicit"] = "starttls"
    ca: SecretRef | None = None
    people: dict[Name, Address] = {}
    public_url: str = ""


class Mail:
    """The way to one mail server."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mail")

    @fulfils(mail_report)
    async def mail_report(self, request: Announce) -> Announced:
        """Mail it to those who follow; in a drill to those who are allowed."""
        report, chosen = request.report, self._connection
        to = chosen.drill_to if report.drill else chosen.to
        if not to:
            why = "nobody is allowed to hear of drills" if report.drill else "nobody follows"
            return Announced(message="", changed=False, withheld=why)
        page = self._page(request.incident)
        mail = incident_mail(report, request.key, page, sender=chosen.sender, to=to)
        refused = await self._send(mail, to)
        left = f"{refused} of {len(to)} addresses were refused" if refused else ""
        return Announced(message=str(mail["Message-ID"]), changed=True, withheld=left)

    @fulfils(ask_by_mail)
    async def ask_by_mail(self, request: AskPerson) -> PersonAsked:
        """Mail the question once; that it is over is not worth another mail."""
        to, report, question = (
            self._connection.people.get(request.person),
            request.report,
            request.question,
        )
        if not to:
            return PersonAsked(changed=False, withheld="no mail address")
        if report.drill and to not in self._connection.drill_to:
            return PersonAsked(changed=False, withheld="not on the list for drills")
        if question.over or question.held:
            return PersonAsked(changed=False)
        page = self._page(request.incident, f"/gates/{question.gate}")
        sender = self._connection.sender
        mail = question_mail(question, report, request.key, page, sender=sender, to=to)
        refused = await self._send(mail, [to])
        return PersonAsked(changed=not refused, withheld="the address was refused" * bool(refused))

    async def check(self) -> list[str]:
        """Shake hands, and sign in where there is a password; nothing is sent."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._shake_hands)
        except HemostatError as error:
            return [str(error)]
        except (OSError, smtplib.SMTPException) as error:
            return [str(_failure(error))]
        return []

    async def aclose(self) -> None:
        """Let the threads go; a conversation that still runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _send(self, mail: EmailMessage, to: Sequence[str]) -> int:
        """Send it and return how many of the addresses the server refused."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._converse, mail, to)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if any(400 <= code < 500 for code in codes):
                raise SystemUnreachable("it takes no mail for them now", where=_WHERE) from None
            return len(to)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise _failure(error) from None

    def _converse(self, mail: EmailMessage, to: Sequence[str]) -> int:
        server = self._connected()
        try:
            refused = server.send_message(mail, self._connection.sender, list(to))
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        return len(refused)

    def _shake_hands(self) -> None:
        self._connected().quit()

    def _connected(self) -> smtplib.SMTP:
        """A conversation with the server, encrypted and signed in as configured."""
        chosen = self._connection
        # Named, because the library would ask the network for this machine's name.
        named = chosen.sender.rpartition("@")[2]
        if chosen.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                chosen.host, chosen.port, named, timeout=_TIMEOUT_SECONDS, context=self._trust()
            )
        else:
            server = smtplib.SMTP(chosen.host, chosen.port, named, timeout=_TIMEOUT_SECONDS)
        try:
            self._sign_in(server, chosen.tls == "implicit" or self._start_tls(server))
        except BaseException:
            server.close()
            raise
        return server

    def _sign_in(self, server: smtplib.SMTP, secure: bool) -> None:
        chosen = self._connection
        if not (chosen.username and chosen.password):
            return
        if not (secure or _LOCAL.fullmatch(chosen.host)):
            raise SystemRefused(
                "it offers no encryption, and the password does not go without", where=_WHERE
            )
        server.login(read_secret(chosen.username), read_secret(chosen.password))

    def _start_tls(self, server: smtplib.SMTP) -> bool:
        local = bool(_LOCAL.fullmatch(self._connection.host)) and self._connection.ca is None
        server.ehlo_or_helo_if_needed()
        if local:
            return False
        if not server.has_extn("starttls"):
            if self._connection.tls == "where-offered":
                return False
            raise SystemRefused(
                "it offers no encryption", where=_WHERE, next_step='or set tls = "where-offered".'
            )
        server.starttls(context=self._trust())
        return True

    def _trust(self) -> ssl.SSLContext:
        ca = self._connection.ca
        return ssl.create_default_context(cadata=read_secret(ca) if ca else None)

    def _page(self, incident: str, below: str = "") -> str:
        base = self._connection.public_url.rstrip("/")
        return f"{base}/incidents/{incident}{below}" if base else ""


def _failure(error: Exception) -> HemostatError:
    """Our words for it: a 5xx is for good, everything else may pass."""
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        if isinstance(error, smtplib.SMTPAuthenticationError) and code >= 500:
            return SystemRefused("it does not take the password", where=_WHERE)
        if 500 <= code < 600:
            return SystemRefused(f"it refused the mail with {code}", where=_WHERE)
        return SystemUnreachable(f"it answered {code}", where=_WHERE)
    return SystemUnreachable(f"it did not answer properly ({type(error).__name__})", where=_WHERE)
