"""An assistant whose log is long or goes in circles, and whose door says other than its state."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from activities import assistant_http
from activities.assistant_http import AssistantHttp, Connection
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import SystemRefused, SystemUnreachable
from schemas.ports import assistant as ports
from tests.adapters.liar import Liar

NOW = datetime.now(UTC)
MARKS = json.dumps({"fingerprints": {"d1": "aurora costs nine"}, "canaries": {}}).encode()


class FakeAssistant:
    """An assistant in memory: *old* rows from before the window, then *new* ones, the last leaks."""

    def __init__(self) -> None:
        self.old, self.new = 10, 20
        self.online, self.door = True, 200
        self.knows_since = True
        self.stuck_at: int | None = None
        self.asked: list[dict[str, str]] = []

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/admin/state", self._state),
                Route("/admin/log", self._log),
                Route("/v1/ask", self._ask, methods=["POST"]),
            ]
        )

    async def _state(self, _: Request) -> Response:
        controls = {"acl": False, "output_filter": False}
        state = {"online": self.online, "key_id": None, "controls": controls}
        return JSONResponse({**state, "holds": []})

    async def _ask(self, _: Request) -> Response:
        return JSONResponse({"answer": "from nine to five"}, status_code=self.door)

    async def _log(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        after = int(request.query_params["after"])
        if "since" in request.query_params and self.knows_since:
            after = max(after, self.old)
        if self.stuck_at is not None:
            after = min(after, self.stuck_at)
        numbers = range(after + 1, self.old + self.new + 1)[:400]
        return JSONResponse({"rows": [self._row(n) for n in numbers]})

    def _row(self, n: int) -> dict[str, Any]:
        at = NOW - timedelta(days=3) if n <= self.old else NOW
        leaks = n == self.old + self.new
        return {
            "id": n,
            "at": at.isoformat(),
            "caller": "ck-1",
            "prompt": f"question {n % 7}",
            "answer": "aurora costs nine" if leaks else "nothing",
            "documents": ["d1"] if leaks else [],
        }


@pytest.fixture
def service() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
async def adapter(service: FakeAssistant, tmp_path: Path) -> AsyncIterator[AssistantHttp]:
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "marks").write_bytes(MARKS)
    async with Liar("http://assistant", httpx2.ASGITransport(app=service.app())) as there:
        connection = Connection(
            adapter="assistant_http",
            url=there.url,
            admin_token=f"file:{tmp_path / 'token'}",
            marks=f"file:{tmp_path / 'marks'}",
            marks_digest=digest_bytes(MARKS),
            harmless={"When?": "five"},
        )
        made = AssistantHttp(connection, Vault(tmp_path / "vault"))
        yield made
        await made.aclose()


@pytest.mark.parametrize("knows_since", [True, False])
async def test_what_left_last_is_found_behind_any_number_of_older_rows(
    adapter: AssistantHttp,
    service: FakeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    knows_since: bool,
) -> None:
    monkeypatch.setattr(assistant_http, "_MOST_ROWS", 1500)
    service.old, service.new, service.knows_since = 4000, 1100, knows_since
    found = await adapter.survey_extraction(ports.SurveyExtraction())
    assert (found.prompts, found.documents) == (1100, 1)
    assert all("since" in asked for asked in service.asked)
    sealed = await adapter.seal_assistant(ports.SealAssistant())
    assert "newer rows of the log" not in {gap.name for gap in sealed.gaps}


async def test_a_log_that_is_too_long_is_no_survey_and_a_declared_gap(
    adapter: AssistantHttp, service: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistant_http, "_MOST_ROWS", 1500)
    service.new = (
        3000  # what leaks is in the last row: a survey of the first ones would find nothing
    )
    with pytest.raises(SystemRefused, match=r"more than 1500 rows in the window\. Next: "):
        await adapter.survey_extraction(ports.SurveyExtraction())
    sealed = await adapter.seal_assistant(ports.SealAssistant())
    assert "newer rows of the log" in {gap.name for gap in sealed.gaps}


async def test_a_log_that_pages_in_circles_is_none(
    adapter: AssistantHttp, service: FakeAssistant
) -> None:
    service.new, service.stuck_at = 2500, 1000
    with pytest.raises(SystemUnreachable, match="in circles"):
        await adapter.survey_extraction(ports.SurveyExtraction())


@pytest.mark.parametrize(
    ("says", "door", "online", "offline"),
    [
        (True, 200, True, False),
        (False, 503, False, True),
        (False, 200, True, False),  # it answers, whatever it says
        (False, 403, False, None),  # it refuses who knocks, and may let others in
        (False, 302, False, None),
        (False, 429, False, None),
        (True, 503, False, False),  # it says it is back, and answers nobody
        (True, 500, None, False),
    ],
)
async def test_a_state_is_shown_where_its_door_bears_it_out(
    adapter: AssistantHttp,
    service: FakeAssistant,
    says: bool,
    door: int,
    online: bool | None,
    offline: bool | None,
) -> None:
    service.online, service.door = says, door
    state = await adapter.read_assistant(ports.ReadAssistant())
    assert state.seen(online=True) is online
    assert state.seen(online=False) is offline
