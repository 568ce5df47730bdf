"""Reports and the audit pack from the console: to whom, in which turn, and what a browser may do."""

import asyncio
import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from hemostat.console.papers import Papers
from hemostat.console.turns import Turns
from hemostat.settings import Settings
from schemas.who import Who
from tests.nasty import NASTY
from tests.unit.console_desk import ID, WHO, Desk
from tests.unit.test_console import Shape, client

PAGE = f"/incidents/{ID}"
REPORTS = tuple(f"{PAGE}/reports/{kind}.html" for kind in ("post-mortem", "board-report"))
AUDITOR = WHO.model_copy(update={"person": "auditor-1", "roles": (), "kind": "auditor"})
OTHER = WHO.model_copy(update={"person": "ml-1", "subject": "local:ml-1", "roles": ("ml-lead",)})


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    file = tmp_path / "hemostat.toml"
    file.write_text("")
    return Papers(Settings.load(file), Turns(at_once=1))


async def get(
    papers: Papers | None, path: str, who: Who = WHO, desk: Desk | None = None
) -> httpx2.Response:
    async with client(desk or Desk(), who, papers=papers) as http:
        return await http.get(path)


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("who", [WHO, AUDITOR, OTHER], ids=["commander", "auditor", "other"])
async def test_whoever_may_see_an_incident_reads_its_reports_and_the_read_is_recorded(
    papers: Papers, path: str, who: Who
) -> None:
    desk = Desk()
    page = await get(papers, path, who, desk)
    assert page.status_code == 200, page.text[:500]
    assert desk.admitted == [(who.person, path.rpartition("/")[2].removesuffix(".html"))]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    name = f"{path.rpartition('/')[2].removesuffix('.html')}-{ID}.html"
    assert page.headers["content-disposition"] == f'inline; filename="{name}"'


@pytest.mark.parametrize("path", REPORTS)
async def test_a_report_in_the_browser_may_do_nothing_but_look_as_we_wrote_it(
    papers: Papers, path: str
) -> None:
    page = await get(papers, path)
    policy = page.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{known}'; img-src data:"
    )
    assert " style=" not in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
async def test_whatever_an_attacker_wrote_a_report_has_the_same_elements(
    papers: Papers, text: str
) -> None:
    plain, attacked = await get(papers, REPORTS[0]), await get(papers, REPORTS[0], desk=Desk(text))
    assert attacked.status_code == 200
    assert {tag for tag, _ in Shape(attacked.text).elements} <= {
        tag for tag, _ in Shape(plain.text).elements
    }


async def test_a_pdf_is_handed_out_as_a_file(papers: Papers) -> None:
    pytest.importorskip("typst")
    page = await get(papers, f"{PAGE}/reports/board-report.pdf")
    assert page.content.startswith(b"%PDF-")
    assert page.headers["content-type"] == "application/pdf"
    assert page.headers["content-disposition"] == f'attachment; filename="board-report-{ID}.pdf"'


@pytest.mark.parametrize(
    "path",
    ["/incidents/nope/reports/post-mortem.html", f"{PAGE}/reports/post-mortem.exe",
     f"{PAGE}/reports/diary.html", f"{PAGE}/reports/..%2f..%2fhemostat.toml", "/incidents/nope/pack.zip"],
)  # fmt: skip
async def test_what_is_hidden_or_is_no_report_is_not_there(papers: Papers, path: str) -> None:
    assert (await get(papers, path)).status_code == 404


async def test_the_pack_is_for_auditors_and_who_needs_to_know_and_the_page_says_so(
    papers: Papers,
) -> None:
    for who in (WHO, AUDITOR):
        desk = Desk()
        answer = await get(papers, f"{PAGE}/pack.zip", who, desk)
        assert answer.status_code == 404  # nothing is sealed here
        assert "the register has no such incident" in answer.text.lower()
        assert desk.admitted == [(who.person, "pack")]
        assert f'href="{PAGE}/pack.zip"' in (await get(papers, PAGE, who)).text
    service = WHO.model_copy(update={"kind": "service"})
    for who in (OTHER, service):
        assert (await get(papers, f"{PAGE}/pack.zip", who)).status_code == 403
        page = await get(papers, PAGE, who)
        assert f'href="{PAGE}/pack.zip"' not in page.text
        assert f'href="{PAGE}/reports/post-mortem.html"' in page.text


@contextmanager
def held_up(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every report waits for the event that this gives."""
    go, draw = threading.Event(), Papers.draw

    def waits(self: Papers, *args: object) -> bytes:
        assert go.wait(20)
        return draw(self, *args)  # type: ignore[arg-type] # the very arguments that it is called with

    monkeypatch.setattr(Papers, "draw", waits)
    yield go
    go.set()


async def until(papers: Papers, *, busy: bool) -> None:
    """Wait until something is being made, or nothing is any more."""
    async with asyncio.timeout(20):
        while papers.turns.busy is not busy:
            await asyncio.sleep(0.01)


async def test_one_thing_at_a_time_is_made_and_meanwhile_pages_answer(
    papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_up(papers, monkeypatch) as go:
        first = asyncio.create_task(get(papers, REPORTS[0]))
        await until(papers, busy=True)
        assert (await get(papers, PAGE)).status_code == 200
        mine, theirs = await get(papers, REPORTS[1]), await get(papers, REPORTS[1], OTHER)
        assert (mine.status_code, theirs.status_code) == (429, 503)
        for answer in (mine, theirs):
            assert int(answer.headers["retry-after"]) > 0
            assert "Come again in" in answer.text
        go.set()
        assert (await first).status_code == 200
    assert (await get(papers, REPORTS[1])).status_code == 200


async def test_who_goes_away_leaves_nothing_behind_that_stands_in_the_way(
    papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_up(papers, monkeypatch) as go:
        gone = asyncio.create_task(get(papers, REPORTS[0]))
        await until(papers, busy=True)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert (await get(papers, REPORTS[0])).status_code == 503, "the thread is still at it"
        go.set()
        await until(papers, busy=False)
    assert (await get(papers, REPORTS[0])).status_code == 200


async def test_a_gateway_without_a_record_offers_no_reports() -> None:
    assert 'id="reports"' not in (await get(None, PAGE)).text
    assert (await get(None, REPORTS[0])).status_code == 404
