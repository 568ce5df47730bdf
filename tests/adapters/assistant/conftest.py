"""A real assistant behind its real edge, started once; online and loose again for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from activities.assistant_http import AssistantHttp, Connection
from hemostat.drill.range.exfiltration.range import ExfiltrationRange
from hemostat.vault import Vault
from tests.adapters.liar import Liar


@pytest.fixture(scope="session")
async def ground() -> AsyncIterator[ExfiltrationRange]:
    async with ExfiltrationRange() as running:
        yield running


@pytest.fixture
async def target(ground: ExfiltrationRange) -> ExfiltrationRange:
    token = (ground.state / "admin-token").read_text()
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        answer = await http.put(
            f"{ground.assistant_url}/admin/state",
            json={"online": True, "acl": False, "output_filter": False},
            headers={"authorization": f"Bearer {token}"},
        )
    answer.raise_for_status()
    return ground


def connection_to(target: ExfiltrationRange, url: str, *, seconds: float = 5) -> Connection:
    return Connection(
        adapter="assistant_http",
        url=url,
        admin_token=f"file:{target.state / 'admin-token'}",
        marks=f"file:{target.state / 'marks.json'}",
        marks_digest=target.marks_digest,
        harmless={"When are the office hours?": "office hours"},
        timeout_seconds=seconds,
    )


@pytest.fixture
async def adapter(target: ExfiltrationRange, tmp_path: Path) -> AsyncIterator[AssistantHttp]:
    connection = connection_to(target, target.assistant_url)
    made = AssistantHttp(connection, Vault(tmp_path / "vault"))
    yield made
    await made.aclose()


@pytest.fixture
async def liar(target: ExfiltrationRange) -> AsyncIterator[Liar]:
    async with Liar(target.assistant_url) as lying:
        yield lying


@pytest.fixture
async def deceived(
    target: ExfiltrationRange, liar: Liar, tmp_path: Path
) -> AsyncIterator[AssistantHttp]:
    """The adapter with the liar between it and the real assistant; it waits a second."""
    connection = connection_to(target, liar.url, seconds=1)
    made = AssistantHttp(connection, Vault(tmp_path / "vault"))
    yield made
    await made.aclose()


async def ask(target: ExfiltrationRange, caller: str, *questions: str) -> list[str]:
    """What that caller is answered through the edge."""
    headers = {"X-Key-Id": caller, "X-Api-Key": target.keys[caller]}
    async with httpx2.AsyncClient(trust_env=False, timeout=10, headers=headers) as http:
        answers = [
            await http.post(f"{target.edge_url}/v1/ask", json={"question": question})
            for question in questions
        ]
    return [str(answer.raise_for_status().json()["answer"]) for answer in answers]
