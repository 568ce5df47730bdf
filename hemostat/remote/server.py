"""One gateway over HTTP: asks as a person with their token, and says in our words what went wrong.

Law: what may be repeated is repeated: reads, and what carries an idempotency key, where nothing was
answered or the gateway says to ask again. No redirect is followed, and no error quotes a token.
"""

import ssl
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx2
from pydantic import ValidationError

from hemostat import __version__
from hemostat.api.problems import Problem
from hemostat.incidents import NoSuchIncident
from hemostat.remote.signed_in import Login, on_this_machine
from schemas.base import Frozen
from schemas.errors import (
    BadInput,
    ConfigurationError,
    HemostatError,
    NotHeld,
    SystemRefused,
    SystemUnreachable,
)

PREFIX: Final = "/api/v1"
_TIMEOUT_SECONDS: Final = 30.0
_SILENT_SECONDS: Final = 45.0
"""A live gateway says every 15 seconds that it is still there."""
_TRIES: Final = 3
_LONGEST_WAIT_SECONDS: Final = 10.0

M = TypeVar("M", bound=Frozen)
Answered = tuple[int, dict[str, Any]]


class Server:
    """A gateway, asked by nobody (before a login) or by one person. Use as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        login: Login | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self.login = login
        self._sleep = sleep
        headers = {"User-Agent": f"hemostat/{__version__}", "Accept": "application/json"}
        if login is not None:
            headers["Authorization"] = f"Bearer {login.token}"
        self._http = httpx2.Client(
            base_url=url,
            headers=headers,
            verify=_trust(ca),
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=not on_this_machine(url),
            transport=transport,
        )

    @classmethod
    def of(cls, login: Login) -> Self:
        """Return the gateway at which somebody is signed in."""
        return cls(login.url, ca=login.ca, login=login)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, model: type[M], **query: object) -> M:
        """Return what the API has at *path*."""
        asked = {name: value for name, value in query.items() if value is not None}
        status, body = self._answer("GET", PREFIX + path, params=asked)
        if status != 200:
            raise self._wrong(status, body)
        return self._understood(model, body)

    def events(self, path: str, last: int | None = None) -> Generator[tuple[str, str]]:
        """Yield what is told live at *path*, as name and content, until the gateway ends it.

        *last* is the number of the last one that is known. A gateway that says nothing for long,
        not even that it is still there, raises ``SystemUnreachable``.
        """
        headers = {"Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        timeout = httpx2.Timeout(_TIMEOUT_SECONDS, read=_SILENT_SECONDS)
        where = PREFIX + path
        try:
            with self._http.stream("GET", where, headers=headers, timeout=timeout) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise self._wrong(answer.status_code, self._json(answer))
                yield from _told(answer.iter_lines())
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    def say(self, path: str, said: Frozen) -> Answered:
        """Post *said*, counted once however often it is sent; return the status and the body."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        content = said.model_dump(mode="json", exclude_none=True)
        return self._answer("POST", PREFIX + path, json=content, headers=headers)

    def form(self, path: str, fields: Mapping[str, str]) -> Answered:
        """Post a form, once."""
        return self._answer("POST", path, tries=1, data=dict(fields))

    def _answer(self, method: str, path: str, *, tries: int = _TRIES, **how: Any) -> Answered:
        for left in reversed(range(tries)):
            try:
                answer = self._http.request(method, path, **how)
            except httpx2.HTTPError as error:
                if left == 0 or _untrusted(error):
                    raise self._unreachable(error) from error
                self._sleep(0.5)
                continue
            if left and answer.status_code in (429, 503):
                self._sleep(_pause(answer))
                continue
            return answer.status_code, self._json(answer)
        raise AssertionError("unreachable: the last try returns or raises")

    def _json(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise BadInput(
                f"what answers there is no Hemostat gateway (status {answer.status_code})",
                where=self.url,
                next_step="see the address: it is the one the console has.",
            )
        return body

    def _understood(self, model: type[M], body: dict[str, Any]) -> M:
        try:
            return model.model_validate(body)
        except ValidationError as error:
            raise BadInput(
                "the gateway's answer is not understood",
                where=self.url,
                next_step=f"it may be of another version than this one, {__version__}.",
            ) from error

    def _unreachable(self, error: httpx2.HTTPError) -> HemostatError:
        if _untrusted(error):
            return ConfigurationError(
                "its certificate is not one that this machine trusts",
                where=self.url,
                next_step="`hemostat login --ca FILE` names the authority that issued it.",
            )
        return SystemUnreachable(
            f"the gateway cannot be reached ({type(error).__name__})",
            where=self.url,
            next_step="see the address and the network; `hemostat logout` forgets this gateway.",
        )

    def _wrong(self, status: int, body: dict[str, Any]) -> HemostatError:
        return wrong(self.url, status, body)


def wrong(url: str, status: int, body: dict[str, Any]) -> HemostatError:
    """Return what a problem document of the API says, as the error that it is here."""
    if status == 401:
        return ConfigurationError(
            "your sign-in there is over, or was ended",
            where=url,
            next_step=f"`hemostat login {url}`.",
        )
    try:
        told = Problem.model_validate(body)
    except ValidationError:
        return SystemRefused(
            f"the gateway refused (status {status})", where=url, next_step="see its log."
        )
    where, next_step = told.where or url, told.next
    if status == 404 and told.where == "incident":
        return NoSuchIncident(told.detail, where=where, next_step=next_step)
    kinds: dict[int, type[HemostatError]] = {
        403: NotHeld,
        404: NotHeld,
        429: SystemUnreachable,
        503: SystemUnreachable,
    }
    fields = ", ".join(f"{one.where}: {one.what}" for one in told.errors)
    detail = f"{told.detail} ({fields})" if fields else told.detail
    return kinds.get(status, BadInput)(detail, where=where, next_step=next_step)


def _told(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Return the events of a stream; comments, numbers and what is not whole are left out."""
    name, data = "", ""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.removeprefix(" ")
        elif not line:
            if name and data:
                yield name, data
            name, data = "", ""


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigurationError(
            f"the authority's certificate cannot be read ({type(error).__name__})",
            where=str(ca),
            next_step="--ca names a file with PEM certificates.",
        ) from error


def _untrusted(error: BaseException | None) -> bool:
    """Whether it came of a certificate that does not hold."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _pause(answer: httpx2.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), _LONGEST_WAIT_SECONDS) if told.isdecimal() else 1.0
