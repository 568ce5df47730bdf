"""A witness session: what is a refusal of it, and what tells nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from activities.parts.aws_witness import Witness
from schemas.errors import SystemRefused

HELD = {
    "access_key_id": "ASIA1",
    "secret_access_key": "s3cret",
    "session_token": "t0ken",
    "bucket": "documents",
}


class Bucket:
    """Answers with one error code, or well."""

    def __init__(self, code: str, status: int) -> None:
        self.code, self.status = code, status

    def list_objects_v2(self, **_: Any) -> None:
        if self.code:
            answer: Any = {
                "Error": {"Code": self.code},
                "ResponseMetadata": {"HTTPStatusCode": self.status},
            }
            raise ClientError(answer, "ListObjectsV2")

    def close(self) -> None:
        pass


def witness(tmp_path: Path, content: str = json.dumps(HELD)) -> Witness:
    (tmp_path / "witness").write_text(content)
    return Witness("p-1", f"file:{tmp_path / 'witness'}")


@pytest.mark.parametrize(
    ("code", "status", "accepted"),
    [
        ("", 200, True),
        ("AccessDenied", 403, False),
        ("InvalidAccessKeyId", 403, False),
        ("ExpiredToken", 400, None),  # it would have ended anyway
        ("NoSuchBucket", 404, None),
        ("PermanentRedirect", 301, None),
        ("RequestTimeTooSkewed", 403, None),
        ("SignatureDoesNotMatch", 403, None),
    ],
)
def test_only_a_refusal_is_a_refusal(
    tmp_path: Path, code: str, status: int, accepted: bool | None
) -> None:
    held = witness(tmp_path)
    assert held.accepted(lambda *_: Bucket(code, status)) is accepted
    problem = held.problem(lambda *_: Bucket(code, status))
    assert (problem is None) is (accepted is True)
    assert problem is None or "Next: put a fresh session in its place." in problem


def test_an_error_of_the_cloud_is_raised_and_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(ClientError):
        witness(tmp_path).accepted(lambda *_: Bucket("InternalError", 500))


@pytest.mark.parametrize("content", ["{", "[]", '{"access_key_id": "s3cret"}', "null"])
def test_one_that_is_not_readable_says_what_it_is_made_of_and_nothing_of_what_it_held(
    tmp_path: Path, content: str
) -> None:
    with pytest.raises(SystemRefused, match="access_key_id, secret_access_key") as caught:
        witness(tmp_path, content)
    assert "s3cret" not in str(caught.value)
