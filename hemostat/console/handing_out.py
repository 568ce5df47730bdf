"""Reports and the audit pack as answers: shown, or handed out as files.

Law: nothing is read that the person may not see, and each of these reads is recorded where the
incident is restricted. What is handed out is kept by no cache and has a name of ours; a report that
is shown runs nothing, loads nothing, sends nothing, and takes only the style that we wrote in it.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hemostat.console.doors import Console, problem
from hemostat.console.pages import HEADERS
from hemostat.console.papers import FORMS, REPORTS, Papers, may_have_pack
from hemostat.console.turns import AGAIN_SECONDS, Turn, TurnTaken
from schemas.errors import BadInput
from schemas.who import Who

_CHUNK: Final = 256 * 1024
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_NOT_YOURS: Final = BadInput(
    "the audit pack is for auditors and for who needs to know",
    next_step="The reports are for everybody who may see the incident.",
)


async def show_report(console: Console, request: Request, who: Who) -> Response:
    """Show a report, or hand it out as a PDF."""
    incident, run = request.path_params["incident"], request.query_params.get("run")
    kind, form = request.path_params["kind"], request.path_params["form"]
    papers = _papers(console)
    if kind not in REPORTS or form not in FORMS:
        raise BadInput("there is no such report", next_step="see the incident.")
    try:
        turn = papers.turns.take(who)
    except TurnTaken as taken:
        return _come_again(request, who, taken)
    try:
        await console.desk.admit(who, incident, kind, run)
        read = await console.desk.journal(who, incident, run)
        content = await papers.turns.make(lambda: papers.draw(kind, form, read))
    except TurnTaken as taken:
        return _come_again(request, who, taken)
    finally:
        turn.end()
    shown = "inline" if form == "html" else "attachment"
    headers = _headers(f"{kind}-{incident}.{form}", shown)
    if form == "html":
        headers["Content-Security-Policy"] = policy_of(content)
    return Response(content, media_type=FORMS[form], headers=headers)


async def hand_out_pack(console: Console, request: Request, who: Who) -> Response:
    """Hand out the audit pack."""
    incident, run = request.path_params["incident"], request.query_params.get("run")
    papers = _papers(console)
    if not may_have_pack(who):
        return problem(request, who, 403, _NOT_YOURS)
    try:
        turn = papers.turns.take(who)
    except TurnTaken as taken:
        return _come_again(request, who, taken)
    try:
        first_run = await console.desk.first_run(who, incident, "pack", run)
        file = await papers.turns.make(lambda: papers.pack(incident, first_run))
    except TurnTaken as taken:
        turn.end()
        return _come_again(request, who, taken)
    except BaseException:
        turn.end()
        raise
    return _Sending(file, turn, _headers(f"{incident}.zip", "attachment"))


def policy_of(page: bytes) -> str:
    """Return the policy of a report: nothing at all, but the styles that stand in it."""
    styles = (
        base64.b64encode(hashlib.sha256(style).digest()).decode() for style in _STYLE.findall(page)
    )
    allowed = " ".join(f"'sha256-{style}'" for style in styles)
    return f"{_NOTHING}; style-src {allowed}; img-src data:" if allowed else _NOTHING


class _Sending(StreamingResponse):
    """A file on its way; the turn of whom it goes to ends when it has gone, or they have."""

    def __init__(self, file: BinaryIO, turn: Turn, headers: dict[str, str]) -> None:
        self._file, self._turn = file, turn
        size = file.seek(0, 2)
        file.seek(0)
        headers = {**headers, "Content-Length": str(size)}
        super().__init__(self._chunks(), media_type="application/zip", headers=headers)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await asyncio.to_thread(self._file.read, _CHUNK):
            yield chunk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()
            self._turn.end()


def _papers(console: Console) -> Papers:
    if console.papers is None:
        raise BadInput("this gateway hands out no reports", next_step="see `hemostat report`.")
    return console.papers


def _headers(name: str, shown: str) -> dict[str, str]:
    safe = _UNSAFE.sub("_", name)
    own = {
        "Content-Security-Policy": _NOTHING,
        "Content-Disposition": f'{shown}; filename="{safe}"',
    }
    return {**HEADERS, **own}


def _come_again(request: Request, who: Who, taken: TurnTaken) -> Response:
    answer = problem(request, who, taken.status, taken)
    answer.headers["Retry-After"] = str(AGAIN_SECONDS)
    return answer
