"""The cloud's audit trail: what the keys did is sealed, and what is missing is said."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from activities.credentials_aws import CredentialsAws
from activities.parts.aws_trail import Trail, read_trail
from hemostat.vault import Vault
from schemas.ports.credentials import SealCredentials
from tests.adapters.aws.conftest import Account

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STANDING = {"of data", "of other regions", "of the last minutes"}


async def test_what_a_key_did_is_sealed_without_a_secret_and_the_lacks_are_declared(
    adapter: CredentialsAws, account: Account, tmp_path: Path
) -> None:
    assert account.lists(account.key_id, account.key_secret)
    sealed = await adapter.seal_credentials(
        SealCredentials(incident="inc-1", key="k", principals=(account.principal,))
    )
    (item,) = [item for item in sealed.items if item.name == "cloud audit trail"]
    content = Vault(tmp_path / "vault").read(item.digest).decode()
    trail = json.loads(content)
    assert trail["keys"] == {account.principal: [account.key_id]}
    assert {event["key_id"] for event in trail["events"]} == {account.key_id}
    assert any(event["source"] == "s3.amazonaws.com" for event in trail["events"])
    assert account.key_secret not in content
    assert {gap.name.removeprefix("cloud audit trail ") for gap in sealed.gaps} == STANDING


class CloudTrail:
    """Stands for the vendor's: pages of events by what is looked up, and answers that are none."""

    def __init__(
        self, pages: dict[str, list[list[str]]], fail: list[Exception] | None = None
    ) -> None:
        self._pages = pages
        self.failing = fail or []
        self.asked: list[str] = []

    def lookup_events(self, **request: Any) -> dict[str, Any]:
        """One page, as API reference LookupEvents has it."""
        if self.failing:
            raise self.failing[0]
        (attribute,) = request["LookupAttributes"]
        value = attribute["AttributeValue"]
        self.asked.append(f"{attribute['AttributeKey']} {value}")
        at = int(request.get("NextToken", "0"))
        pages = self._pages.get(value, [[]])
        answer: dict[str, Any] = {"Events": [event(number) for number in pages[at]]}
        if at + 1 < len(pages):
            answer["NextToken"] = str(at + 1)
        return answer


def event(number: str) -> dict[str, Any]:
    return {
        "EventId": number,
        "EventName": "GetSecretValue",
        "EventTime": NOW - timedelta(minutes=int(number)),
        "EventSource": "secretsmanager.amazonaws.com",
        "CloudTrailEvent": '{"eventVersion": "1.08"}',
    }


def refusal(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "LookupEvents")


def read(client: CloudTrail, pause: Callable[[float], None] = lambda _: None) -> Trail:
    keys = {"p-1": ["AKIA1"]}
    since = NOW - timedelta(days=1)
    return read_trail(client, keys, since=since, now=NOW, region="us-east-1", pause=pause)


def lacking(trail: Trail) -> dict[str, str]:
    """What is missing besides what always is."""
    found = {gap.name.removeprefix("cloud audit trail "): gap.reason for gap in trail.gaps}
    assert set(found) >= STANDING
    return {name: reason for name, reason in found.items() if name not in STANDING}


def test_every_page_is_read_by_principal_and_by_key_and_no_event_twice() -> None:
    client = CloudTrail({"p-1": [["3", "5"], ["9"]], "AKIA1": [["3"], ["4"]]})
    trail = read(client)
    assert [e["id"] for e in trail.events] == ["9", "5", "4", "3"]
    assert trail.events[0]["record"] == {"eventVersion": "1.08"}
    assert set(client.asked) == {"Username p-1", "AccessKeyId AKIA1"}
    assert lacking(trail) == {}


def test_a_trail_that_may_not_be_read_is_a_gap_that_says_why() -> None:
    trail = read(CloudTrail({}, [refusal("AccessDeniedException")]))
    assert trail.events == []
    assert lacking(trail)["of AKIA1"] == "CloudTrail: answered AccessDeniedException"


def test_throttling_is_waited_out_and_silence_ends_in_a_gap() -> None:
    pauses: list[float] = []

    def passes(_: float) -> None:
        busy.failing.pop()

    busy = CloudTrail({"AKIA1": [["1"]]}, [refusal("ThrottlingException")] * 3)
    away = CloudTrail({}, [EndpointConnectionError(endpoint_url="https://cloudtrail")])
    told = lacking(read(away, pauses.append))
    assert "did not answer" in told["of AKIA1"]
    assert sum(pauses) <= 20
    trail = read(busy, passes)
    assert [e["id"] for e in trail.events] == ["1"]


def test_a_key_without_an_event_is_said_to_have_none() -> None:
    assert "unused, or not logged" in lacking(read(CloudTrail({})))["of p-1"]


def test_more_than_is_read_is_said_to_be_cut_off() -> None:
    trail = read(CloudTrail({"AKIA1": [[str(n)] for n in range(60)]}))
    assert len(trail.events) == 40
    assert "newest 40 pages" in lacking(trail)["of AKIA1"]
