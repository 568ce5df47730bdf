"""What the drill of assistant exfiltration claims, each checked from outside or read back."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hemostat.drill.exfiltration.evidence import verify_evidence
from hemostat.drill.exfiltration.people import verify_law, verify_people, verify_words
from hemostat.drill.exfiltration.report import ExfiltrationDrill, Outside, taken
from hemostat.drill.moments import Moments
from hemostat.drill.range.exfiltration.confidential import Document, left_in
from hemostat.drill.range.exfiltration.insider import Loot
from hemostat.drill.range.exfiltration.range import (
    BUCKET,
    COLLEAGUES,
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT,
    SUSPECT_PRINCIPAL,
    ExfiltrationRange,
)
from hemostat.drill.stage import StageOn
from hemostat.drill.verification import verify_record
from hemostat.incidents import list_incidents
from schemas.incident import IncidentResult
from schemas.journal import Entry, Kind

_GRACE: Final = timedelta(seconds=1.5)
"""A prompt that was asked before the block may be answered just after it."""


class ExfiltrationMoments(Moments):
    """When the record says that its steps happened."""

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__(entries)
        block = f"block-the-key-{SUSPECT}"
        self.blocked = self.when(Kind.EFFECT, block, "block_caller")
        self.blocked_proven = self.proven(block)
        self.cloud_proven = self.proven(f"deny-older-sessions-of-{SUSPECT_PRINCIPAL}")
        self.offline_proven = self.proven("take-the-assistant-offline")
        self.disconnected = self.proven("end-the-access-of-wiki")
        self.rotated = self.proven(f"retire-the-older-keys-of-{SERVICE_PRINCIPAL}")
        self.told = self.when(Kind.EVIDENCE, "tell-researcher", "Sent")
        self.tight = self.proven("apply-the-controls")
        self.reopened = self.when(Kind.EFFECT, "re-enable-the-assistant", "restore_endpoint")


def verify_extraction(report: ExfiltrationDrill, loot: Loot, documents: Sequence[Document]) -> None:
    """The control: without a response nearly everything leaves."""
    secret = report.measured["before"]["confidential documents"]
    left = taken(loot, documents)
    canaries = left_in([take.text for take in loot.takes], documents)[1]
    report.measured["after"] = {
        "confidential documents": secret,
        "left": len(left),
        "canaries": len(canaries),
        "prompts": sum(take.way == "prompts" for take in loot.takes),
    }
    report.claim("nine of ten documents left", len(left) >= 0.9 * secret, f"{len(left)}/{secret}")
    report.claim("canaries left with them", bool(canaries), len(canaries))
    refused = [take for take in loot.takes if take.status != "200"]
    report.claim("nothing refused the insider", not refused, f"{len(refused)} refusals")


async def verify_response(
    report: ExfiltrationDrill,
    stage: StageOn[ExfiltrationRange],
    outside: Outside,
    result: IncidentResult | None,
    entries: list[Entry],
) -> None:
    """Everything that a response claims."""
    at = ExfiltrationMoments(entries)
    _verify_what_left(report, stage.ground, at)
    _verify_keys(report, stage.ground, at)
    await _verify_reopened(report, stage.ground, outside)
    _verify_proofs(report, entries)
    await verify_people(report, stage, result, entries)
    verify_law(report, entries)
    verify_words(report, stage, entries)
    await _verify_one_incident(report, stage, result)
    await _verify_discretion(report, stage)
    verify_evidence(report, stage, entries)
    await verify_record(report, stage, result, entries)


def _verify_what_left(
    report: ExfiltrationDrill, here: ExfiltrationRange, at: ExfiltrationMoments
) -> None:
    loot, documents = here.loot(), here.documents
    secret = report.measured["before"]["confidential documents"]
    left = taken(loot, documents)
    report.measured["after"] = {
        "confidential documents": secret,
        "left": len(left),
        "canaries": len(left_in([take.text for take in loot.takes], documents)[1]),
        "prompts": sum(take.way == "prompts" for take in loot.takes),
    }
    report.claim("documents left first", bool(left), f"{len(left)} of {secret}")
    report.claim("most of them did not leave", len(left) <= secret / 2, f"{len(left)}/{secret}")
    for ways, since, what in (
        (("prompts",), at.blocked, "prompts yield nothing from the block on"),
        (("cloud key", "older session"), at.cloud_proven, "the store yields nothing once proven"),
        (("connector token",), at.disconnected, "the wiki yields nothing once proven"),
    ):
        late = [
            take
            for take in loot.takes
            if take.way in ways
            and take.text
            and since is not None
            and datetime.fromisoformat(take.at) > since + _GRACE
        ]
        tries = sum(
            take.way in ways and since is not None and datetime.fromisoformat(take.at) > since
            for take in loot.takes
        )
        held = since is not None and not late and tries > 0
        report.claim(what, held, f"{tries} tries, {len(late)} gave something")


def _verify_keys(
    report: ExfiltrationDrill, here: ExfiltrationRange, at: ExfiltrationMoments
) -> None:
    last = report.looks[-1]
    report.claim(
        "the insider's cloud key and older session are refused from outside",
        not last.insider_key and not last.old_session,
        "tried at the cloud",
    )
    report.claim("the connector's token opens nothing any more", not last.connector, "tried")
    report.claim("the assistant's old key is refused from outside", not last.service_key, "tried")
    store, iam = here.cloud.client("secretsmanager"), here.cloud.client("iam")
    held = json.loads(store.get_secret_value(SecretId=SECRET)["SecretString"])
    new = here.cloud.client("s3", held["access_key_id"], held["secret_access_key"])
    accepted = bool(new.list_objects_v2(Bucket=BUCKET, MaxKeys=1)["KeyCount"])
    changed = held["access_key_id"] != here.service_key["access_key_id"]
    report.claim("the new key is accepted, from the secret store", accepted and changed, "tried")
    keys = {
        principal: {
            key["AccessKeyId"]: key["Status"]
            for key in iam.list_access_keys(UserName=principal)["AccessKeyMetadata"]
        }
        for principal in (SUSPECT_PRINCIPAL, SERVICE_PRINCIPAL)
    }
    own = sorted(keys[SERVICE_PRINCIPAL].values())
    report.claim("one key works, none was made twice", own == ["Active", "Inactive"], own)
    theirs = list(keys[SUSPECT_PRINCIPAL].values())
    report.claim("no key of the insider works", theirs == ["Inactive"], theirs)
    alone = [
        look
        for look in report.looks
        if look.callers[SUSPECT] == 403 and all(look.callers[c] == 200 for c in COLLEAGUES)
    ]
    report.claim(
        "the insider's key alone was refused while others passed",
        bool(alone),
        f"{len(alone)} looks",
    )
    dark = [look for look in report.looks if set(look.callers.values()) <= {503, 403}]
    dark = [look for look in dark if 503 in look.callers.values()]
    report.claim("offline means offline for all", bool(dark), f"{len(dark)} looks")


async def _verify_reopened(
    report: ExfiltrationDrill, here: ExfiltrationRange, outside: Outside
) -> None:
    last = report.looks[-1]
    passing = {caller: last.callers[caller] for caller in COLLEAGUES}
    report.claim("everyone else passes again", set(passing.values()) == {200}, passing)
    report.claim("the insider stays out", last.callers[SUSPECT] == 403, last.callers[SUSPECT])
    questions = [document.title for document in here.documents if document.fingerprint]
    said = [await outside.answer_to(COLLEAGUES[1], f"{title} details") for title in questions]
    left = left_in(said, here.documents)[0]
    report.claim(
        "who may read no project is told nothing of any",
        not left,
        f"{len(questions)} questions, {len(left)} documents",
    )


def _verify_proofs(report: ExfiltrationDrill, entries: list[Entry]) -> None:
    proven = {e.step for e in entries if e.kind is Kind.PROOF and e.says.endswith(": proven")}
    begun = {
        str(e.step)
        for e in entries
        if e.kind is Kind.STEP and e.data.get("class") == "contain" and e.step
    }
    missing = sorted(begun - proven)
    refused = [caller for caller in (SUSPECT, *COLLEAGUES) if f"block-the-key-{caller}" in proven]
    report.claim("every key was refused by itself, from outside", len(refused) == 3, refused)
    report.claim(
        f"each of {len(begun)} containing steps has its own proof", not missing, missing or "all"
    )


async def _verify_one_incident(
    report: ExfiltrationDrill, stage: StageOn[ExfiltrationRange], result: IncidentResult | None
) -> None:
    rows = await list_incidents(stage.client)
    alerts = result.alerts if result else 0
    held = len(rows) == 1 and alerts >= 2
    report.claim("canaries and report are one incident", held, f"{len(rows)}, {alerts} alerts")


async def _verify_discretion(report: ExfiltrationDrill, stage: StageOn[ExfiltrationRange]) -> None:
    """No secret is anywhere in the history, nobody suspected is in a page."""
    here = stage.ground
    handle = stage.client.get_workflow_handle(report.incident or "")
    history: str = (await handle.fetch_history()).to_json()
    store = here.cloud.client("secretsmanager")
    held = json.loads(store.get_secret_value(SecretId=SECRET)["SecretString"])
    secrets = [
        *here.keys.values(),
        held["secret_access_key"],
        here.service_key["secret_access_key"],
        here.suspect_key["secret_access_key"],
        here.session["session_token"],
        here.wiki_token,
    ]
    decoded = history + _payloads(history)
    found = sum(secret in decoded for secret in secrets)
    report.claim(f"none of {len(secrets)} secrets is in the history", not found, f"{found} found")
    pages: dict[str, Any] = await stage.pagerduty.state()
    told = json.dumps(pages["alerts"])
    named = [name for name in (SUSPECT, SUSPECT_PRINCIPAL) if name in told]
    report.claim("no page names who is suspected", not named, f"{len(pages['alerts'])} pages")


def _payloads(history: str) -> str:
    """The payloads of a history, which its JSON holds in base64."""
    texts: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            data = node.get("data")
            if isinstance(data, str):
                texts.append(base64.b64decode(data, validate=False).decode(errors="replace"))
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(json.loads(history))
    return "\n".join(texts)
