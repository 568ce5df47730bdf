"""What every adapter that speaks HTTP must get right, once.

Law: an exchange is bounded in time and in bytes, follows no redirect and obeys no proxy. Errors
are those of ``schemas.errors``; they name the system and never carry an address, a secret or what
the system answered.
"""

import asyncio
import codecs
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import httpx2
from pydantic import BaseModel, StringConstraints, ValidationError

from schemas.errors import SystemRefused, SystemUnreachable

Model = TypeVar("Model", bound=BaseModel)

MEBIBYTE: Final = 1 << 20

Address = Annotated[str, StringConstraints(pattern=r"^https?://[^@\s?#]+$")]
"""A base URL; user info would be a secret in plain text, so it is refused."""

FileRef = Annotated[str, StringConstraints(pattern=r"^file:.+")]
"""A file as ``file:PATH``; settings make it absolute."""

_LATER: Final = frozenset({408, 425, 429})
"""Refusals that mean "not now" (RFC 9110, 8470, 6585)."""


@dataclass(frozen=True)
class Answer:
    """What a system answered; ``where`` is the system's name for errors."""

    where: str
    status: int
    headers: httpx2.Headers
    body: bytes

    def json(self) -> Any:
        """Parse the body into what RFC 8785 and UTF-8 can carry.

        It is read as UTF-8, as RFC 8259 has it, whatever it says it is. Integers over 2**53 become
        floats, as they do in Go; bytes that are no UTF-8 and half of a surrogate pair become a
        question mark, so that nobody makes a whole answer unreadable with one. What is not JSON
        counts as no answer (``SystemUnreachable``): a proxy may have spoken.
        """
        try:
            text = self.body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
            value = json.loads(
                text, parse_int=_integer, parse_float=_finite, parse_constant=_refuse
            )
            if b"\\ud" in self.body.lower():
                text = json.dumps(value, ensure_ascii=False)
                value = json.loads(text.encode("utf-8", "replace"))
            return value
        except (ValueError, OverflowError, RecursionError):
            raise SystemUnreachable("answered what is not JSON", where=self.where) from None

    def parse(self, model: type[Model]) -> Model:
        """Parse the body into *model*, with the same error for what does not fit it."""
        try:
            return model.model_validate(self.json())
        except ValidationError as error:
            raise SystemUnreachable(
                f"answered against its contract ({error.error_count()} problems)", where=self.where
            ) from None


def _integer(digits: str) -> int | float:
    return number if abs(number := int(digits)) <= 2**53 - 1 else float(number)


def _finite(number: str) -> float:
    """1e999 is written well, and nothing can carry it."""
    if math.isinf(value := float(number)):
        raise ValueError(number)
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


class Http:
    """One system behind one base URL. ``where`` names it in errors.

    *authorization* gives that header's value at each request, so a rotated secret is taken up.
    *seconds* bounds a whole exchange, *limit* the bytes of an answer. Errors: ``SystemUnreachable``
    for no answer, 5xx and "later"; ``SystemRefused`` for any other status that is not expected.
    """

    def __init__(
        self,
        where: str,
        base_url: str,
        *,
        authorization: Callable[[], str] | None = None,
        seconds: float = 10,
        limit: int = 8 * MEBIBYTE,
        keep_alive: bool = True,
    ) -> None:
        self.where = where
        self._base = base_url.rstrip("/")
        self._authorization = authorization
        self._seconds = seconds
        self._limit = limit
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=None if keep_alive else 0),
            # Nothing that could grow a thousandfold after its size was checked.
            headers={"Accept-Encoding": "identity", "User-Agent": "hemostat"},
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        raw: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] | None = (200,),
        seconds: float | None = None,
        limit: int | None = None,
        unread: bool = False,
    ) -> Answer:
        """Send one request, *content* as JSON; return the answer if its status is expected.

        *raw* is sent as it is, in place of *content*.

        *expect* None takes any status; *seconds* and *limit* are for this exchange only. *unread*
        leaves the answer's body where it is: the status is all there is to know.
        """
        sent = dict(headers or {})
        if self._authorization is not None:
            sent["Authorization"] = self._authorization()
        within = seconds or self._seconds
        try:
            async with (
                asyncio.timeout(within),
                self._client.stream(
                    method,
                    self._base + path,
                    json=content,
                    content=raw,
                    params=params,
                    headers=sent,
                    timeout=within,
                ) as response,
            ):
                body = b"" if unread else await self._body(response, limit or self._limit)
        except (httpx2.TransportError, TimeoutError) as error:
            raise SystemUnreachable(
                f"did not answer ({type(error).__name__})", where=self.where
            ) from None
        if expect is not None and response.status_code not in expect:
            raise self._unexpected(response.status_code)
        return Answer(self.where, response.status_code, response.headers, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _body(self, response: httpx2.Response, limit: int) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise SystemRefused(f"answered with more than {limit} bytes", where=self.where)
        return bytes(body)

    def _unexpected(self, status: int) -> SystemRefused | SystemUnreachable:
        if status >= 500 or status in _LATER:
            return SystemUnreachable(f"answered {status}", where=self.where)
        hint = ""
        if 300 <= status < 400:
            hint = "Redirects are not followed; configure the address it redirects to."
        elif status in {401, 403}:
            hint = "Check the connection's credentials."
        return SystemRefused(f"answered {status}", where=self.where, next_step=hint)
