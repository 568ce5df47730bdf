"""A person's report: a researcher, a bug bounty, someone at security@. Human intake, no vendor.

JSON or a form with the fields ``claim`` (required), ``details``, ``severity``, ``disclosed`` (yes
if it is public already), ``deadline``, ``covert`` (yes if it is a confidential suspicion about a
person), ``artifacts`` (digests). Nobody is named here: the reporter is who signed, and what a
report says about persons belongs into ``details``, which is shown only at the gates.

All of it is untrusted text. The same report sent again is the same delivery; each report is an
episode of its own.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

from hemostat.gateway.delivery import BrokenBody, Delivery, Normalised, clip, severity_of
from schemas.alert import Alert, AlertAction
from schemas.canonical import canonical_json

_FIELDS: Final = ("claim", "details", "severity", "disclosed", "deadline", "covert", "artifacts")
_YES: Final = frozenset({"yes", "true", "1", "on"})
_NEXT: Final = "send JSON or a form with the field `claim`, and `details` if there is more to say."


def normalise(delivery: Delivery) -> Normalised:
    """Return the one alert that a report is."""
    fields = _fields(delivery)
    claim = fields.get("claim", "").strip()
    if not claim:
        raise BrokenBody("`claim` is missing or empty", where="body", next_step=_NEXT)
    named = [delivery.source, delivery.auth.key_id, fields]
    key = hashlib.sha256(canonical_json(named)).hexdigest()
    title, cut_title = clip(claim, 1024)
    details, cut_details = clip(fields.get("details", ""), 16_384)
    flags = {name: fields.get(name, "").strip().lower() in _YES for name in ("disclosed", "covert")}
    alert = Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=key[:32],
        episode_key=key[:32],
        action=AlertAction.OPEN,
        severity=severity_of(fields.get("severity"), delivery.default_severity),
        severity_raw=fields.get("severity") or None,
        title=title,
        description=details,
        kind="report",
        started_at=None,
        received_at=delivery.received_at,
        labels={name: "yes" for name, told in flags.items() if told},
        evidence={name: 1.0 for name, told in flags.items() if told},
        truncated=cut_title or cut_details,
        auth=delivery.auth,
        raw=delivery.raw,
    )
    return Normalised(key, (alert,))


def _fields(delivery: Delivery) -> dict[str, str]:
    if delivery.raw.media_type.partition(";")[0].strip() == "application/x-www-form-urlencoded":
        return _form(delivery.body)
    try:
        body = from_json(delivery.body, allow_inf_nan=False)
    except ValueError as error:  # its text has a position, nothing of the body
        raise BrokenBody(f"not JSON: {error}", where="body", next_step=_NEXT) from error
    if not isinstance(body, dict):
        raise BrokenBody("it is not an object", where="body", next_step=_NEXT)
    return _known({str(name): _text(value) for name, value in body.items()})


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), max_num_fields=50, keep_blank_values=True)
    except ValueError as error:
        raise BrokenBody("not a form", where="body", next_step=_NEXT) from error
    return _known(dict(pairs))


def _known(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in _FIELDS if name in fields}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)[:4000]
