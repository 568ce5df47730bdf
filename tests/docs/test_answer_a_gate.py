"""The page about answering a gate, its commands run as they stand, on a real Temporal."""

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from schemas.incident import Resolution, Service
from schemas.journal import Kind
from tests.docs.documents import ROOT
from tests.workflows.case import Case

pytestmark = pytest.mark.temporal

PAGE = (ROOT / "docs" / "how-to" / "answer-a-gate.md").read_text()
SHOWN_INCIDENT, SHOWN_GATE = "feedback-poisoning-0123456789ab", "re-enable-feedback"
TEMPORAL = Path(sys.executable).parent / "temporal"


def command(*words: str) -> str:
    """The one command of the page that has all these words."""
    (line,) = (
        line.strip()
        for line in PAGE.splitlines()
        if line.strip().startswith("temporal workflow") and all(word in line for word in words)
    )
    return line


async def run(client: Client, line: str) -> str:
    """Run a command of the page against the test's Temporal; return what it printed."""
    _, *arguments = shlex.split(line)
    address = client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        str(TEMPORAL),
        *arguments,
        env={
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": client.namespace,
            "HOME": "/nonexistent",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def answer(printed: str) -> Any:
    """What a query answered."""
    found = json.loads(printed)
    return found["queryResult"][0]


async def triage(client: Client, queue: str) -> Case:
    """An incident that waits for a person."""
    of = Service(name="unrouted", connections={})
    case = await Case.open(client, queue, playbook="triage", of=of)
    await case.gate("close")
    return case


async def test_the_stock_command_reads_a_gate_and_answers_it(client: Client, queue: str) -> None:
    case = await triage(client, queue)
    query = command("--type incident").replace(SHOWN_INCIDENT, case.handle.id)
    seen = answer(await run(client, query))  # the stock command prints an empty list as null
    (gate,) = (gate for gate in seen["gates"] if gate["policy"]["id"] == "close")
    signal = command("--name decide").replace(SHOWN_INCIDENT, case.handle.id)
    signal = signal.replace(SHOWN_GATE, "close").replace("NONCE", gate["nonce"])
    await run(client, signal.replace("DIGEST", gate["digest"]))
    assert (await case.result()).resolution is Resolution.TRIAGED
    journal = command("--type journal").replace(SHOWN_INCIDENT, case.handle.id)
    entries = answer(await run(client, journal))
    (decision,) = (entry for entry in entries if entry["kind"] == Kind.DECISION.value)
    assert decision["data"]["actor"] == "the commander on call"


async def test_the_command_as_shown_changes_nothing_and_is_told_why(
    client: Client, queue: str
) -> None:
    case = await triage(client, queue)
    signal = command("--name decide").replace(SHOWN_INCIDENT, case.handle.id)
    await run(client, signal.replace(SHOWN_GATE, "close").replace("DIGEST", "sha256:" + "0" * 64))
    await run(client, signal)
    while len(refused := await case.kinds(Kind.REFUSED)) < 2:
        await asyncio.sleep(0.02)
    reasons = [str(entry.data["refusal"]) for entry in refused]
    assert reasons == ["stale-nonce", "malformed"]
    assert set(reasons) <= set(re.findall(r"`([a-z-]+)`", PAGE))
    await case.approve("close")
    assert (await case.result()).resolution is Resolution.TRIAGED
