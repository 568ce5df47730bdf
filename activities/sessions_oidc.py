"""Sessions at an OpenID Connect provider: ended by its admin API, tried at its userinfo endpoint.

Law: tokens are read from references at each use and are in no result and no error, and neither is
the provider's name for a subject. A provider that answers well has shown nothing: sessions count as
ended when a token from before is refused (OpenID Connect Core, 5.3.3) while the control's, which
nobody ends, is accepted. What a resource accepts without asking the provider, such as a signed
token until it expires, is not seen here.

One request ends them: Okta ``DELETE /api/v1/users/{subject}/sessions?oauthTokens=true``, Keycloak
``POST /admin/realms/REALM/users/{subject}/logout``, Entra ``POST
/v1.0/users/{subject}/revokeSignInSessions``.
"""

from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field, StringConstraints

from activities.parts.http import Address, Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import BadInput, HemostatError
from schemas.ports.port import fulfils
from schemas.ports.sessions import (
    Answer,
    EndSessions,
    SessionsEnded,
    SessionTried,
    TrySession,
    end_sessions,
    try_session,
)

WHERE: Final = "sessions"
_TAKEN: Final = (200, 202, 204)
_REFUSALS: Final = ("access_denied", "invalid_token")
"""What some say with 400 instead of 401 (RFC 6750, 3.1; RFC 6749, 4.1.2.1)."""

EndAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^@\s#]*/\{subject\}[^@\s#]*$")]
"""Where sessions are ended, with ``{subject}`` as one part of its path."""


class Subject(Frozen):
    """One who is signed in: the provider's name for them, and a token to try, if one is known."""

    subject: str = Field(min_length=1, max_length=256)
    witness: SecretRef | None = None


class Connection(Frozen):
    """``[connections.NAME]``: the provider's two addresses, our own access, and the subjects."""

    adapter: Literal["sessions_oidc"]
    end: EndAddress
    method: Literal["POST", "DELETE"] = "POST"
    userinfo: Address
    admin_token: SecretRef | None = None
    scheme: Literal["Bearer", "SSWS"] = "Bearer"
    subjects: dict[Name, Subject] = Field(min_length=1)
    control: SecretRef | None = None
    timeout_seconds: float = Field(default=5, gt=0)


class _Refusal(BaseModel):
    error: str = ""


class SessionsOidc:
    """The sessions that one provider knows of."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        seconds = connection.timeout_seconds
        parts = urlsplit(connection.end)
        self._path = connection.end.removeprefix(f"{parts.scheme}://{parts.netloc}")
        self._admin = Http(WHERE, f"{parts.scheme}://{parts.netloc}", seconds=seconds)
        self._userinfo = Http(WHERE, connection.userinfo, seconds=seconds, keep_alive=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._admin.aclose()
        await self._userinfo.aclose()

    async def check(self) -> list[str]:
        """Say which token to try is not accepted any more: it would show nothing."""
        tokens = {name: known.witness for name, known in self.connection.subjects.items()}
        problems = []
        for name, reference in {**tokens, "control": self.connection.control}.items():
            try:
                if await self._try(reference) not in (None, "accepted"):
                    problems.append(f"The token to try of {name} is not accepted: renew it.")
            except HemostatError as error:
                problems.append(str(error))
        return problems

    @fulfils(end_sessions)
    async def end_sessions(self, request: EndSessions) -> SessionsEnded:
        """Ask the provider to end all of it."""
        subject = quote(self._known(request.subject).subject, safe="")
        own, headers = self.connection.admin_token, {}
        if own is not None:
            headers["Authorization"] = f"{self.connection.scheme} {read_secret(own)}"
        await self._admin.ask(
            self.connection.method,
            self._path.replace("{subject}", subject),
            headers=headers,
            expect=_TAKEN,
            unread=True,
        )
        return SessionsEnded(subject=request.subject)

    @fulfils(try_session)
    async def try_session(self, request: TrySession) -> SessionTried:
        """Ask for the userinfo with the subject's token, and with the control's."""
        if request.lived is False:
            raise BadInput(
                "no session was seen to work before, so none is seen to be ended",
                where=WHERE,
                next_step="Look at the provider which sessions are left.",
            )
        return SessionTried(
            subject=request.subject,
            answer=await self._try(self._known(request.subject).witness),
            control=await self._try(self.connection.control),
        )

    async def _try(self, token: SecretRef | None) -> Answer | None:
        if token is None:
            return None
        headers = {"Authorization": f"Bearer {read_secret(token)}"}
        told = await self._userinfo.ask("GET", "", headers=headers, expect=(200, 400, 401, 403))
        if told.status == 200:
            return "accepted"
        if told.status != 400 or told.parse(_Refusal).error in _REFUSALS:
            return "refused"
        return "unclear"

    def _known(self, name: str) -> Subject:
        known = self.connection.subjects.get(name)
        if known is None:
            raise BadInput(
                "the connection knows no such subject",
                where=WHERE,
                next_step="Add it to `subjects` of the connection.",
            )
        return known
