"""What a person is told when their words did not prove to be theirs: what would help."""

import pytest

from hemostat.desk.answers import answer_to
from hemostat.desk.said import Taken
from schemas.gate import Refusal
from schemas.journal import Entry, Kind
from schemas.signed_statement import Unproven


@pytest.mark.parametrize(
    ("because", "helps"),
    [
        (Unproven.FROM_THE_FUTURE, "is ahead of Temporal's. Set it right"),
        (Unproven.TOO_OLD, "the clock of what signs it is behind"),
        (Unproven.UNKNOWN_KEY, "`hemostat keys rotate`"),
        (Unproven.BAD_SIGNATURE, "Sign in again."),
    ],
)
def test_a_wrong_clock_and_a_strange_key_are_told_as_such(because: Unproven, helps: str) -> None:
    entry = Entry(
        seq=1,
        step=None,
        at="2026-11-23T09:00:00.000000Z",
        kind=Kind.REFUSED,
        says=f"Not proven to be a person's: {because.value}",
        data={"refusal": Refusal.UNAUTHENTICATED.value, "because": because.value},
        prev="sha256:" + "0" * 64,
        digest="sha256:" + "1" * 64,
    )
    answer = answer_to("d-1", entry)
    assert answer.taken is Taken.REFUSED
    assert helps in answer.says
    assert ("Sign in again" in answer.says) is (because is Unproven.BAD_SIGNATURE)
