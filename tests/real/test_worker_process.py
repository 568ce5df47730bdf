"""``python -m workers`` as a process: it works, ends in order, or says at once why it cannot."""

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hemostat.processes import ChildExited, ChildProcess, free_ports
from hemostat.temporal.embedded import EmbeddedTemporal, start_embedded_temporal

pytestmark = [pytest.mark.real, pytest.mark.temporal]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedTemporal]:
    port, ui_port = free_ports(2)
    running = await start_embedded_temporal(tmp_path / "temporal", port, ui_port)
    yield running
    await running.kill()


async def start_worker(server: EmbeddedTemporal, folder: Path, settings: str) -> ChildProcess:
    (folder / "hemostat.toml").write_text(settings)
    return await ChildProcess.start(
        "worker",
        [sys.executable, "-m", "workers"],
        log=folder / "worker.log",
        env={
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": server.namespace,
            "HEMOSTAT_CONFIG": str(folder / "hemostat.toml"),
        },
    )


async def test_a_worker_works_until_it_is_told_to_stop(
    server: EmbeddedTemporal, tmp_path: Path
) -> None:
    worker = await start_worker(server, tmp_path, "")

    async def works() -> bool:
        return "working on task queue hemostat" in worker.log_tail()

    await worker.wait_ready(works, timedelta(seconds=60))
    assert await worker.stop() == 0


async def test_a_worker_that_is_not_wired_says_every_problem_and_ends(
    server: EmbeddedTemporal, tmp_path: Path
) -> None:
    settings = '[services.sentiment]\nplaybooks = ["feedback-poisoning", "feed-leeches"]\n'
    worker = await start_worker(server, tmp_path, settings)

    async def never() -> bool:
        return False

    with pytest.raises(ChildExited):
        await worker.wait_ready(never, timedelta(seconds=60))
    assert worker.returncode == 2
    said = worker.log_tail()
    assert "there is no playbook 'feed-leeches'" in said
    assert "has no connection for 'gateway'" in said
    assert "Traceback" not in said
