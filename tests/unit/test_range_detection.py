"""The monitor's trigger and confirmations, at the numbers of the playbook."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hemostat.drill.range.poisoning.detection import (
    Label,
    Signals,
    Stream,
    content,
    observe_stream,
    relative_rise,
    triggered,
)

NOW = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
WINDOW = timedelta(seconds=10)
QUIET = Stream(labels=7, volume_ratio=1.0, top_share=0.14, young_share=0.0, near_duplicates=0.0)
POISONED = Signals(
    n=600,
    negative_share=0.31,
    base_share=0.20,
    probe_drop=0.02,
    probe_flips=0.085,
    shadow_share=0.205,
    shadow_disagreement=0.16,
    stream=QUIET,
)


def test_a_rise_by_half_on_five_hundred_texts_triggers() -> None:
    assert triggered(0.31, 0.20, 500)


def test_the_same_rise_on_thirty_texts_is_noise() -> None:
    assert not triggered(0.31, 0.20, 30)
    assert not triggered(0.95, 0.20, 30)
    assert not triggered(0.31, 0.20, 499)


def test_forty_percent_is_relative_and_has_to_be_exceeded() -> None:
    assert not triggered(0.2799, 0.20, 4182)
    assert triggered(0.2801, 0.20, 4182)
    assert not triggered(0.59, 0.50, 4182)


@pytest.mark.parametrize(("n", "expected"), [(500, False), (2000, True)])
def test_below_a_base_of_a_fifth_it_takes_four_sigmas(n: int, *, expected: bool) -> None:
    assert triggered(0.0705, 0.05, n) is expected


def test_a_rare_base_on_thirty_texts_never_triggers() -> None:
    assert not triggered(0.5, 0.05, 30)


def test_a_rise_over_nothing_is_infinite_and_does_not_trigger() -> None:
    assert relative_rise(0.1, 0.0) == math.inf
    assert relative_rise(0.0, 0.0) == 0.0
    assert not triggered(0.1, 0.0, 5000)


def test_the_playbooks_sample_alert_fires_on_probe_flips_and_shadow() -> None:
    assert POISONED.confirmations() == ["probe", "shadow"]
    assert POISONED.firing()


def test_one_confirmation_is_not_enough() -> None:
    alone = replace(POISONED, shadow_disagreement=0.14)
    assert alone.confirmations() == ["probe"]
    assert not alone.firing()


def test_confirmations_without_a_rise_do_not_fire() -> None:
    assert not replace(POISONED, negative_share=0.21).firing()


def test_a_shadow_that_rises_too_is_told_as_a_number_not_hidden() -> None:
    news = replace(
        POISONED, probe_flips=0.0, probe_drop=0.0, shadow_share=0.30, shadow_disagreement=0.01
    )
    assert news.confirmations() == []
    assert news.world_changed()
    assert news.firing()
    assert news.shadow_agrees == pytest.approx(0.99)
    assert news.shadow_rise == pytest.approx(0.5)


def label(account: str, text: str, *, age: timedelta = timedelta(days=300)) -> Label:
    return Label(NOW, account, NOW - age, text)


def test_an_empty_stream_has_no_indicator() -> None:
    assert observe_stream([], WINDOW, 1.0).indicators() == []


def test_a_few_labels_say_nothing_however_odd() -> None:
    odd = [label("one", "The lid is great", age=timedelta(0)) for _ in range(29)]
    assert observe_stream(odd, WINDOW, 0.5).indicators() == []


def test_honest_volume_has_no_indicator() -> None:
    honest = [label(f"m{n}", f"The {'abcdefghij'[n % 10] * 5} {'lid' * n}") for n in range(40)]
    assert observe_stream(honest, WINDOW, 4.0).indicators() == []


def test_many_labels_of_young_accounts_with_like_texts_stand_out() -> None:
    texts = ["The strap is great", "the STRAP is great!!", "so The strap is great 17"]
    flood = [label(f"g{n}", texts[n % 3], age=timedelta(hours=1)) for n in range(60)]
    stream = observe_stream(flood, WINDOW, 1.0)
    assert stream.indicators() == ["volume", "young-accounts", "near-duplicates"]
    assert stream.volume_ratio == pytest.approx(6.0)


def test_one_account_that_sends_a_third_stands_out() -> None:
    texts = [f"The {'abcdefghijklmnopqrstuvwxyz'[n % 26] * (4 + n // 26)}" for n in range(60)]
    mixed = [label("loud" if n % 3 == 0 else f"m{n}", text) for n, text in enumerate(texts)]
    assert observe_stream(mixed, WINDOW, 6.0).indicators() == ["top-accounts"]


def test_the_content_of_a_text_is_what_a_spammer_does_not_change() -> None:
    assert content("The strap is GREAT, really!! 17") == content("so the Strap is great really")
    assert content("The strap is great") != content("The strap is awful")
