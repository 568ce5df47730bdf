"""The chat adapter with Slack's own client against somebody else's emulator of Slack.

The emulator is ``emulate`` from npm in exactly this version, installed by npm where there is one.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from activities.chat_slack import Connection, Slack
from hemostat.processes import LOOPBACK, ChildProcess, free_port
from hemostat.vault import Vault
from schemas.gate import Outcome
from schemas.ports.channels import Announce, AskPerson
from tests.adapters.reports import a_question, a_report, lines

pytestmark = pytest.mark.real

VERSION = "emulate@0.11.2"
HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var" / "emulate"
SEED = """
slack:
  team: {name: Range, domain: range}
  users: [{name: ic-one, real_name: One, email: ic-1@example.test}]
  channels: [{name: incidents, topic: incidents}]
"""


def installed() -> Path:
    """The emulator's program; skips where npm cannot bring it."""
    program = FOLDER / "node_modules" / "emulate" / "dist" / "index.js"
    if not program.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no npm on this machine")
        FOLDER.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            npm,
            "install",
            "--prefix",
            FOLDER,
            "--no-save",
            "--no-package-lock",
            VERSION,
        ]
        done = subprocess.run(
            [*command, "--no-audit", "--no-fund"], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm does not bring {VERSION} here")
    return program


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[WebClient]:
    program, node = installed(), shutil.which("node")
    assert node is not None
    port, seed = free_port(), tmp_path / "seed.yaml"
    seed.write_text(SEED)
    argv: list[str | Path] = [node, "--require", HERE / "loopback.cjs", program, "start"]
    argv += ["--service", "slack", "--port", str(port), "--seed", seed]
    client = WebClient("xoxb-range", base_url=f"http://{LOOPBACK}:{port}/api/", retry_handlers=[])
    client.proxy = None

    async def answers() -> bool:
        try:
            return bool(client.auth_test().get("ok"))
        except OSError:
            return False

    child = await ChildProcess.start("emulate", argv, log=tmp_path / "emulate.log")
    async with child:
        await child.wait_ready(answers)
        yield client


def told(client: WebClient, channel: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = client.conversations_history(channel=channel)["messages"]
    return messages


async def test_an_incident_and_a_question_from_beginning_to_end(
    slack: WebClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THE_SLACK_TOKEN", "xoxb-range")
    channels = {c["name"]: c["id"] for c in slack.conversations_list()["channels"]}
    users = {u["name"]: u["id"] for u in slack.users_list()["members"]}
    connection = Connection(
        adapter="chat_slack",
        token="env:THE_SLACK_TOKEN",
        channel=channels["incidents"],
        url=slack.base_url,
        people={"ic-1": users["ic-one"]},
        public_url="https://hemostat.example.test",
    )
    chat = Slack(connection, Vault(tmp_path / "vault"))
    assert await chat.check() == []
    report = a_report(lines=lines("Severity: SEV-2"))
    request = Announce(key="k", incident=report.incident, report=report)
    first = await chat.announce(request)
    again = Slack(connection, Vault(tmp_path / "vault"))  # after a crash between post and answer
    assert (await again.announce(request)) == first.model_copy(update={"changed": False})
    proven = a_report(revision=2, containment="proven", lines=lines("Severity: SEV-2", "Proven"))
    await again.announce(request.model_copy(update={"report": proven}))
    (message,) = told(slack, channels["incidents"])
    assert "contained, proven" in message["blocks"][0]["text"]["text"]
    thread = slack.conversations_replies(channel=channels["incidents"], ts=message["ts"])
    assert len(thread["messages"]) == 3

    asking = AskPerson(
        key="q", incident=report.incident, person="ic-1", question=a_question(), report=report
    )
    for over in (None, None, Outcome.APPROVED):
        question = a_question(over=over)
        await chat.ask_in_chat(asking.model_copy(update={"question": question}))
    direct = slack.conversations_open(users=users["ic-one"])["channel"]["id"]
    (asked,) = told(slack, direct)
    assert "Not asked any more" in asked["blocks"][0]["text"]["text"]
    await chat.aclose()
    await again.aclose()
