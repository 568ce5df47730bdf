"""The people's side of the exfiltration drill, checked: who decided, what law was kept, what was said."""

import json
from email import policy
from email.parser import BytesParser
from typing import Any

from hemostat.drill.exfiltration.report import ExfiltrationDrill
from hemostat.drill.range.exfiltration.range import INSIDER, ExfiltrationRange
from hemostat.drill.stage import StageOn
from hemostat.drill.verification import verify_told
from schemas.canonical import digest_bytes
from schemas.incident import Containment, IncidentResult, Resolution, Severity
from schemas.journal import Entry, Kind


async def verify_people(
    report: ExfiltrationDrill,
    stage: StageOn[ExfiltrationRange],
    result: IncidentResult | None,
    entries: list[Entry],
) -> None:
    """Silence and refusal had their effect, the insider's word had none."""
    said = [entry.says for entry in entries]
    silent = "Gate take-offline: proceeded-by-policy" in said
    report.claim("silence took the assistant offline, by policy", silent, "by the record")
    kept = "Gate delete-key: rejected" in said
    report.claim("counsel's refusal kept the old key as evidence", kept, "by the record")
    theirs = [e.kind for e in entries if e.data.get("actor") == INSIDER]
    heard = bool(theirs) and set(theirs) == {Kind.REFUSED}
    report.claim("the insider's own decision changed nothing", heard, f"{len(theirs)} refused")
    pages: dict[str, Any] = await stage.pagerduty.state()
    called = {entry.data.get("role") for entry in entries if entry.kind is Kind.PAGE}
    report.claim(
        "no page went to a role that reaches the insider",
        "service-owner" not in called and INSIDER not in json.dumps(pages),
        ", ".join(sorted(str(role) for role in called if role)),
    )
    await verify_told(report, stage, INSIDER)
    first_page = next((n for n, says in enumerate(said) if says.startswith("Paging")), -1)
    out = next((n for n, says in enumerate(said) if says.startswith("Someone takes no part")), -1)
    report.claim("they were out before the first page", 0 <= out < first_page, "by the record")
    resolved = result is not None and result.resolution is Resolution.RESOLVED
    severe = result is not None and result.severity is Severity.SEV1
    contained = result is not None and result.containment is Containment.PROVEN
    report.claim(
        "closed as resolved, SEV-1, containment proven",
        resolved and severe and contained,
        result and f"{result.resolution}, {result.severity}, {result.containment}",
    )


def verify_law(report: ExfiltrationDrill, entries: list[Entry]) -> None:
    """Each clock has counsel's word, negative ones too; the hold held; the filing has a receipt."""
    decided = {
        str(entry.data["clock"]): str(entry.data["value"])
        for entry in entries
        if entry.kind is Kind.CLOCK and entry.data.get("what") == "applicability"
    }
    wanted = {
        "gdpr-33": "applies",
        "gdpr-33-2": "not-applicable",
        "nis2-23-4a": "not-applicable",
    }
    report.claim("each legal clock has its determination", decided == wanted, decided)
    filed = [e for e in entries if e.kind is Kind.CLOCK and e.data.get("what") == "filed"]
    receipts = [str(entry.data.get("reference")) for entry in filed]
    report.claim("filed with the authority's receipt, in time", len(receipts) == 1, receipts)
    held = [n for n, e in enumerate(entries) if e.says.startswith("An evidence hold blocks")]
    changed = [n for n, e in enumerate(entries) if "apply_controls" in e.says]
    report.claim(
        "nothing altered the assistant while the evidence hold stood",
        bool(changed and held) and held[-1] < changed[0],
        f"{len(held)} entries of the hold",
    )


def verify_words(
    report: ExfiltrationDrill, stage: StageOn[ExfiltrationRange], entries: list[Entry]
) -> None:
    """What left is what people approved; the board's content is sealed."""
    approved = {
        str(e.data["text"]) for e in entries if e.kind is Kind.EVIDENCE and "text" in e.data
    }
    sent = set()
    for file in sorted((stage.state / "outbox").glob("*.eml")):
        mail = BytesParser(policy=policy.SMTP).parsebytes(file.read_bytes())
        body = mail.get_body(("plain",))
        text = "" if body is None else str(body.get_content()).replace("\r\n", "\n")
        sent.add(digest_bytes(text.encode()))
    report.claim(
        "what left as mail is what people approved, once each",
        len(sent) == 3 and sent == approved,
        f"{len(sent)} mails",
    )
    board = [e for e in entries if e.kind is Kind.EFFECT and "seal_report" in e.says]
    report.claim("the board report is sealed", len(board) == 1, len(board))
