"""A real MLflow tracking and registry server for the range.

Law: loopback, SQLite and a folder for artifacts inside the range's state. One worker and no job
runners (they would be ten processes and a gigabyte), no telemetry.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx2

from hemostat.processes import LOOPBACK, ChildProcess

_READY_WITHIN: Final = timedelta(seconds=90)


async def start_mlflow(state: Path, port: int, env: dict[str, str]) -> ChildProcess:
    """Spawn the server; ``wait_mlflow`` tells when it answers. ``env`` is laid over ours."""
    folder = state / "mlflow"
    folder.mkdir(exist_ok=True)
    argv: list[str | Path] = [sys.executable, "-m", "mlflow", "server"]
    argv += ["--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    argv += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    argv += ["--artifacts-destination", folder / "artifacts"]
    return await ChildProcess.start(
        "mlflow",
        argv,
        log=state / "logs" / "mlflow.log",
        env={
            **env,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        stranger=True,
        cwd=folder,
    )


async def wait_mlflow(server: ChildProcess, url: str) -> None:
    """Return when the server answers. Raises ``ChildFailed`` when it ends or takes too long."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=5) as http:

        async def answers() -> bool:
            return (await http.get("/health")).is_success

        await server.wait_ready(answers, _READY_WITHIN)
