"""The wiki that an assistant is connected to: pages behind OAuth 2.0 tokens, and their authority.

    python -m hemostat.drill.range.assistant.wiki SETTINGS

Law: a service as another company would run it, not a part of Hemostat; it listens on loopback.
Tokens are introspected as RFC 7662 and revoked as RFC 7009 say, by clients that sign in; a token
that it does not know is not active, and revoking it is answered 200.
"""

import base64
import hmac
import json
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_MAX_BYTES: Final = 10_000


class Wiki:
    """Pages, and the tokens that open them. Settings: ``pages`` by id, token and client files."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._pages: dict[str, str] = settings["pages"]
        self._client: str = settings["client_id"]
        self._secret = Path(settings["client_secret_file"]).read_text(encoding="utf-8").strip()
        self._active = {Path(settings["token_file"]).read_text(encoding="utf-8").strip()}

    def app(self) -> Starlette:
        """The HTTP application."""
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/oauth2/introspect", self._introspect, methods=["POST"]),
                Route("/oauth2/revoke", self._revoke, methods=["POST"]),
                Route("/pages/{page}", self._page),
            ]
        )

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _introspect(self, request: Request) -> Response:
        if not self._signed_in(request):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        return JSONResponse({"active": await _token(request) in self._active})

    async def _revoke(self, request: Request) -> Response:
        if not self._signed_in(request):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        self._active.discard(await _token(request))
        return Response(status_code=200)

    async def _page(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._active:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, status_code=401, headers=challenge)
        text = self._pages.get(request.path_params["page"])
        return JSONResponse({"text": text}, status_code=200 if text is not None else 404)

    def _signed_in(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = base64.b64encode(f"{self._client}:{self._secret}".encode()).decode()
        return scheme == "Basic" and hmac.compare_digest(given, expected)


async def _token(request: Request) -> str:
    raw = await request.body()
    form = parse_qs(raw[:_MAX_BYTES].decode("ascii", "replace"))
    return form.get("token", [""])[0]


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    uvicorn.run(
        Wiki(given).app(),
        host="127.0.0.1",
        port=given["port"],
        access_log=False,
        log_level="warning",
    )
