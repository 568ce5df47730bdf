"""``hemostat up`` as a person runs it: killed with SIGKILL, it goes on where it was."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hemostat.keys import create_key
from hemostat.processes import ChildProcess, free_ports
from hemostat.settings import Settings, read_secret
from hemostat.up.first_settings import write_first_settings
from tests.webhooks import webhook

pytestmark = [pytest.mark.real, pytest.mark.temporal, pytest.mark.slow]

SOON = 60.0


class Machine:
    """A folder with a hemostat.toml, ports of its own, and ``hemostat`` to run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.temporal_port, self.ui_port = free_ports(3)
        self.config = folder / "hemostat.toml"
        write_first_settings(self.config, port=self.port)
        own = create_key(folder / "own.pem", "someone")
        with self.config.open("a") as file:
            file.write(f'[[identity.keys]]\nperson = "someone"\npublic = "{own.public}"\n')
        (reference,) = Settings.load(self.config).sources["alertmanager"].token
        self.token = read_secret(reference)
        self.started = 0

    async def up(self) -> ChildProcess:
        """Start ``hemostat up`` and wait until it says where things are."""
        self.started += 1
        log = self.folder / f"up-{self.started}.log"
        ports = ["--temporal-port", str(self.temporal_port), "--ui-port", str(self.ui_port)]
        argv = [sys.executable, "-m", "hemostat", "up", "--config", str(self.config), *ports]
        child = await ChildProcess.start("hemostat up", argv, log=log, own_group=False)

        async def says_so() -> bool:
            return "hemostat is up" in log.read_text()

        await child.wait_ready(says_so, timedelta(seconds=SOON))
        return child

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run one ``hemostat`` command to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "hemostat", *arguments),
            cwd=self.folder,
            env={**os.environ, "TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal_port}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), SOON)
        return process.returncode or 0, out.decode(), err.decode()

    async def json(self, *arguments: str) -> Any:
        status, out, err = await self.run(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)

    async def post(self, body: bytes) -> dict[str, Any]:
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                f"http://127.0.0.1:{self.port}/alerts/alertmanager",
                content=body,
                headers={"Authorization": f"Bearer {self.token}"},
            )
        assert answer.status_code == 202, answer.text
        (incident,) = answer.json()["incidents"]
        return dict(incident)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON):
        while not await condition():
            await asyncio.sleep(0.1)


def children_of(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def test_killed_and_started_again_an_open_incident_is_intact(machine: Machine) -> None:
    async with await machine.up() as up:
        incident = (await machine.post(webhook()))["id"]
        await machine.post(webhook(receiver="another"))
        before = await machine.json("show", incident)
        assert before["incident"]["alerts"] == 2
        children = children_of(up.pid)
        assert len(children) == 4
        os.kill(up.pid, signal.SIGKILL)
        await up.wait()

        async def all_gone() -> bool:
            return not any(alive(pid) for pid in children)

        await until(all_gone)

    async with await machine.up():
        after = await machine.json("show", incident)
        kept = before["incident"]["journal_length"]
        assert after["journal"][:kept] == before["journal"]
        assert after["incident"]["run_id"] == before["incident"]["run_id"]

        (listed,) = await machine.json("incidents")
        assert (listed["id"], listed["open"]) == (incident, True)
        waiting = await machine.json("approvals")
        gates = {gate["gate"]: gate for gate in waiting}
        assert "close" in gates

        decide = ("decide", incident, "close")
        because: tuple[str, ...] = ("--reason", "handled", "--as", "someone", "--role")
        status, _, err = await machine.run(*decide, "approve", *because, "ml-on-call")
        assert status == 2  # unsigned it would page the security on-call: it is not sent
        assert "--key" in err
        because = ("--key", "own.pem", *because)
        status, out, _ = await machine.run(*decide, "approve", *because, "stranger")
        assert status == 1, out
        assert "not-the-role" in out
        status, _, err = await machine.run(
            *decide, "approve", *because, "ml-on-call", "--digest", "sha256:" + "0" * 64
        )
        assert status == 1, err
        decided = await machine.json(*decide, "approve", *because, "ml-on-call")
        assert decided["accepted"]
        assert decided["decision"]["digest"] == gates["close"]["digest"]

        async def closed() -> bool:
            return not (await machine.json("incidents"))[0]["open"]

        await until(closed)
        status, out, _ = await machine.run("show", incident)
        assert status == 0
        assert "approved at gate close" in out
        assert (await machine.post(webhook(receiver="third")))["status"] == "already-closed"


async def test_a_killed_worker_and_a_killed_gateway_are_started_again(machine: Machine) -> None:
    async with await machine.up() as up:
        first = children_of(up.pid)
        for pid in first:
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if "worker" in command or "gateway" in command:
                os.kill(pid, signal.SIGKILL)

        async def two_new_ones() -> bool:
            return len(children_of(up.pid) - first) == 2

        await until(two_new_ones)

        async def answers() -> bool:
            with suppress(httpx2.HTTPError):
                return bool((await machine.post(webhook()))["id"])
            return False

        await until(answers)
        (listed,) = await machine.json("incidents")
        assert (await machine.json("show", listed["id"]))["incident"]["alerts"] == 1


async def test_a_second_one_on_the_same_folder_is_refused(machine: Machine) -> None:
    async with await machine.up() as up:
        status, _, err = await machine.run("up", "--config", str(machine.config))
        assert status == 2
        assert f"runs already (process {up.pid})" in err
        assert (await machine.run("show", "no-such-incident"))[0] == 2
        assert await up.stop() == 0
