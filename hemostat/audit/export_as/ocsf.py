"""OCSF: an Incident Finding (2005) with the Detection Finding (2004) that it began with.

Required by schema.ocsf.io, version 1.5.0: classes ``incident_finding`` and ``detection_finding``,
objects ``metadata``, ``product`` and ``finding_info``. An incident finding names at least one of
``assignee`` and ``assignee_group``; ours is a role. Times are milliseconds since 1970.
"""

from datetime import datetime
from typing import Any, Final

from hemostat import __version__
from hemostat.audit.account.account import Account
from hemostat.audit.account.record import at
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.export_as.required import Rule, each, matches, number, of, problems, text
from hemostat.audit.export_as.techniques import TECHNIQUES
from hemostat.audit.report.facts import summary

OCSF: Final = "1.5.0"
_SEVERITIES: Final = {"SEV-1": 5, "SEV-2": 4, "SEV-3": 3, "SEV-4": 2}
_NAMES: Final = {6: "Fatal", 5: "Critical", 4: "High", 3: "Medium", 2: "Low", 1: "Informational"}
_ALERTS: Final = {"fatal": 6, "critical": 5, "high": 4, "medium": 3, "low": 2, "info": 1}
_CREATE, _UPDATE, _CLOSE = 1, 2, 3

_FINDING: Final[dict[str, Rule]] = {"uid": text()}
_BASE: Final[dict[str, Rule]] = {
    "activity_id": number(0, 1, 2, 3, 99),
    "category_uid": number(2),
    "severity_id": number(0, 1, 2, 3, 4, 5, 6, 99),
    "time": number(),
    "type_uid": number(),
    "metadata": of({"version": matches(r"\d+\.\d+\.\d+"), "product": of({"vendor_name": text()})}),
}
INCIDENT: Final = _BASE | {
    "class_uid": number(2005),
    "status_id": number(0, 1, 2, 3, 4, 5, 99),
    "finding_info_list": each(_FINDING),
    "assignee_group": of({"name": text()}),
}
DETECTION: Final = _BASE | {"class_uid": number(2004), "finding_info": of(_FINDING)}


def export(account: Account) -> list[dict[str, Any]]:
    """Return the two findings."""
    scrub = Scrubber(account)
    findings = [_incident(account), _detection(account)]
    scrubbed: list[dict[str, Any]] = scrub.value(findings)
    return scrubbed


def check(exported: list[dict[str, Any]]) -> list[str]:
    """Return what the schema requires and *exported* lacks."""
    found = [f"incident finding: {p}" for p in problems(exported[0], INCIDENT)]
    found += [f"detection finding: {p}" for p in problems(exported[1], DETECTION)]
    return found + [
        "type_uid does not follow from class and activity"
        for finding in exported
        if finding.get("type_uid") != finding["class_uid"] * 100 + finding["activity_id"]
    ]


def _incident(account: Account) -> dict[str, Any]:
    activity = _CLOSE if account.closed else _UPDATE
    return {
        **_common(account, 2005, activity, account.ended_at),
        "status_id": 5 if account.closed else 2,
        "status": "Closed" if account.closed else "In Progress",
        **({"verdict_id": 1, "verdict": "False Positive"} if account.false_alarm else {}),
        "desc": " ".join(summary(account)),
        "start_time": _ms(account.began_at),
        "end_time": _ms(account.ended_at),
        "assignee_group": {"name": "commander", "type": "role"},
        "finding_info_list": [_info(account)],
    }


def _detection(account: Account) -> dict[str, Any]:
    alert = account.first_alert
    title = str(alert.data.get("title") or account.title) if alert else account.title
    said = _ALERTS.get(str(alert.data.get("severity")), 0) if alert else 0
    return {
        **_common(account, 2004, _CREATE, at(alert) if alert else account.opened_at),
        "severity_id": said,  # the detection's own; the incident's may have been raised since
        "severity": _NAMES.get(said, "Unknown"),
        "status_id": 1,
        "is_alert": True,
        "finding_info": {**_info(account), "title": title},
        "resources": [{"name": account.service, "type": "AI service"}],
    }


def _common(account: Account, class_uid: int, activity: int, when: datetime) -> dict[str, Any]:
    severity = _SEVERITIES.get(account.severity, 0)
    metadata: dict[str, Any] = {
        "version": OCSF,
        "product": {"name": "Hemostat", "vendor_name": "Hemostat", "version": __version__},
        "uid": account.record.head,
        "profiles": ["incident"] if class_uid == 2005 else [],
        "labels": ["exercise"] if account.drill else [],
    }
    return {
        "class_uid": class_uid,
        "category_uid": 2,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "severity_id": severity,
        "severity": _NAMES.get(severity, "Unknown"),
        "time": _ms(when),
        "metadata": metadata,
    }


def _info(account: Account) -> dict[str, Any]:
    atlas = account.record.opened.get("atlas")
    ids = [str(name) for name in atlas] if isinstance(atlas, list) else []
    types = [f"MITRE ATLAS {i} {TECHNIQUES[i].name}" for i in ids if i in TECHNIQUES]
    return {
        "uid": account.incident,
        "title": account.title,
        "types": types,
        "created_time": _ms(account.opened_at),
    }


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
