"""The drill of assistant exfiltration, whole: as anyone runs it, and as its control."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


async def drilled(*options: str) -> tuple[int | None, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hemostat", "drill", "assistant-exfiltration", "--json"),
        *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, json.loads(out)


async def test_an_extraction_is_answered_and_everything_holds() -> None:
    status, report = await drilled()
    assert [claim for claim in report["claims"] if not claim["held"]] == []
    assert (status, report["held"], report["responded"]) == (0, True, True)
    assert len(report["claims"]) > 30


async def test_without_a_response_nearly_everything_leaves() -> None:
    status, report = await drilled("--no-respond")
    assert [claim for claim in report["claims"] if not claim["held"]] == []
    assert (status, report["responded"]) == (0, False)
