"""Sessions of browsers: sealed in a cookie, new at each sign-in, over by idling, by age, or revoked.

The gateway keeps no session; what it keeps is the short list of those that ended before their time.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from hemostat.identity.kept import Kept
from hemostat.identity.sealed import SealedCookie
from schemas.base import Frozen, Utc
from schemas.who import Who

TOUCH_EVERY = timedelta(minutes=1)
"""How often the cookie is set anew while its holder is active."""


class Session(Frozen):
    """What the cookie holds; ``csrf`` is what forms of this session carry."""

    id: str
    who: Who
    csrf: str
    began: Utc
    seen: Utc


class Revoked(Frozen):
    """What ended before its time: sessions, challenges that were answered, people anywhere.

    The first two are kept until they would have been over.
    """

    sessions: dict[str, Utc] = {}
    people: dict[str, Utc] = {}


class Sessions:
    """Opens, reads and ends sessions."""

    def __init__(
        self, cookie: SealedCookie, revoked: Kept[Revoked], *, idle: timedelta, lasts: timedelta
    ) -> None:
        self.cookie = cookie
        self._revoked = revoked
        self._idle = idle
        self._lasts = lasts

    def open(self, request: Request, response: Response, who: Who) -> Session:
        """Begin a session for *who*, under a new id; what the browser had before is ended."""
        before = self.cookie.read(request, Session)
        if before is not None:
            self.end(before)
        now = datetime.now(UTC)
        session = Session(
            id=secrets.token_urlsafe(18),
            who=who,
            csrf=secrets.token_urlsafe(24),
            began=now,
            seen=now,
        )
        self._set(response, session)
        return session

    def read(self, request: Request, now: datetime | None = None) -> Session | None:
        """Return the live session of this request; None if there is none."""
        session = self.cookie.read(request, Session)
        now = now or datetime.now(UTC)
        if session is None or now - session.seen > self._idle:
            return None
        return session if self.is_live(session, now) else None

    def is_live(self, session: Session, now: datetime | None = None) -> bool:
        """Whether a session that was read goes on: neither over by age, nor ended."""
        if (now or datetime.now(UTC)) - session.began > self._lasts:
            return False
        revoked = self._revoked.read()
        everywhere = revoked.people.get(session.who.subject)
        ended = everywhere is not None and session.began <= everywhere
        return not ended and session.id not in revoked.sessions

    def touched(self, session: Session, now: datetime) -> Session | None:
        """Return the session as used now; None while that is not worth a new cookie."""
        if now - session.seen < TOUCH_EVERY:
            return None
        return session.model_copy(update={"seen": now})

    def keep(self, response: Response, session: Session, who: Who) -> None:
        """Go on with a session as *who*, who proved it again: under a new id all the same."""
        self.end(session)
        fresh = {"id": secrets.token_urlsafe(18), "who": who, "seen": datetime.now(UTC)}
        self._set(response, session.model_copy(update=fresh))

    def header(self, session: Session) -> bytes:
        """Return the value of ``Set-Cookie`` for *session*."""
        response = Response()
        self._set(response, session)
        return response.headers["set-cookie"].encode("latin-1")

    def _set(self, response: Response, session: Session) -> None:
        until = min(session.began + self._lasts, session.seen + self._idle)
        self.cookie.set(response, session, until)

    def end(self, session: Session) -> None:
        """End one session now, wherever its cookie is."""
        self.spend(session.id, session.began + self._lasts)

    def spend(self, once: str, until: datetime) -> bool:
        """Note that what may be used *once* was used; False if it had been, *until* it is over."""
        before: list[str] = []

        def spent(revoked: Revoked) -> Revoked:
            now = datetime.now(UTC)
            live = {id_: at for id_, at in revoked.sessions.items() if at > now}
            before.extend(id_ for id_ in live if id_ == once)
            return revoked.model_copy(update={"sessions": {**live, once: until}})

        self._revoked.change(spent)
        return not before

    def end_all_of(self, subject: str) -> None:
        """End every session that this subject has now."""
        end_all(self._revoked, subject)


def end_all(revoked: Kept[Revoked], subject: str) -> None:
    """End every session that *subject* has now."""

    def ended(known: Revoked) -> Revoked:
        return known.model_copy(update={"people": {**known.people, subject: datetime.now(UTC)}})

    revoked.change(ended)


def same(given: str, expected: str) -> bool:
    """Whether two tokens are the same, told in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
