"""What the how-tos tell a company to add works as they say: installed, found, lawful, run."""

import gzip
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.worker import Worker

from hemostat import build, installed
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError, SystemRefused
from schemas.incident import Containment, Resolution, Service, Severity
from schemas.journal import Kind, verify_chain
from schemas.ports.paging import Page, PageKey
from schemas.step import StepState
from tests.adapters.liar import Liar
from tests.docs.documents import ROOT, blocks
from tests.docs.generate import ACME, HOW_TO
from tests.workflows.case import CONNECTIONS, Case, alert
from tests.workflows.world import World
from workers.registry import discover_playbooks, load_adapter
from workers.sandbox import sandbox

PACKAGES = ("activities", "hemostat", "schemas", "workers", "workflows")
TOKEN = "the-receiver's-own"
PLAYBOOK, ADAPTER = HOW_TO / "write-a-playbook.md", HOW_TO / "write-an-adapter.md"
KIT = HOW_TO / "test-a-playbook.md"
SOURCE = "acme_response/runaway_cost.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the how-to, installed by pip from the blocks that it shows."""
    acme, site = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    package = acme / "acme_response"
    package.mkdir()
    (package / "__init__.py").touch()
    (acme / "pyproject.toml").write_text(blocks(PLAYBOOK, "toml")[0].text)
    for page, name in ((PLAYBOOK, "runaway_cost.py"), (ADAPTER, "paging_webhook.py")):
        (package / name).write_text(blocks(page, "python")[0].text)
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = (sys.executable, "-m", "pip", "-q", "install", *offline, "--target", site, acme)
    subprocess.run(command, check=True, capture_output=True)
    (site / "hemostat.toml").write_text(blocks(PLAYBOOK, "toml")[1].text)
    return site


@pytest.fixture
def acme(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process, as if the package were installed."""
    monkeypatch.syspath_prepend(site)
    _forget()
    yield site
    _forget()


def _forget() -> None:
    installed.installed.cache_clear()
    build.distribution.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_response"]:
        del sys.modules[name]


def hemostat(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the package is installed."""
    return python(site, "-m", "hemostat", *arguments)


def python(site: Path, *arguments: str, **also: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the package is installed, with *also* in its environment."""
    paths = {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    return subprocess.run(
        (sys.executable, *arguments),
        cwd=site,
        env={**os.environ, **paths, **also},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_code_in_the_pages_is_the_code_that_is_checked() -> None:
    (shown,) = blocks(PLAYBOOK, "python")
    assert shown.text == (ACME / SOURCE).read_text()
    (shown,) = blocks(ADAPTER, "python")
    assert shown.text == (ACME / "acme_response" / "paging_webhook.py").read_text()
    (shown,) = blocks(KIT, "python")
    assert shown.text == (ACME / "tests" / "test_runaway_cost.py").read_text()
    project = (ACME / "pyproject.toml").read_text()
    assert blocks(PLAYBOOK, "toml")[0].text == project
    assert blocks(ADAPTER, "toml")[0].text in project


def test_what_is_installed_is_listed_and_checked(site: Path) -> None:
    listed = hemostat(site, "playbooks", "--json")
    assert listed.returncode == 0, listed.stderr
    found = {playbook["id"]: playbook for playbook in json.loads(listed.stdout)}
    assert found["runaway-cost"]["capabilities"] == ["gateway", "pager", "probes", "vault"]
    assert found["runaway-cost"]["package"] == "acme-response 1.0.0"
    assert found["triage"]["package"] is None
    checked = hemostat(site, "check", "--offline")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "installed: the playbook 'runaway-cost' of acme-response 1.0.0" in checked.stdout
    assert "installed: the adapter 'paging_webhook' of acme-response 1.0.0" in checked.stdout
    assert "service chat-api has all that runaway-cost needs" in checked.stdout


def test_a_file_that_is_put_into_the_tree_instead_is_there_and_keeps_the_laws(
    tmp_path: Path,
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    pasted = {"workflows/runaway_cost.py": PLAYBOOK, "activities/paging_webhook.py": ADAPTER}
    for place, page in pasted.items():
        assert f"`{place}`" in (ROOT / "CONTRIBUTING.md").read_text()
        (tmp_path / place).write_text(blocks(page, "python")[0].text)
    scripts = Path(sys.executable).parent
    found = """if True:
        from workers.registry import discover_playbooks, load_adapter
        load_adapter("paging_webhook"), discover_playbooks()["runaway-cost"]
    """
    for command in (
        (str(scripts / "lint-imports"), "--no-cache"),
        (str(scripts / "ruff"), "check", *pasted),
        (sys.executable, "-c", found),
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_record_names_package_version_and_the_source_that_decided(acme: Path) -> None:
    told = build.code_of("runaway-cost", [build.build_id()], {})
    assert told["packages"] == {"acme-response": "1.0.0"}
    assert told["playbook_source"] == {SOURCE: digest_bytes((acme / SOURCE).read_bytes())}
    assert told["same_build"]
    with (acme / SOURCE).open("a") as file:
        file.write("# another version\n")
    _forget()
    try:
        anew = build.code_of("runaway-cost", told["worker_builds"], {})
        assert anew["installed"] != told["installed"]
        assert not anew["same_build"]
    finally:
        (acme / SOURCE).write_text(blocks(PLAYBOOK, "python")[0].text)


NAMES = "[hemostat.playbooks]\n{} = acme_response.{}\n"


@pytest.mark.parametrize(
    ("points", "source", "says"),
    [
        (NAMES.format("triage", "runaway_cost"), "", "name of one of Hemostat's own"),
        (NAMES.format("other", "runaway_cost"), "", "defines: runaway-cost"),
        (NAMES.format("runaway-cost", "nowhere"), "", "is not there: no file"),
        (NAMES.format("mine", "mine"), "import os\n", r"mine.py:1: .* imports os, which it may not"),
        (NAMES.format("mine", "mine"), "from activities.parts import http", "imports activities"),
        (NAMES.format("mine", "mine"), "import no_such_module", "cannot be imported"),
        (NAMES.format("mine", "mine"), "no Python!", r"mine.py:1: .* is not Python"),
        (NAMES.format("mine", "mine"), "", "defines: none"),
    ],
)  # fmt: skip
def test_what_breaks_the_laws_is_told_in_one_line(
    acme: Path, points: str, source: str, says: str
) -> None:
    (file,) = acme.glob("*.dist-info/entry_points.txt")
    kept, mine = file.read_text(), acme / "acme_response" / "mine.py"
    file.write_text(points)
    mine.write_text(source)
    try:
        with pytest.raises(ConfigurationError, match=says) as refused:
            discover_playbooks()
        assert len(str(refused.value).splitlines()) == 1
        assert "acme-response 1.0.0" in str(refused.value)
    finally:
        file.write_text(kept)
        mine.unlink()


def test_an_installed_adapter_is_held_to_the_contract(acme: Path) -> None:
    (file,) = acme.glob("*.dist-info/entry_points.txt")
    kept = file.read_text()
    group = "[hemostat.adapters]\n"
    try:
        file.write_text(f"{group}gateway_caddy = acme_response.paging_webhook\n")
        with pytest.raises(ConfigurationError, match="name of one of Hemostat's own"):
            load_adapter("paging_smoke")
        _forget()
        file.write_text(f"{group}paging_smoke = acme_response.paging_webhook\n")
        with pytest.raises(ConfigurationError, match="an adapter has the name of its file"):
            load_adapter("paging_smoke")
        _forget()
        file.write_text(f"{group}runaway_cost = acme_response.runaway_cost\n")
        with pytest.raises(ConfigurationError, match="imports workflows, which it may not"):
            load_adapter("runaway_cost")
    finally:
        file.write_text(kept)


@pytest.fixture
async def cost_queue(acme: Path, client: Client, world: World) -> AsyncIterator[str]:
    """A worker that found the installed playbook."""
    assert acme.is_dir()
    name = f"q-{uuid.uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=name,
        workflows=[discover_playbooks()["runaway-cost"]],
        activities=world.activities(),
        workflow_runner=sandbox(),
        debug_mode=True,
    ):
        yield name


async def burning(client: Client, queue: str, spend: float) -> Case:
    """An incident of it, opened by an alert about so much an hour."""
    of = Service(
        name="chat-api",
        connections=CONNECTIONS,
        parameters={"ceiling": 40.0, "look_every": 0.01, "look_within": 0.05},
    )
    first = alert(spend_per_hour=spend)
    return await Case.open(client, queue, first, playbook="runaway-cost", of=of)


@pytest.mark.temporal
async def test_the_playbook_of_the_page_contains_proves_and_takes_back(
    client: Client, cost_queue: str, world: World
) -> None:
    case = await burning(client, cost_queue, 900.0)
    gate = await case.gate("reopen-route")
    assert gate.shown["spend_per_hour"] == 900.0
    assert (await case.view()).containment is Containment.PROVEN
    assert world.isolated == {"predict": 0}
    await case.approve("reopen-route")
    result = await case.result()
    assert (result.resolution, result.severity) == (Resolution.RESOLVED, Severity.SEV3)
    assert world.isolated == {}
    assert (world.effects["isolate"], world.effects["restore"]) == (1, 1)
    assert verify_chain(await case.journal()) == result.journal_head


@pytest.mark.temporal
async def test_the_playbook_of_the_page_asks_where_the_rule_says_so_and_believes_no_gateway(
    client: Client, cost_queue: str, world: World
) -> None:
    world.lie.add("isolate_endpoint")
    case = await burning(client, cost_queue, 10.0)
    await case.approve("may-contain")
    gate = await case.gate("retry-close-the-route")
    assert gate.policy.roles == ("commander",)
    view = await case.view()
    assert view.containment is Containment.UNPROVEN
    assert {step.id: step.state for step in view.steps}["close-the-route"] is StepState.DISPROVEN
    assert {request.role for request in world.page_requests} == {"commander"}
    assert any("disproven" in entry.says for entry in await case.kinds(Kind.PROOF))
    world.lie.clear()
    await case.decide(gate.policy.id, role="commander")
    await case.until(lambda view: view.containment is Containment.PROVEN, "it is tried again")
    assert world.effects["isolate"] == 1
    await case.approve("reopen-route")
    assert (await case.result()).resolution is Resolution.RESOLVED


@pytest.mark.temporal
@pytest.mark.slow
def test_the_test_of_the_page_holds_and_a_version_that_decides_differently_is_noticed(
    site: Path, tmp_path: Path
) -> None:
    (shown,) = blocks(KIT, "python")
    (tmp_path / "test_runaway_cost.py").write_text(shown.text)
    quietly = ("-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--rootdir", str(tmp_path))
    done = python(site, "-m", "pytest", *quietly, str(tmp_path), KEEP="1")
    # Not by its exit code: Temporal's native threads may abort an interpreter that has passed all.
    assert "2 passed" in done.stdout, done.stdout[-4000:] + done.stderr[-4000:]
    histories = tmp_path / "histories"
    (kept,) = histories.rglob("*.json.gz")
    assert not re.search(r"stackTrace|\.py\b|@|/(?:home|root|tmp|usr)/", text_of(kept))
    held = hemostat(site, "audit", "regress", str(histories))
    assert held.returncode == 0, held.stdout + held.stderr
    file = site / SOURCE
    before = file.read_text()
    try:
        file.write_text(before.replace("status=429", "status=503"))
        parts = hemostat(site, "audit", "regress", str(histories))
    finally:
        file.write_text(before)
    assert parts.returncode == 1
    assert "NOT HELD" in parts.stdout


def text_of(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode()


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


async def test_the_adapter_of_the_page_is_loaded_and_pages(
    acme: Path, receiver: tuple[Liar, dict[str, str]], tmp_path: Path
) -> None:
    paging_webhook = importlib.import_module("acme_response.paging_webhook")
    door, pages = receiver
    token = tmp_path / "token"
    token.write_text(TOKEN)
    kind = load_adapter("paging_webhook")
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
