"""Each drill, whole, as anyone runs it; its record as an auditor takes it; and the controls.

The pack of each is verified, replayed strictly by the command, and then one byte is flipped in
each of its members, by somebody who mends nothing and by somebody who mends what can be mended.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hemostat.audit.pack.reader import Pack
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.signing import SigningKey
from schemas.audit.trust import read_trust
from tests.forgeries.flips import flip_each_member, flip_each_member_and_mend
from tests.forgeries.forge import Draft

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
CLAIMS = {"adversarial-evasion": 20, "assistant-exfiltration": 30, "feedback-poisoning": 15}
"""How many claims each makes at the least."""

RACE = "the attack did harm first"
"""Not a claim about the response: where containment is quick and the machine slow, there is less."""


async def hemostat(*argv: str | Path) -> tuple[int | None, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hemostat", *map(str, argv), "--json"),
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


@pytest.mark.parametrize("scenario", CLAIMS)
async def test_it_is_answered_and_its_record_stands_up_to_an_auditor(
    scenario: str, tmp_path: Path
) -> None:
    pack, trust = tmp_path / "incident.zip", tmp_path / "incident.zip.trust.json"
    status, report = await hemostat("drill", scenario, "--pack", pack)
    broken = [c["claim"] for c in report["claims"] if not c["held"] and c["claim"] != RACE]
    assert broken == []
    assert status == (0 if report["held"] else 1)
    assert report["responded"] is True
    assert len(report["claims"]) > CLAIMS[scenario]

    status, replayed = await hemostat("audit", "replay", pack)
    assert (status, replayed["held"]) == (0, True)
    believed = read_trust(trust.read_bytes(), "trust")
    verdict = verify_pack(pack, believed)
    assert (verdict.held, verdict.closed) == (True, True)
    members = set(Pack.open(pack).names)
    assert flip_each_member(pack, believed, tmp_path) == members
    draft = Draft.of(pack, SigningKey.make(), believed)
    assert flip_each_member_and_mend(draft, tmp_path) == members - {"manifest.json"}


@pytest.mark.parametrize("scenario", ["adversarial-evasion", "assistant-exfiltration"])
async def test_without_a_response_the_attack_succeeds(scenario: str) -> None:
    status, report = await hemostat("drill", scenario, "--no-respond")
    assert [claim for claim in report["claims"] if not claim["held"]] == []
    assert (status, report["responded"]) == (0, False)
