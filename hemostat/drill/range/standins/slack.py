"""A strict stand-in for the few methods of Slack's Web API that we use, in its own process.

Law: it refuses what Slack's published contract refuses (docs.slack.dev, Block Kit and the methods'
error lists): unknown tokens, channels and users, blocks over their limits, another's message. It
keeps messages as Slack does, knows no idempotency key, and can lie.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.standins.standin import Lies, serve

_LIMITS: Final = {"header": 150, "section": 3000, "field": 2000, "button": 75, "value": 2000}
_POST: Final = {
    *("channel", "text", "blocks", "thread_ts", "unfurl_links", "unfurl_media", "mrkdwn"),
    *("parse", "link_names", "metadata"),
}
_UPDATE: Final = {"channel", "ts", "text", "blocks", "parse", "link_names", "metadata"}
BOT: Final = "U0HEMOSTAT"

Answer = dict[str, Any]


class Refused(Exception):
    """Slack's error code."""


class Workspace:
    """Channels with their messages; a direct conversation is a channel too."""

    def __init__(self, channels: list[str], users: list[str]) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {channel: [] for channel in channels}
        self._direct = {user: f"D{user[1:]}" for user in users}
        self._last = 0.0
        self.posted = 0

    def post(self, asked: Answer) -> Answer:
        """``chat.postMessage``."""
        _only(asked, _POST)
        there = self._channel(asked)
        message = {"type": "message", "user": BOT, "ts": self._now(), **_content(asked)}
        thread = asked.get("thread_ts")
        if thread is not None:
            _found(there, thread)
            message["thread_ts"] = thread
        message |= {name: asked[name] for name in _POST & asked.keys() - {"channel"}}
        there.append(message)
        self.posted += 1
        return {"channel": asked["channel"], "ts": message["ts"], "message": message}

    def update(self, asked: Answer) -> Answer:
        """``chat.update``."""
        _only(asked, _UPDATE)
        message = _found(self._channel(asked), asked.get("ts"))
        if message["user"] != BOT:
            raise Refused("cant_update_message")
        message |= {**_content(asked), "edited": {"user": BOT, "ts": self._now()}}
        return {"channel": asked["channel"], "ts": message["ts"], "text": message["text"]}

    def delete(self, asked: Answer) -> Answer:
        """``chat.delete``."""
        there = self._channel(asked)
        there.remove(_found(there, asked.get("ts")))
        return {"channel": asked["channel"], "ts": asked["ts"]}

    def history(self, asked: Answer) -> Answer:
        """``conversations.history``: the newest first, without replies."""
        oldest, latest = float(asked.get("oldest", 0)), float(asked.get("latest", 1e12))
        inclusive = str(asked.get("inclusive", "")).lower() in {"1", "true"}
        found = [
            m
            for m in reversed(self._channel(asked))
            if m.get("thread_ts") in (None, m["ts"])
            and (oldest < float(m["ts"]) < latest or (inclusive and m["ts"] in _ends(asked)))
        ]
        return self._page(found, asked)

    def replies(self, asked: Answer) -> Answer:
        """``conversations.replies``: the message and its thread, the oldest first."""
        there = self._channel(asked)
        first = _found(there, asked.get("ts"))
        return self._page([first, *(m for m in there if m.get("thread_ts") == first["ts"])], asked)

    def open(self, asked: Answer) -> Answer:
        """``conversations.open``."""
        channel = self._direct.get(str(asked.get("users", "")))
        if channel is None:
            raise Refused("user_not_found")
        self.messages.setdefault(channel, [])
        return {"channel": {"id": channel}}

    def me(self, asked: Answer) -> Answer:
        """``auth.test``."""
        return {"user_id": BOT, "bot_id": "B0HEMOSTAT", "team_id": "T0RANGE"}

    def _channel(self, asked: Answer) -> list[dict[str, Any]]:
        there = self.messages.get(str(asked.get("channel", "")))
        if there is None:
            raise Refused("channel_not_found")
        return there

    def _now(self) -> str:
        self._last = max(time.time(), self._last + 0.000001)
        return f"{self._last:.6f}"

    def _page(self, found: list[dict[str, Any]], asked: Answer) -> Answer:
        start, limit = int(asked.get("cursor") or 0), int(asked.get("limit", 100))
        more = str(start + limit) if len(found) > start + limit else ""
        page = found[start : start + limit]
        return {
            "messages": page,
            "has_more": bool(more),
            "response_metadata": {"next_cursor": more},
        }


def _ends(asked: Answer) -> set[str]:
    return {str(asked.get("oldest")), str(asked.get("latest"))}


def _only(asked: Answer, known: set[str]) -> None:
    if asked.keys() - known:
        raise Refused("invalid_arguments")


def _found(there: list[dict[str, Any]], ts: Any) -> dict[str, Any]:
    for message in there:
        if message["ts"] == ts:
            return message
    raise Refused("message_not_found")


def _content(asked: Answer) -> dict[str, Any]:
    text, blocks = asked.get("text"), asked.get("blocks", [])
    blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
    if not text and not blocks:
        raise Refused("no_text")
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(map(_block_holds, blocks)):
        raise Refused("invalid_blocks")
    return {"text": text or "", "blocks": blocks}


def _block_holds(block: Any) -> bool:
    if not isinstance(block, dict) or len(str(block.get("block_id", ""))) > 255:
        return False
    match block.get("type"):
        case "header":
            return _text(block.get("text"), "header", plain=True)
        case "section":
            fields = block.get("fields", [])
            told = "text" not in block or _text(block["text"], "section")
            return told and len(fields) <= 10 and all(_text(f, "field") for f in fields)
        case "context":
            return all(_text(element, "section") for element in block.get("elements", ()))
        case "actions":
            return all(map(_button_holds, block.get("elements", ())))
    return False


def _button_holds(button: Any) -> bool:
    named = isinstance(button, dict) and button.get("type") == "button"
    return (
        named
        and _text(button.get("text"), "button", plain=True)
        and len(button.get("value", "")) <= _LIMITS["value"]
        and button.get("url", "https://").startswith(("https://", "http://"))
    )


def _text(text: Any, kind: str, *, plain: bool = False) -> bool:
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    told = isinstance(text, dict) and text.get("type") in kinds and isinstance(text["text"], str)
    return told and 1 <= len(text["text"]) <= _LIMITS[kind]


async def _asked(request: Request) -> Answer:
    """What a call says: in its query, as JSON or as a form."""
    asked: Answer = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        said: Answer = json.loads(await request.body() or b"{}")
        return asked | said
    return asked | dict((await request.form()).items()) if request.method == "POST" else asked


def application() -> Starlette:
    """The API at ``/api``, and ``/control``."""
    channels = os.environ.get("STANDIN_CHANNELS", "C0INCIDENTS,C0DRILLS").split(",")
    users = os.environ.get("STANDIN_USERS", "U0ONE,U0TWO").split(",")
    token = os.environ.get("STANDIN_TOKEN", "xoxb-range")
    workspace, lies = Workspace(channels, users), Lies()
    reads: dict[str, Callable[[Answer], Answer]] = {
        "auth.test": workspace.me,
        "conversations.history": workspace.history,
        "conversations.replies": workspace.replies,
        "conversations.open": workspace.open,
    }
    writes: dict[str, Callable[[Answer], Answer]] = {
        "chat.postMessage": workspace.post,
        "chat.update": workspace.update,
        "chat.delete": workspace.delete,
    }

    async def call(request: Request) -> Response:
        method = request.path_params["method"]
        asked = await _asked(request)

        def act() -> Response:
            try:
                if request.headers.get("authorization") != f"Bearer {token}":
                    raise Refused("invalid_auth")
                doing = reads.get(method) or writes.get(method)
                if doing is None:
                    raise Refused("unknown_method")
                return JSONResponse({"ok": True, **doing(asked)})
            except Refused as refused:
                return JSONResponse({"ok": False, "error": str(refused)})

        def pretend() -> Response:
            ts = asked.get("ts", f"{time.time():.6f}")
            return JSONResponse({"ok": True, "channel": asked.get("channel"), "ts": ts})

        if method in writes:
            return await lies.answer(request, act, pretend)
        return act()

    def state() -> dict[str, Any]:
        return {"messages": workspace.messages, "posted": workspace.posted}

    routes = [
        Route("/api/{method}", call, methods=["GET", "POST"]),
        *lies.control(state),
    ]
    return Starlette(routes=routes)


if __name__ == "__main__":
    serve(application())
