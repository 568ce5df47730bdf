"""The gateway as a process of its own, over real HTTP."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from hemostat.processes import ChildExited, ChildProcess, free_ports
from hemostat.settings import Settings, read_secret
from hemostat.temporal.embedded import start_embedded_temporal
from hemostat.up.first_settings import write_first_settings
from tests.webhooks import alert, webhook

pytestmark = [pytest.mark.real, pytest.mark.temporal]

SOON = timedelta(seconds=30)


async def start(folder: Path, config: Path, temporal_port: int) -> ChildProcess:
    return await ChildProcess.start(
        "hemostat gateway",
        [sys.executable, "-m", "hemostat", "gateway", "--config", str(config)],
        log=folder / "gateway.log",
        env={"TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}"},
    )


async def test_it_starts_before_temporal_refuses_with_503_and_takes_alerts_once_it_is_there(
    tmp_path: Path,
) -> None:
    port, temporal_port, ui_port = free_ports(3)
    config = tmp_path / "hemostat.toml"
    write_first_settings(config, port=port)
    (reference,) = Settings.load(config).sources["alertmanager"].token
    headers = {"Authorization": f"Bearer {read_secret(reference)}"}
    url = f"http://127.0.0.1:{port}"

    async with (
        httpx2.AsyncClient(trust_env=False, base_url=url, timeout=10) as http,
        await start(tmp_path, config, temporal_port) as gateway,
    ):

        async def post(body: bytes, **changed: str) -> httpx2.Response:
            given = headers | changed
            return await http.post("/alerts/alertmanager", content=body, headers=given)

        async def alive() -> bool:
            return (await http.get("/healthz")).status_code == 200

        await gateway.wait_ready(alive, SOON)
        began = asyncio.get_running_loop().time()
        assert (await post(webhook())).status_code == 503
        assert asyncio.get_running_loop().time() - began < 3
        assert (await http.get("/readyz")).status_code == 503
        assert (await post(webhook(), Authorization="Bearer wrong")).status_code == 401
        assert (await post(b" " * 300_000)).status_code == 413
        assert (await post(b"{")).status_code == 400

        async with await start_embedded_temporal(tmp_path / "temporal", temporal_port, ui_port):

            async def ready() -> bool:
                return (await http.get("/readyz")).status_code == 200

            await gateway.wait_ready(ready, SOON)
            answers = await asyncio.gather(
                *(post(webhook(alert(fingerprint=f"{n:016x}"))) for n in range(100))
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["incidents"][0]["id"] for answer in answers}) == 1
        assert await gateway.stop() == 0


async def test_a_port_that_is_taken_is_told_with_the_line_that_names_it(tmp_path: Path) -> None:
    port, temporal_port = free_ports(2)
    config = tmp_path / "hemostat.toml"
    write_first_settings(config, port=port)
    listening = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with listening, await start(tmp_path, config, temporal_port) as gateway:
        with pytest.raises(ChildExited) as caught:
            await gateway.wait_ready(lambda: asyncio.sleep(0, result=False), SOON)
    assert "status 2" in str(caught.value)
    assert "hemostat.toml:7" in caught.value.tail
