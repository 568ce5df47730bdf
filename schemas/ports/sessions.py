"""Sessions at an identity provider: all that one person is signed in with, ended at once.

A *subject* is whoever is signed in, by our own opaque name; the provider's name for them is known
to the connection alone. Ending sessions cannot be taken back, and needs no taking back: whoever may
still sign in signs in again.
"""

from typing import Literal

from schemas.base import Frozen, Name
from schemas.ports.port import Effect, Request, port

Answer = Literal["accepted", "refused", "unclear"]


class EndSessions(Effect):
    """Have the provider end every session and token of a subject."""

    subject: Name


class SessionsEnded(Frozen):
    """The provider took it; that it did it is for the proof."""

    subject: Name


class TrySession(Request):
    """Use a session that the subject had before, as its holder would.

    *lived*: whether it was accepted before the end. One that was not shows nothing when it is
    refused, and so is not tried: that is bad input. None: that is what is asked now.
    """

    subject: Name
    lived: bool | None = None


class SessionTried(Frozen):
    """What the provider answered the session; None: no session is known.

    ``control``: what it answered one that nobody ends, if there is such a one.
    """

    subject: Name
    answer: Answer | None
    control: Answer | None = None

    def ended(self) -> bool:
        """Whether the session is refused, and not everything is."""
        return self.answer == "refused" and self.control in (None, "accepted")


@port("sessions")
async def end_sessions(request: EndSessions) -> SessionsEnded:
    """End the subject's sessions, refresh tokens included; harmless to repeat."""
    raise NotImplementedError


@port("sessions")
async def try_session(request: TrySession) -> SessionTried:
    """Say what a session from before is answered; a refusal is an answer, not an error."""
    raise NotImplementedError
