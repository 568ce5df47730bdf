"""The policy that denies what older sessions do. Pure."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def policy_name(incident: str) -> str:
    """The name is ours alone: an undo takes away nobody else's denial."""
    return f"hemostat-older-sessions-{sha256(incident.encode()).hexdigest()[:12]}"


def denial(before: datetime) -> dict[str, Any]:
    """What AWS's own console writes to revoke older sessions (policy AWSRevokeOlderSessions)."""
    moment = before.astimezone(UTC)
    if moment.microsecond:  # the condition knows whole seconds: rather one session too many
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    condition = {"DateLessThan": {"aws:TokenIssueTime": moment.strftime(_TIME)}}
    statement = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def denied_before(policy: Any) -> datetime | None:
    """Until when sessions are denied whatever they do; None for any other policy."""
    try:
        (statement,) = policy["Statement"]
        moment = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        whole = statement["Effect"] == "Deny" and statement["Action"] == ["*"]
        return datetime.strptime(moment, _TIME).replace(tzinfo=UTC) if whole else None
    except (LookupError, TypeError, ValueError):
        return None
