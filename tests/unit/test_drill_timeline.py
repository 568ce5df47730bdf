"""The timeline of a drill: what is drawn is what was measured, and the picture fetches nothing."""

import io
import re
from datetime import UTC, datetime, timedelta

from rich.console import Console

from hemostat.drill.poisoning.timeline import poisoning
from hemostat.drill.report import ATTACK_BEGINS, Numbers, Report, Sample
from hemostat.drill.timeline import draw, picture

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


def sample(second: int, negative: float, feedback: int = 201) -> Sample:
    return Sample(START + timedelta(seconds=second), negative, 1 - negative, 200, feedback, ("3",))


def report(*, held: bool = True) -> Report:
    told = Report("feedback-poisoning", responded=True)
    told.samples = [sample(s, 0.3 if s < 10 else 0.8, 201 if s < 20 else 503) for s in range(30)]
    told.numbers = {"before": Numbers.of(told.samples[:5]), "after": Numbers.of(told.samples[-3:])}
    told.note(START + timedelta(seconds=5), ATTACK_BEGINS, "attacker")
    told.claim("both routes answer again", held, "200 and 503")
    return told


def drawn(told: Report) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(draw(told, poisoning))
    return console.export_text()


def test_a_claim_that_did_not_hold_is_said_twice() -> None:
    text = drawn(report(held=False))
    assert text.count("NOT HELD") == 2
    assert "all held" not in text


def test_a_drill_without_claims_has_not_held() -> None:
    assert not Report("feedback-poisoning", responded=True).held


def test_the_picture_names_no_host() -> None:
    assert re.findall(r"url\((?!#)", picture(report(), poisoning)) == []
    assert "@font-face" not in picture(report(), poisoning)


def test_numbers_are_those_of_the_samples() -> None:
    text = drawn(report())
    assert "30.0%" in text
    assert "80.0%" in text
    assert "503" in text
