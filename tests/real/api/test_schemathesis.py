"""What a program that reads the reference tries: it finds no 500 and no answer that is not told."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.real.api.conftest import Stage
from tests.real.api.test_api import CHOOSE, opened

pytestmark = [pytest.mark.real, pytest.mark.temporal, pytest.mark.slow]

EXAMPLES = 12
"""For each operation and phase; more were tried by hand: `--max-examples 100`."""


async def explore(stage: Stage, folder: Path, person: str, incident: str) -> tuple[int, str]:
    """Run schemathesis as *person*, half of the time on an incident that is there."""
    config = folder / "schemathesis.toml"
    config.write_text(
        f'[parameters]\n"path.incident" = "{incident}"\n"path.gate" = "{CHOOSE}"\n'
        "[generation]\ndeterministic = true\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *(f"{stage.url}/openapi.json", "--header", f"Authorization: Bearer {stage.token(person)}"),
        *("--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing"),
        *("--checks", "all", "--continue-on-failure", "--warnings", "off"),
        *(
            "--exclude-operation-id-regex",
            "events$",
        ),  # they never end; they have tests of their own
        *("--request-timeout", "20", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 110)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize("person", ["c1", "auditor-1"])
async def test_schemathesis_finds_nothing(stage: Stage, tmp_path: Path, person: str) -> None:
    status, said = await explore(stage, tmp_path, person, await opened(stage))
    assert status == 0, said
