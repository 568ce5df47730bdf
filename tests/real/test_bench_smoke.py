"""The benchmark still runs; how fast is for ``make bench`` to say, and never for a test."""

import asyncio
import sys
from pathlib import Path

import pytest

from hemostat.processes import ChildProcess

pytestmark = [
    pytest.mark.real,
    pytest.mark.temporal,
    pytest.mark.slow,
    pytest.mark.timeout(450),
]

ROOT = Path(__file__).parents[2]


async def test_a_handful_of_alerts_goes_through_all_of_the_benchmark(tmp_path: Path) -> None:
    async with await ChildProcess.start(
        "bench",
        [sys.executable, "-m", "bench", "--smoke"],
        log=tmp_path / "bench.log",
        cwd=ROOT,
    ) as bench:
        async with asyncio.timeout(400):
            status = await bench.wait()
    said = (tmp_path / "bench.log").read_text()
    assert status == 0, said
    assert "none lost" in said
    assert "the same on both sides, port by port" in said
    assert "none was not told; no stream broke" in said
    assert said.count("all as expected") == 4  # both sides, at the rate demanded and the sustained


@pytest.mark.parametrize(
    ("part", "says"), [("sealed", "packs/s"), ("replay", "Speed of the strict replay")]
)
async def test_the_record_is_verified_and_replayed_beside_its_floors(
    part: str, says: str, tmp_path: Path
) -> None:
    async with await ChildProcess.start(
        part,
        [sys.executable, "-m", f"bench.{part}", "--smoke"],
        log=tmp_path / "bench.log",
        cwd=ROOT,
    ) as bench:
        async with asyncio.timeout(400):
            status = await bench.wait()
    said = (tmp_path / "bench.log").read_text()
    assert status == 0, said
    assert says in said
