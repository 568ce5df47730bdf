from datetime import UTC, datetime, timedelta

import pytest

from activities.parts.feedback_survey import Feedback, Survey, content_words

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def row(
    number: int = 1,
    *,
    ago: timedelta = timedelta(hours=1),
    account: str = "member",
    age: timedelta | None = timedelta(days=100),
    text: str = "",
) -> Feedback:
    at = NOW - ago
    created = None if age is None else at - age
    return Feedback(
        id=number, at=at, account=account, account_created_at=created, text=text or f"text{number}"
    )


def survey() -> Survey:
    return Survey(NOW - timedelta(hours=24), WEEK)


def test_nothing_at_all_has_no_marks() -> None:
    result = survey().result()
    assert (result.rows, result.accounts, result.volume_ratio) == (0, 0, None)
    assert result.first_suspicious_at is None


def test_the_volume_is_compared_with_the_window_before() -> None:
    counted = survey()
    for number in range(30):
        counted.add(row(number))
    for number in range(10):
        counted.add(row(number, ago=timedelta(hours=30)))
    assert counted.result().rows == 30
    assert counted.result().volume_ratio == pytest.approx(3.0)


def test_young_accounts_are_counted_and_the_first_of_them_dates_the_onset() -> None:
    counted = survey()
    counted.add(row(1))
    counted.add(row(2, age=timedelta(days=6), ago=timedelta(hours=2)))
    counted.add(row(3, age=None, ago=timedelta(hours=3)))  # of unknown age
    counted.add(row(4, age=timedelta(days=1), ago=timedelta(hours=30)))  # before the window
    result = counted.result()
    assert result.suspicious_rows == 2
    assert result.young_share == pytest.approx(2 / 3)
    assert result.first_suspicious_at == NOW - timedelta(hours=30)


def test_an_onset_needs_something_suspicious_in_the_window() -> None:
    counted = survey()
    counted.add(row(1))
    counted.add(row(2, age=timedelta(days=1), ago=timedelta(hours=30)))
    assert counted.result().first_suspicious_at is None


def test_the_busiest_hundredth_of_the_accounts_is_at_least_one() -> None:
    counted = survey()
    for number in range(40):
        counted.add(row(number, account="busy" if number < 10 else f"member-{number}"))
    assert counted.result().accounts == 31
    assert counted.result().top_share == pytest.approx(10 / 40)


@pytest.mark.parametrize(
    "variant",
    [
        "the CABLE is crisp, and handy!!",
        "so: handy and crisp is the cable 77",
        "The ca\u00adble is crisp and handy".replace("\u00ad", ""),
        "The \uff43able is crisp and handy ok",  # full-width c
    ],
)
def test_a_text_is_the_same_in_another_dress(variant: str) -> None:
    assert content_words(variant) == content_words("The cable is crisp and handy.")


def test_near_duplicates_are_those_after_the_first_and_empty_texts_are_none() -> None:
    counted = survey()
    for number, text in enumerate(
        ["A fine cable", "a FINE cable!", "hm", "hm", "ok 7", "A bad hinge"]
    ):
        counted.add(row(number, text=text))
    assert counted.result().near_duplicate_share == pytest.approx(1 / 6)


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    assert content_words("broken \ud800 half")
