"""Reports that people write: signed, timed, once; form or JSON; untrusted in every field."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hemostat.gateway.delivery import BrokenBody, Delivery
from hemostat.gateway.signed import Refused, SignedReports, signature
from hemostat.gateway.sources.report import normalise
from hemostat.settings import Settings
from schemas.alert import AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

SECRET = "s1"
NOW = datetime(2026, 11, 22, 21, 40, tzinfo=UTC)
BODY = b'{"claim": "the assistant returns internal snippets", "disclosed": true}'


def headers(
    body: bytes = BODY, *, secret: str = SECRET, who: str = "researcher", at: int = 0
) -> dict[str, str]:
    moment = str(int(NOW.timestamp()) + at)
    return {
        "x-report-reporter": who,
        "x-report-timestamp": moment,
        "x-report-signature": signature(secret, moment, body),
    }


def reports() -> SignedReports:
    return SignedReports("report", {"researcher": SECRET, "other": "s2"})


def delivery(body: bytes, media_type: str = "application/json") -> Delivery:
    return Delivery(
        source="report",
        kind="report",
        body=body,
        received_at=NOW,
        default_severity=AlertSeverity.HIGH,
        auth=Authenticity(scheme="hmac-sha256", key_id="report/researcher"),
        raw=RawRef(digest=digest_bytes(body), size=len(body), media_type=media_type),
    )


def test_a_signed_report_proves_its_reporter() -> None:
    assert reports().verify(headers(), BODY, NOW).key_id == "report/researcher"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        headers(secret="s2"),
        headers(who="stranger"),
        headers(who="stranger", secret=""),
        headers(b"another body"),
        {**headers(), "x-report-timestamp": str(int(NOW.timestamp()) + 1)},
        {**headers(), "x-report-signature": "v1=é"},
    ],
)
def test_what_is_not_signed_by_the_reporter_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused, match="missing or wrong"):
        reports().verify(wrong, BODY, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_of_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(Refused, match="too old"):
        reports().verify(headers(at=seconds), BODY, NOW)


def test_a_replay_is_refused_once_it_was_accepted_and_not_before() -> None:
    known = reports()
    known.verify(headers(), BODY, NOW)
    known.verify(headers(), BODY, NOW)  # the first one was not accepted: 503, sent again
    known.spend(headers(), BODY, NOW)
    with pytest.raises(Refused, match="accepted before"):
        known.verify(headers(), BODY, NOW + timedelta(minutes=4))


def test_spent_signatures_are_forgotten_when_their_time_is_over() -> None:
    known = reports()
    known.spend(headers(), BODY, NOW)
    known.spend(headers(at=1), BODY, NOW + timedelta(hours=1))
    assert len(known._spent) == 1


def test_a_form_and_json_say_the_same() -> None:
    form = b"claim=the+assistant+returns+internal+snippets&disclosed=yes"
    (told,) = normalise(delivery(form, "application/x-www-form-urlencoded; charset=utf-8")).alerts
    (said,) = normalise(delivery(BODY)).alerts
    assert (told.title, told.labels, told.evidence) == (said.title, said.labels, said.evidence)
    assert told.evidence == {"disclosed": 1.0}


def test_the_same_report_is_the_same_delivery_and_another_is_not() -> None:
    first, again = normalise(delivery(BODY)), normalise(delivery(BODY + b" "))
    other = normalise(delivery(b'{"claim": "something else"}'))
    assert first.delivery_key == again.delivery_key != other.delivery_key


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"claim": "  "}', b'{"claim": null}', b"\xff", b"{" * 5000]
)
def test_what_claims_nothing_is_refused_in_our_words(body: bytes) -> None:
    with pytest.raises(BrokenBody):
        normalise(delivery(body))


def test_text_is_cut_and_half_characters_are_written_out() -> None:
    claim = json.dumps({"claim": "x" * 5000 + "\ud800", "details": "<b>" * 9000}).encode()
    with pytest.raises(BrokenBody):
        normalise(delivery(claim))  # JSON with half a character is no JSON to us
    whole = json.dumps({"claim": "x" * 5000, "details": "<b>" * 9000}).encode()
    (alert,) = normalise(delivery(whole)).alerts
    assert (len(alert.title), len(alert.description), alert.truncated) == (1024, 16_384, True)


def test_a_source_of_reporters_needs_no_token_and_one_of_nobody_is_refused() -> None:
    good = '[sources.report]\nkind = "report"\nreporters = { researcher = "env:S" }\n'
    assert Settings.parse(good).sources["report"].token == ()
    with pytest.raises(ConfigurationError, match="neither a token nor a reporter"):
        Settings.parse('[sources.report]\nkind = "report"\ntoken = []\n')
