"""Tokens of the command line, by the device flow (RFC 8628): a person lends a terminal their proof.

A token is good for some hours, kept here by its digest alone. It carries how and when the person
signed in, and the fresh proof they gave, which grows old like any other.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from hemostat.identity.kept import Kept
from schemas.base import Frozen, Utc
from schemas.who import Who

PREFIX: Final = "hmt_"
CODE_LASTS: Final = timedelta(minutes=5)
"""Long enough to sign in and type eight letters; a code that is sent on is old by then."""
POLL_EVERY: Final = 2
"""Seconds between two questions of a terminal that waits."""
MOST_WAITING: Final = 500
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word (RFC 8628 §6.1)."""


class Device(Frozen):
    """A terminal that waits; ``who`` once a person has said yes, ``refused`` once they said no."""

    user_code: str
    until: Utc
    asked_from: str = ""
    """The address, as the gateway sees it; that of many where a proxy is not named."""
    who: Who | None = None
    refused: bool = False

    @property
    def asked_at(self) -> datetime:
        """When it asked for its code."""
        return self.until - CODE_LASTS


class Issued(Frozen):
    """A token that is out, by digest."""

    who: Who
    until: Utc


class TokenBook(Frozen):
    """Devices and tokens, each by the digest of its secret."""

    devices: dict[str, Device] = {}
    tokens: dict[str, Issued] = {}


class Waits(Exception):
    """The person has not answered yet, or said no: ``error`` is RFC 8628's word for it."""

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(error)


class Tokens:
    """Hands out tokens to terminals, and knows whose they are."""

    def __init__(self, kept: Kept[TokenBook], lasts: timedelta) -> None:
        self._kept = kept
        self._lasts = lasts

    def ask(self, asked_from: str = "") -> tuple[str, str]:
        """Return a terminal's secret and the code that a person is to see; ``Waits`` if crowded."""
        device, code = secrets.token_urlsafe(32), _user_code()
        until = datetime.now(UTC) + CODE_LASTS

        def with_it(book: TokenBook) -> TokenBook:
            live = _live(book)
            if len(live.devices) >= MOST_WAITING:
                raise Waits("slow_down")
            waiting = Device(user_code=code, asked_from=asked_from, until=until)
            return live.model_copy(update={"devices": {**live.devices, _digest(device): waiting}})

        self._kept.change(with_it)
        return device, code

    def waiting(self, code: str) -> Device | None:
        """Return the terminal that waits with this code, None if there is none."""
        for device in _live(self._kept.read()).devices.values():
            if device.user_code == _normal(code) and device.who is None and not device.refused:
                return device
        return None

    def answer(self, code: str, who: Who | None) -> bool:
        """Lend the terminal *who*, or refuse it (None); whether one waited."""
        found: list[bool] = []

        def answered(book: TokenBook) -> TokenBook:
            live = _live(book)
            changed = dict(live.devices)
            for digest, device in live.devices.items():
                if device.user_code == _normal(code) and device.who is None and not device.refused:
                    found.append(True)
                    changed[digest] = device.model_copy(update={"who": who, "refused": who is None})
            return live.model_copy(update={"devices": changed})

        self._kept.change(answered)
        return bool(found)

    def collect(self, device: str) -> tuple[str, Issued]:
        """Return the terminal's token, once; raises ``Waits`` while there is none."""
        token = PREFIX + secrets.token_urlsafe(32)
        digest, out = _digest(device), list[Issued]()
        known = _live(self._kept.read()).devices.get(digest)
        if known is None:
            raise Waits("expired_token")
        if known.refused:
            raise Waits("access_denied")
        if known.who is None:
            raise Waits("authorization_pending")

        def handed_out(book: TokenBook) -> TokenBook:
            live = _live(book)
            asked = live.devices.get(digest)
            if asked is None or asked.who is None:
                raise Waits("expired_token")
            out.append(Issued(who=asked.who, until=datetime.now(UTC) + self._lasts))
            rest = {other: d for other, d in live.devices.items() if other != digest}
            return TokenBook(devices=rest, tokens={**live.tokens, _digest(token): out[0]})

        self._kept.change(handed_out)
        return token, out[0]

    def whose(self, token: str) -> Issued | None:
        """Return whose token this is; None if it is nobody's or over."""
        issued = self._kept.read().tokens.get(_digest(token))
        return issued if issued and datetime.now(UTC) < issued.until else None

    def end(self, token: str) -> None:
        """Make a token nobody's."""
        digest = _digest(token)
        self._kept.change(lambda book: _without(book, lambda other, _: other == digest))

    def end_all_of(self, subject: str) -> None:
        """Make every token of this subject nobody's, those also that a terminal still waits for."""

        def ended(book: TokenBook) -> TokenBook:
            rest = _without(book, lambda _, issued: issued.who.subject == subject)
            devices = {
                digest: device
                for digest, device in rest.devices.items()
                if device.who is None or device.who.subject != subject
            }
            return rest.model_copy(update={"devices": devices})

        self._kept.change(ended)


def _without(book: TokenBook, gone: Callable[[str, Issued], bool]) -> TokenBook:
    live = _live(book)
    kept = {digest: issued for digest, issued in live.tokens.items() if not gone(digest, issued)}
    return live.model_copy(update={"tokens": kept})


def _live(book: TokenBook) -> TokenBook:
    now = datetime.now(UTC)
    return TokenBook(
        devices={d: device for d, device in book.devices.items() if now < device.until},
        tokens={t: issued for t, issued in book.tokens.items() if now < issued.until},
    )


def _user_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _normal(code: str) -> str:
    letters = "".join(char for char in code.upper() if char in _LETTERS)[:8]
    return f"{letters[:4]}-{letters[4:]}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
