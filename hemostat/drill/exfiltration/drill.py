"""The drill of the assistant-exfiltration playbook: an insider really drains, the real response.

The people are scripted; one is silent, one refuses, and the insider is one of them. Everything else is production code against
real services. Every claim is checked against what was seen from outside, or read back.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Final

import httpx2

from hemostat.drill.counsel import Counsel
from hemostat.drill.course import Tell, beside, closed, detected, follow
from hemostat.drill.exfiltration.configuration import CAST, exfiltration_configuration
from hemostat.drill.exfiltration.report import ExfiltrationDrill, Outside, taken
from hemostat.drill.exfiltration.script import script, words
from hemostat.drill.exfiltration.verification import (
    ExfiltrationMoments,
    verify_extraction,
    verify_response,
)
from hemostat.drill.people import People
from hemostat.drill.range.exfiltration.range import COLLEAGUES, ExfiltrationRange
from hemostat.drill.report import ATTACK_BEGINS
from hemostat.drill.stage import StageOn
from hemostat.drill.told import everyone
from hemostat.incidents import journal_from

SCENARIO: Final = "assistant-exfiltration"
_CONTROL_SECONDS: Final = 30.0
_GIVES_UP_AFTER: Final = 6.0
_REPORTS_AFTER: Final = 2.0

ExfiltrationStage = StageOn[ExfiltrationRange]


async def drill(tell: Tell, respond: bool) -> ExfiltrationDrill:
    """Run the drill and return its report; raises only if the stage itself does not come up."""
    report = ExfiltrationDrill(SCENARIO, respond)
    began = asyncio.get_running_loop().time()
    tell("drill", "starting a cloud, an assistant over confidential documents, and its edge")
    async with ExfiltrationStage(ExfiltrationRange()) as stage:
        outside = Outside(stage.ground)
        report.looks.append(await outside.look())
        secret = [document for document in stage.ground.documents if document.fingerprint]
        report.measured["before"] = {"confidential documents": len(secret), "left": 0}
        tell("outside", f"before: {len(secret)} confidential documents, every key passes")
        if respond:
            tell("drill", "starting Temporal, a worker, the alert gateway, and the stand-ins")
            await _install(stage)
        report.durations["stage ready"] = asyncio.get_running_loop().time() - began
        async with beside(_watch(outside, report)):
            if respond:
                await _attack_and_respond(stage, outside, report, tell)
            else:
                await _attack_only(stage, report, tell)
    report.durations["whole drill"] = asyncio.get_running_loop().time() - began
    return report


async def _install(stage: ExfiltrationStage) -> None:
    stage.ground.secret_file("reporter-secret", secrets.token_urlsafe(24))
    (stage.state / "outbox").mkdir()
    await stage.install(
        lambda where: exfiltration_configuration(stage.ground, where),
        list(COLLEAGUES),
        everyone(CAST),
    )


async def _watch(outside: Outside, report: ExfiltrationDrill) -> None:
    """Look from outside every second until cancelled."""
    while True:
        report.looks.append(await outside.look())
        await asyncio.sleep(1.0)


async def _attack_only(stage: ExfiltrationStage, report: ExfiltrationDrill, tell: Tell) -> None:
    """The control: the same extraction with nobody there."""
    tell("attacker", "draining the assistant prompt by prompt; nobody will respond")
    await stage.ground.start_insider()
    await asyncio.sleep(_CONTROL_SECONDS)
    loot = stage.ground.loot()
    report.note(datetime.fromisoformat(loot.began_at), ATTACK_BEGINS, "attacker")
    verify_extraction(report, loot, stage.ground.documents)


async def _attack_and_respond(
    stage: ExfiltrationStage, outside: Outside, report: ExfiltrationDrill, tell: Tell
) -> None:
    await stage.ground.start_monitor(
        f"{stage.gateway_url}/alerts/alertmanager", stage.state / "alert-token"
    )
    attacked = datetime.now(UTC)
    tell("attacker", "draining the assistant prompt by prompt, and the store beside it")
    await stage.ground.start_insider()
    incident = report.incident = await detected(stage)
    tell("gateway", f"a canary opened {incident}")
    over: list[bool] = []
    people = People(stage.client, stage.key, incident, script(lambda: bool(over)))
    counsel = Counsel(stage.client, stage.key, incident, words(stage.state / "outbox"))
    async with beside(
        people.answer(),
        counsel.determine(),
        follow(stage, incident, tell),
        _give_up(stage, report, over, tell),
        _researcher_reports(stage, report, tell),
    ):
        result = await closed(stage, incident)
    report.looks.append(await outside.look())
    entries = await journal_from(stage.client, incident, 0)
    at = ExfiltrationMoments(entries)
    _tell_of(report, at, attacked, stage)
    await verify_response(report, stage, outside, result, entries)


def _signed(secret: str, moment: str, body: bytes) -> str:
    """As a reporter signs: told by the documentation, not by our code."""
    mac = hmac.new(secret.encode(), f"v1:{moment}:".encode() + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


async def _researcher_reports(
    stage: ExfiltrationStage, report: ExfiltrationDrill, tell: Tell
) -> None:
    """A signed report by someone outside, and the same one sent again."""
    await asyncio.sleep(_REPORTS_AFTER)
    body = json.dumps(
        {"claim": "your assistant's answers are on a paste site", "disclosed": True}
    ).encode()
    moment = str(int(time.time()))
    secret = (stage.state / "reporter-secret").read_text()
    headers = {
        "Content-Type": "application/json",
        "X-Report-Reporter": "researcher",
        "X-Report-Timestamp": moment,
        "X-Report-Signature": _signed(secret, moment, body),
    }
    url = f"{stage.gateway_url}/alerts/report"
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
        first = await http.post(url, content=body, headers=headers)
        again = await http.post(url, content=body, headers=headers)
        forged = {**headers, "X-Report-Signature": _signed("guess", moment, body)}
        wrong = await http.post(url, content=body, headers=forged)
    tell("outside", "a researcher reports that answers are public")
    statuses = (first.status_code, again.status_code, wrong.status_code)
    opened = [row["id"] for row in first.json().get("incidents", [])]
    report.claim(
        "the signed report joins the same incident; replayed or forged it is refused",
        statuses == (202, 401, 401) and opened == [report.incident],
        f"{statuses}",
    )


async def _give_up(
    stage: ExfiltrationStage, report: ExfiltrationDrill, over: list[bool], tell: Tell
) -> None:
    """The insider gives up some time after every way is shut."""
    while not _shut_out(report):
        await asyncio.sleep(0.5)
    await asyncio.sleep(_GIVES_UP_AFTER)
    await stage.ground.stop_insider()
    held = taken(stage.ground.loot(), stage.ground.documents)
    tell("attacker", f"gives up with {len(held)} documents")
    over.append(True)


def _shut_out(report: ExfiltrationDrill) -> bool:
    last = report.looks[-1]
    ways = (last.insider_key, last.old_session, last.connector)
    return max(last.callers.values()) != 200 and not any(ways)


def _tell_of(
    report: ExfiltrationDrill, at: ExfiltrationMoments, attacked: datetime, stage: ExfiltrationStage
) -> None:
    """Put moments together: from the insider, from outside, and from the record."""
    loot = stage.ground.loot()
    report.note(datetime.fromisoformat(loot.began_at), ATTACK_BEGINS, "attacker")
    report.note(at.detected, "detected: a canary opens the incident by itself", "record")
    report.note(at.blocked, "contained: the insider's key is refused at the gateway", "record")
    gained = [take for take in loot.takes if take.text]
    last = max((take.at for take in gained), default=None)
    report.note(
        datetime.fromisoformat(last) if last else None, "the last document leaves", "attacker"
    )
    report.note(at.blocked_proven, "the block is PROVEN, others pass", "record")
    report.note(at.cloud_proven, "cloud key and sessions PROVEN dead", "record")
    report.note(at.offline_proven, "the assistant is offline: PROVEN", "record")
    report.note(at.rotated, "its own key is rotated: PROVEN", "record")
    report.note(at.told, "the researcher is told, as approved", "record")
    report.note(at.tight, "the same prompts yield nothing: PROVEN", "record")
    report.note(at.reopened, "open again for all but the insider", "record")
    report.note(at.closed, "closed", "record")
    report.took("attack to detection", attacked, at.detected)
    report.took("attack to the key's block proven", attacked, at.blocked_proven)
    report.took("attack to everything contained", attacked, at.offline_proven)
    report.took("detection to containment proven", at.detected, at.blocked_proven)
