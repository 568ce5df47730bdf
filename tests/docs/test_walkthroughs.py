"""What CONTRIBUTING.md tells a newcomer to paste works: it is found, lawful, and does what it says."""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.worker import Worker

from hemostat.vault import Vault
from schemas.errors import SystemRefused
from schemas.incident import Containment, Resolution, Service, Severity
from schemas.journal import Kind, verify_chain
from schemas.ports.paging import Page, PageKey
from schemas.step import StepState
from tests.adapters.liar import Liar
from tests.docs.documents import ROOT, blocks
from tests.docs.walkthrough import feedback_flood, paging_webhook
from tests.workflows.case import CONNECTIONS, Case
from tests.workflows.world import World
from workers.registry import adapter_in
from workers.sandbox import sandbox

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PACKAGES = ("activities", "hemostat", "schemas", "workers", "workflows")
TOKEN = "the-receiver's-own"
PASTED = {
    "workflows/feedback_flood.py": Path(feedback_flood.__file__),
    "activities/paging_webhook.py": Path(paging_webhook.__file__),
}


def run(house: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources into which a reader has pasted the three blocks."""
    root = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    for place, block in zip(PASTED, blocks(CONTRIBUTING, "python"), strict=True):
        (root / place).write_text(block.text)
    (settings,) = blocks(CONTRIBUTING, "toml")
    (root / "hemostat.toml").write_text(settings.text)
    return root


@pytest.mark.parametrize("place", PASTED)
def test_the_code_in_the_document_is_the_code_that_is_tested(place: str) -> None:
    shown = dict(zip(PASTED, blocks(CONTRIBUTING, "python"), strict=True))
    assert shown[place].text == PASTED[place].read_text()
    assert f"`{place}`" in CONTRIBUTING.read_text()


def test_a_pasted_playbook_is_there_without_being_registered(house: Path) -> None:
    listed = run(house, sys.executable, "-m", "hemostat", "playbooks", "--json")
    assert listed.returncode == 0, listed.stderr
    found = {playbook["id"]: playbook for playbook in json.loads(listed.stdout)}
    assert found["feedback-flood"]["capabilities"] == ["gateway", "pager", "probes"]


def test_the_settings_beside_them_are_complete(house: Path) -> None:
    checked = run(house, sys.executable, "-m", "hemostat", "check", "--offline")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "service sentiment-api has all that feedback-flood needs" in checked.stdout


def test_pasted_files_keep_the_laws(house: Path) -> None:
    scripts = Path(sys.executable).parent
    for command in (("lint-imports", "--no-cache"), ("ruff", "check", *PASTED)):
        result = run(house, str(scripts / command[0]), *command[1:])
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
async def flood_queue(client: Client, world: World) -> AsyncIterator[str]:
    """A worker that knows the pasted playbook."""
    name = f"q-{uuid.uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=name,
        workflows=[feedback_flood.FeedbackFlood],
        activities=world.activities(),
        workflow_runner=sandbox(),
    ):
        yield name


async def flooded(client: Client, queue: str) -> Case:
    of = Service(
        name="sentiment-api",
        connections=CONNECTIONS,
        parameters={"look_every": 0.01, "look_within": 0.05},
    )
    return await Case.open(client, queue, playbook="feedback-flood", of=of)


@pytest.mark.temporal
async def test_the_pasted_playbook_contains_proves_and_takes_back(
    client: Client, flood_queue: str, world: World
) -> None:
    case = await flooded(client, flood_queue)
    await case.gate("reopen")
    assert (await case.view()).containment is Containment.PROVEN
    assert world.isolated == {"feedback": 0}
    await case.approve("reopen")
    result = await case.result()
    assert (result.resolution, result.severity) == (Resolution.RESOLVED, Severity.SEV3)
    assert world.isolated == {}
    assert (world.effects["isolate"], world.effects["restore"]) == (1, 1)
    assert verify_chain(await case.journal()) == result.journal_head


@pytest.mark.temporal
async def test_the_pasted_playbook_counts_nothing_as_contained_that_is_not(
    client: Client, flood_queue: str, world: World
) -> None:
    world.lie.add("isolate_endpoint")
    case = await flooded(client, flood_queue)
    gate = await case.gate("retry-close-the-feedback-endpoint")
    assert gate.policy.roles == ("commander",)
    view = await case.view()
    assert view.containment is Containment.UNPROVEN
    assert [step.state for step in view.steps] == [StepState.DISPROVEN]
    assert {request.role for request in world.page_requests} == {"commander"}
    assert any("disproven" in entry.says for entry in await case.kinds(Kind.PROOF))
    world.lie.clear()
    await case.decide(gate.policy.id, role="commander")
    await case.until(lambda view: view.containment is Containment.PROVEN, "it is tried again")
    assert world.effects["isolate"] == 1
    await case.approve("reopen")
    assert (await case.result()).resolution is Resolution.RESOLVED


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Liar, dict[str, str]]]:
    """A receiver of pages that keeps one for a key."""
    pages: dict[str, str] = {}

    async def put(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "who are you?"}, status_code=401)
        told = await request.json()
        pages[told["key"]] = told["status"]
        return JSONResponse({})

    async def health(_: Request) -> Response:
        return JSONResponse({})

    routes = [Route("/pages", put, methods=["PUT"]), Route("/health", health)]
    async with Liar("http://receiver", httpx2.ASGITransport(Starlette(routes=routes))) as door:
        yield door, pages


async def test_the_pasted_adapter_is_one_and_pages(
    receiver: tuple[Liar, dict[str, str]], tmp_path: Path
) -> None:
    door, pages = receiver
    token = tmp_path / "token"
    token.write_text(TOKEN)
    kind = adapter_in(paging_webhook)
    assert {port.name for port in kind.methods} == {"page", "acknowledge_page", "resolve_page"}
    table = {"adapter": "paging_webhook", "url": door.url, "token": f"file:{token}"}
    connection = kind.connection.model_validate(table)
    adapter = kind.build(connection, Vault(tmp_path / "vault"))
    assert isinstance(adapter, paging_webhook.PagingWebhook)
    try:
        assert await adapter.check() == []
        request = Page(dedup_key="k", role="commander", summary="s", severity=Severity.SEV2)
        assert (await adapter.page(request)).status == "triggered"
        assert (await adapter.page(request)).status == "triggered"
        assert pages == {"k": "triggered"}
        await adapter.resolve_page(PageKey(dedup_key="k"))
        assert pages == {"k": "resolved"}
        token.write_text("another")
        with pytest.raises(SystemRefused, match="credentials"):
            await adapter.page(request)
    finally:
        await adapter.aclose()
