"""The routes of identity, a page a line, and what keeps a session alive while it is used."""

from datetime import UTC, datetime

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hemostat.identity import devices, proving, signing_in
from hemostat.identity.desk import Identity
from hemostat.identity.pages import Doors, Handler, opened, serve_asset
from hemostat.identity.passkeys import Passkeys
from hemostat.identity.throttle import Throttle


def routes(identity: Identity) -> list[Route]:
    """Return every route of identity."""
    doors = Doors(identity, Passkeys(identity.url), Throttle())

    def at(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, opened(doors, handler), methods=[method])

    return [
        at("/login", signing_in.show),
        at("/login", signing_in.take, "POST"),
        at("/login/oidc", signing_in.to_provider),
        at("/login/callback", signing_in.from_provider),
        at("/login/passkey/options", proving.options_to_sign_in, "POST"),
        at("/login/passkey", proving.take_passkey, "POST"),
        at("/logout", signing_in.leave, "POST"),
        at("/step-up", proving.show_step_up),
        at("/step-up", proving.take_step_up, "POST"),
        at("/me", proving.show_me),
        at("/passkeys/options", proving.options_to_register, "POST"),
        at("/passkeys", proving.register, "POST"),
        at("/device", devices.show),
        at("/device", devices.answer, "POST"),
        at("/device/code", devices.ask, "POST"),
        at("/device/token", devices.collect, "POST"),
        at("/device/end", devices.end, "POST"),
        Route("/login/assets/{name}", serve_asset),
    ]


class KeepsSessions:
    """Middleware: sets the cookie of a session that was used anew, so that it does not go idle.

    What a page asks by itself, on a screen that nobody may be looking at, is no use of it.
    """

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self._app = app
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            session = scope.get("hemostat.session")
            begins = message["type"] == "http.response.start"
            if begins and session is not None and not _by_itself(scope):
                sessions = self._identity.sessions
                name = f"{sessions.cookie.name}=".encode()
                cookies = [v for k, v in message["headers"] if k.lower() == b"set-cookie"]
                touched = sessions.touched(session, datetime.now(UTC))
                if touched is not None and not any(v.startswith(name) for v in cookies):
                    added = (b"set-cookie", sessions.header(touched))
                    message["headers"] = [*message["headers"], added]
            await send(message)

        await self._app(scope, receive, sending)


def _by_itself(scope: Scope) -> bool:
    """Whether the page asked, and no person: a stream of events, or one that it was refused."""
    headers = dict(scope["headers"])
    return b"x-unattended" in headers or headers.get(b"accept") == b"text/event-stream"
