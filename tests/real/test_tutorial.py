"""The tutorial as a newcomer follows it: each command in its order, on a real ``hemostat up``."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from hemostat.processes import ChildProcess, free_ports
from hemostat.up.first_settings import write_first_settings
from tests.browser import csrf_in
from tests.docs.documents import ROOT, blocks

pytestmark = [pytest.mark.real, pytest.mark.temporal, pytest.mark.slow]

PAGE = ROOT / "docs" / "tutorials" / "first-incident.md"
STARTS = ("python3.11 -m venv", ". hemostat-env", "pip install", "mkdir", "cd ", "hemostat up")
"""What the test does in its own way: the environment is there, the ports are free ones."""

SHOWN_URL, SHOWN_ID = "http://127.0.0.1:8787", "triage-2bb85704aa81"
SOON = timedelta(seconds=90)
PASSWORD = "a password of one's own"

Session = tuple[str, list[str]]


def sessions() -> list[Session]:
    """Each command of the page, and the lines that it is shown to print."""
    found: list[Session] = []
    for block in blocks(PAGE, "console"):
        for line in block.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def alike(line: str) -> str:
    """A line without what differs from one time to the next."""
    line = re.sub(r"sha256:[0-9a-f]+|triage-[0-9a-f]{12}|\b[A-Z]{4}-[A-Z]{4}\b", "ID", line)
    line = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z", "TIME", line)
    line = re.sub(r"\d\d:\d\d:\d\d\.\d+ \+ +[\d.]+s", "AT", line)
    line = re.sub(r"([a-z0-9]{5}-){3}[a-z0-9]{5}", "SECRET", line)
    line = re.sub(r"\b\d+ events", "EVENTS", line)
    return re.sub(r"http://127\.0\.0\.1:\d+", "URL", line)


def assert_shown(shown: list[str], said: str, command: str) -> None:
    """The shown lines are in what was said, in order; without an ellipsis they are all of it."""
    told = iter(said.splitlines())
    for line in shown:
        if line != "...":
            assert any(alike(one) == alike(line) for one in told), (command, line, said)
    if "..." not in shown:
        assert len(shown) == len(said.splitlines()), (command, said)


class Newcomer:
    """A folder, a terminal in it, a browser, and the ports that stand for those of the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.temporal, self.ui = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.incident = ""
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HEMOSTAT", "TEMPORAL"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal}",
            "XDG_STATE_HOME": str(folder / "terminal"),
            "PYTHONPATH": str(ROOT),
        }

    async def type(self, command: str) -> asyncio.subprocess.Process:
        """Begin a command of the page, with this folder's port and incident in it."""
        mine = command.replace(SHOWN_URL, self.url).replace(SHOWN_ID, self.incident)
        return await asyncio.create_subprocess_shell(
            mine,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def run(self, command: str) -> tuple[int | None, str]:
        """Run it to its end."""
        process = await self.type(command)
        said, _ = await asyncio.wait_for(process.communicate(), SOON.total_seconds())
        return process.returncode, said.decode()

    async def run_until(self, command: str, what: str) -> tuple[int | None, str]:
        """Run it, again where the page says so, until it tells *what*."""
        async with asyncio.timeout(SOON.total_seconds()):
            while what not in (done := await self.run(command))[1]:
                await asyncio.sleep(0.3)
        return done


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[tuple[Newcomer, str]]:
    """Where ``hemostat up`` runs; and what it printed."""
    one = Newcomer(tmp_path)
    write_first_settings(tmp_path / "hemostat.toml", port=one.port)
    (alert,) = blocks(PAGE, "json")
    (tmp_path / "alert.json").write_text(alert.text)
    log = tmp_path / "up.log"
    ports = ("--temporal-port", str(one.temporal), "--ui-port", str(one.ui))
    config = ("--config", str(tmp_path / "hemostat.toml"))
    argv = [sys.executable, "-m", "hemostat", "up", *config, *ports]
    async with await ChildProcess.start("hemostat up", argv, log=log, own_group=False) as child:

        async def says_so() -> bool:
            return "Stop with Ctrl-C" in log.read_text()

        await child.wait_ready(says_so, SOON)
        yield one, log.read_text()


async def sign_in(http: httpx2.AsyncClient, secret: str) -> None:
    """With the one-time secret, in a browser."""
    form = {"name": "operator", "secret": secret, "csrf": csrf_in((await http.get("/login")).text)}
    await http.post("/login", data=form)
    await http.post("/login", data={**form, "password": PASSWORD, "again": PASSWORD})
    assert (await http.get("/incidents")).status_code == 200


async def lend(http: httpx2.AsyncClient, terminal: asyncio.subprocess.Process) -> str:
    """Confirm the code that a terminal shows; return what it said."""
    assert terminal.stdout is not None
    said = ""
    while not (code := re.search(r"code ([A-Z]{4}-[A-Z]{4}) there", said)):
        line = await asyncio.wait_for(terminal.stdout.readline(), SOON.total_seconds())
        assert line, said
        said += line.decode()
    token = csrf_in((await http.get("/device")).text)
    answer = await http.post("/device", data={"code": code[1], "answer": "lend", "csrf": token})
    assert answer.status_code == 200
    rest, _ = await asyncio.wait_for(terminal.communicate(), SOON.total_seconds())
    return said + rest.decode()


@pytest.mark.timeout(300)  # a dozen commands, each a process of its own
async def test_every_command_of_the_tutorial_does_what_it_is_shown_to_do(
    newcomer: tuple[Newcomer, str],
) -> None:
    one, up = newcomer
    (secret,) = re.findall(r"one-time secret, shown once: (\S+)", up)
    async with httpx2.AsyncClient(base_url=one.url, trust_env=False, timeout=20) as http:
        await sign_in(http, secret)
        for command, shown in sessions():
            if command == "hemostat up":
                assert_shown(shown[1:], up, command)  # its first line: the settings were written
            elif command.startswith(STARTS):
                continue
            elif command.startswith("hemostat login"):
                assert_shown(shown, await lend(http, await one.type(command)), command)
            elif command.startswith("hemostat audit export"):
                assert_shown(shown, (await one.run_until(command, "(closed)"))[1], command)
            else:
                status, said = await one.run(command)
                assert status == ("edited.zip --trust" in command), (command, said)
                if command.startswith("curl"):
                    (one.incident,) = re.findall(r"triage-[0-9a-f]{12}", said)
                assert_shown(shown, said, command)
    assert (one.folder / "postmortem.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_not_run_is_what_sets_the_stage() -> None:
    not_run = [command for command, _ in sessions() if command.startswith(STARTS)]
    assert len(not_run) == len(STARTS)
