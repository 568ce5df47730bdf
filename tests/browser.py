"""A browser as far as signing in goes: cookies, forms, redirects; and a site with our routes."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.identity.desk import Identity
from hemostat.identity.routes import KeepsSessions, routes
from hemostat.keys import create_key
from hemostat.settings import Settings

SITE = "http://127.0.0.1:8787"


def identity_of(folder: Path, more: str = "", transport: Any = None, tables: str = "") -> Identity:
    """An identity with its own state folder, configured with *more* lines of ``[identity]``."""
    key = folder / "gateway.pem"
    if not key.exists():
        create_key(key)
    file = folder / "hemostat.toml"
    file.write_text(f'[identity]\nkey = "file:gateway.pem"\n{more}\n{tables}')
    return Identity(Settings.load(file), transport)


def site(identity: Identity) -> Starlette:
    """Our pages, and two of the house: who am I, and a form that changes something."""

    async def whoami(request: Request) -> Response:
        who = await identity.who(request)
        if who is None:
            return JSONResponse(None, 401)
        return JSONResponse({**who.model_dump(mode="json"), "csrf": identity.token(request)})

    async def change(request: Request) -> Response:
        who = await identity.who(request)
        form = await request.form()
        if who is None or await identity.refuses(request, str(form.get("csrf", ""))):
            return JSONResponse({"changed": False}, 403)
        step_up = identity.step_up(request, who, "/change")
        return JSONResponse({"changed": step_up is None, "step_up": step_up})

    return Starlette(
        routes=[
            *routes(identity),
            Route("/whoami", whoami),
            Route("/change", change, methods=["POST"]),
        ],
        middleware=[Middleware(KeepsSessions, identity=identity)],
    )


class Browser:
    """One person's browser at our site; ``elsewhere`` are other sites' transports."""

    def __init__(self, identity: Identity, url: str = SITE) -> None:
        self.url = url
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(site(identity), client=("192.0.2.7", 4000)),
            base_url=url,
            follow_redirects=False,
        )

    async def get(self, path: str, **how: Any) -> httpx2.Response:
        """GET a page."""
        return await self.http.get(path, **how)

    async def post(self, path: str, data: Any = None, **how: Any) -> httpx2.Response:
        """POST a form, as the browser does from our own page."""
        headers = {"origin": self.url, "sec-fetch-site": "same-origin", **how.pop("headers", {})}
        return await self.http.post(path, data=data, headers=headers, **how)

    async def form(self, path: str) -> str:
        """The token of the form on a page."""
        return csrf_in((await self.get(path)).text)

    async def sign_in(self, name: str, secret: str, next_: str = "/") -> httpx2.Response:
        """Sign in with a local account."""
        token = await self.form(f"/login?next={next_}")
        return await self.post("/login", {"csrf": token, "name": name, "secret": secret})

    async def me(self) -> dict[str, Any] | None:
        """Who the site thinks it is; None for nobody."""
        answer: dict[str, Any] | None = (await self.get("/whoami")).json()
        return answer

    def plant(self, name: str, value: str) -> None:
        """Have this cookie of our site and no other."""
        self.http.cookies.clear()
        self.http.cookies.set(name, value, domain=urlsplit(self.url).hostname or "", path="/")

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        for cookie in self.http.cookies.jar:
            if cookie.name.endswith("hemostat-session"):
                return cookie.value
        return None


def csrf_in(text: str) -> str:
    """The token in a page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found, text
    return found[1]


def member(identity: Identity, name: str = "ic-1", *roles: str, auditor: bool = False) -> str:
    """Add an account with a password of its own; return the password."""
    identity.accounts.add(name, roles or ("commander",), auditor=auditor)
    password = f"correct horse of {name}"
    identity.accounts.choose(name, password)
    return password
