"""The evidence of the drill of assistant exfiltration: locked against whoever has the keys.

Law: tried with the store's own credential, which may do everything, at the piece that matters most:
the cloud's audit trail of the insider's keys. What is then read back was under attack.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from hemostat.drill.exfiltration.report import ExfiltrationDrill
from hemostat.drill.range.evidence_store import BUCKET
from hemostat.drill.range.exfiltration.range import SERVICE_PRINCIPAL, ExfiltrationRange
from hemostat.drill.stage import StageOn
from hemostat.vault import Vault
from schemas.errors import HemostatError
from schemas.journal import Entry, Kind

_TRAIL = "cloud audit trail"


def verify_evidence(
    report: ExfiltrationDrill, stage: StageOn[ExfiltrationRange], entries: list[Entry]
) -> None:
    """What was sealed, when, and that nobody takes it away."""
    here = stage.ground
    sealed = [e for e in entries if e.kind is Kind.EVIDENCE and e.data.get("name") == _TRAIL]
    if not sealed:
        report.claim("the cloud's audit trail is sealed", False, "no such evidence")
        return
    digest = str(sealed[0].data["digest"])
    rotating = f"create-a-new-key-for-{SERVICE_PRINCIPAL}"
    rotated = next((e.seq for e in entries if e.kind is Kind.EFFECT and e.step == rotating), None)
    _try_to_take_it(report, here, digest.removeprefix("sha256:"))
    try:
        trail = json.loads(Vault.of(stage.settings).read(digest))
    except HemostatError as error:
        report.claim("the cloud's audit trail reads back", False, error)
        return
    theirs = sum(e["key_id"] == here.suspect_key["access_key_id"] for e in trail["events"])
    early = rotated is not None and sealed[0].seq < rotated
    report.claim(
        "the trail of the insider's key is sealed before rotation",
        early and theirs > 0,
        f"{theirs} of {len(trail['events'])} events are theirs",
    )
    lacks = {e.says for e in entries if e.says.startswith(f"Evidence is missing: {_TRAIL} of ")}
    report.claim("what the trail lacks is declared", bool(lacks), f"{len(lacks)} gaps")


def _try_to_take_it(report: ExfiltrationDrill, here: ExfiltrationRange, name: str) -> None:
    """Delete, unlock and cover one piece, as a thief with the keys would."""
    s3 = here.evidence.client()
    key = f"drill/sha256/{name[:2]}/{name}"
    (version,) = s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    this = {"Bucket": BUCKET, "Key": key, "VersionId": version["VersionId"]}
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=30)}
    answers = {
        "delete": _refusal(lambda: s3.delete_object(**this)),
        "unlock": _refusal(lambda: s3.put_object_retention(**this, Retention=soon)),
        "replace": _refusal(
            lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"forged", IfNoneMatch="*")
        ),
    }
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"forged")  # a version over it: reading goes below
    report.claim(
        "sealed evidence is neither deleted, unlocked nor replaced, with the store's own keys",
        all(answers.values()),
        ", ".join(f"{what}: {code or 'DONE'}" for what, code in answers.items()),
    )


def _refusal(attempt: Callable[[], Any]) -> str | None:
    """The code of the refusal; None if it was done."""
    try:
        attempt()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None
