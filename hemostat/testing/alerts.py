"""An alert as a playbook meets it: what the gateway makes of a sender's request."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from schemas.alert import Alert, AlertAction, AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_of


def alert(
    title: str = "SomethingIsWrong",
    *,
    severity: AlertSeverity = AlertSeverity.CRITICAL,
    labels: Mapping[str, str] | None = None,
    evidence: Mapping[str, float] | None = None,
    episode: str = "e1",
    action: AlertAction = AlertAction.OPEN,
    started_at: datetime | None = None,
) -> Alert:
    """Return an alert that fires; *evidence* are the numbers that it measured.

    It began a minute ago unless *started_at* says when. ``AlertAction.CLOSE`` with the same
    *episode* is the end of it.
    """
    now = datetime.now(UTC)
    return Alert(
        source="rehearsal",
        source_type="alertmanager",
        delivery_key=uuid.uuid4().hex,
        alert_key=title,
        episode_key=episode,
        action=action,
        severity=severity,
        title=title,
        started_at=started_at or now - timedelta(minutes=1),
        received_at=now,
        labels=dict(labels or {}),
        evidence=dict(evidence or {}),
        auth=Authenticity(scheme="bearer", key_id="1"),
        raw=RawRef(digest=digest_of(title), size=len(title), media_type="application/json"),
    )
