"""The assistant: answers questions from documents, for callers that the edge has let through.

    python -m hemostat.drill.range.assistant.api SETTINGS

Law: a service as a team would run it, not a part of Hemostat: the ``assistant_*`` files import
nothing of ours but each other. It listens on loopback only and takes the caller's id from the
edge, which has checked the key. As shipped it gives every caller every document: that is the leak.
"""

import argparse
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.assistant.library import Library, StoreRefused
from hemostat.drill.range.assistant.log import Log
from hemostat.drill.range.assistant.settings import AssistantSettings

Handler = Callable[[Request], Awaitable[Response]]

_MAX_BYTES: Final = 1_000_000
_MARK: Final = re.compile(r"CNRY-[0-9a-f]{12}")


class BadRequest(Exception):
    """The request is not what this endpoint takes."""


class Assistant:
    """The answering pipeline and its switches."""

    def __init__(self, settings: AssistantSettings) -> None:
        self._settings = settings
        self.library = Library(settings)
        self.library.take_key()
        self.library.index()
        self.log = Log(Path(settings.log_file))
        self.online = True
        self.acl = False
        self.output_filter = False
        self.holds: set[str] = set()

    def answer(self, caller: str, question: str) -> tuple[str, list[str]]:
        """Return the answer and what was looked up for it."""
        groups = None
        if self.acl:
            groups = frozenset((*self._settings.groups.get(caller, ()), "all"))
        found = self.library.find(question, groups)
        text = " ".join(self.library.text(document) for document in found)
        if self.output_filter and _MARK.search(text):
            text = "This answer was held back."
        return text or "I know nothing about that.", found

    def state(self) -> dict[str, Any]:
        """What the admin endpoints tell."""
        return {
            "online": self.online,
            "key_id": self.library.key_id,
            "controls": {"acl": self.acl, "output_filter": self.output_filter},
            "holds": sorted(self.holds),
            "index": self.library.digest,
        }


class Routes:
    """The HTTP endpoints of one assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    async def ask(self, request: Request) -> Response:
        """Answer a caller, and note it unless it is a probe."""
        if not self._assistant.online:
            return _refused("offline")
        caller = request.headers.get("x-caller", "")
        question = _text(await _body(request), "question")
        text, found = await run_in_threadpool(self._assistant.answer, caller, question)
        if request.headers.get("x-traffic") != "probe":
            await run_in_threadpool(self._assistant.log.add, caller, question, text, found)
        return JSONResponse({"answer": text, "sources": found})

    async def state(self, _: Request) -> Response:
        """Tell the state."""
        return JSONResponse(self._assistant.state())

    async def switch(self, request: Request) -> Response:
        """Set switches, place a hold."""
        body = await _body(request)
        for name in ("online", "acl", "output_filter"):
            if name in body:
                setattr(self._assistant, name, body[name] is True)
        if "hold" in body:
            self._assistant.holds.add(_text(body, "hold"))
        return JSONResponse(self._assistant.state())

    async def reload(self, _: Request) -> Response:
        """Take the key for the documents anew."""
        await run_in_threadpool(self._assistant.library.take_key)
        return JSONResponse(self._assistant.state())

    async def log(self, request: Request) -> Response:
        """A page of the log."""
        after, since = request.query_params.get("after", "0"), request.query_params.get("since")
        number = int(after) if after.isdecimal() else 0
        rows = self._assistant.log.rows(number, 1000, _moment(since) if since else None)
        return JSONResponse({"rows": rows})

    async def evaluate(self, request: Request) -> Response:
        """The sandbox: answers that go into no log, also while offline."""
        body = await _body(request)
        caller, prompts = _text(body, "caller"), body.get("prompts")
        if not isinstance(prompts, list):
            raise BadRequest("prompts: expected a list")
        answers = [
            (await run_in_threadpool(self._assistant.answer, caller, str(prompt)))[0]
            for prompt in prompts
        ]
        return JSONResponse({"answers": answers})


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


def application(settings: AssistantSettings, assistant: Assistant) -> Starlette:
    """The HTTP application."""
    token = Path(settings.admin_token_file).read_text(encoding="utf-8").strip()
    routes = Routes(assistant)
    return Starlette(
        routes=[
            Route("/v1/ask", routes.ask, methods=["POST"]),
            Route("/healthz", _healthz),
            Route("/admin/state", _admin(token, routes.state)),
            Route("/admin/state", _admin(token, routes.switch), methods=["PUT"]),
            Route("/admin/credentials/reload", _admin(token, routes.reload), methods=["POST"]),
            Route("/admin/log", _admin(token, routes.log)),
            Route("/admin/evaluate", _admin(token, routes.evaluate), methods=["POST"]),
        ],
        exception_handlers={BadRequest: _bad_request, StoreRefused: _out_of_reach},
    )


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json.loads(raw) if len(raw) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 2000:
        raise BadRequest(f"{name}: expected a string of 1 to 2000 characters")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest("since: expected a time") from None
    if moment.tzinfo is None:
        raise BadRequest("since: expected a time with its zone")
    return moment


def _admin(token: str, handler: Handler) -> Handler:
    expected = f"Bearer {token}".encode()

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            return JSONResponse({"error": "an admin token is needed"}, status_code=401)
        return await handler(request)

    return guarded


def _refused(what: str) -> JSONResponse:
    return JSONResponse({"error": what}, status_code=503)


async def _out_of_reach(_: Request, error: Exception) -> Response:
    return _refused(str(error))


async def _bad_request(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


def main(argv: list[str] | None = None) -> None:
    """Run the service until it is stopped."""
    parser = argparse.ArgumentParser(prog="assistant_api")
    parser.add_argument("settings", type=Path)
    settings = AssistantSettings.load(parser.parse_args(argv).settings)
    app = application(settings, Assistant(settings))
    uvicorn.run(app, host="127.0.0.1", port=settings.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
