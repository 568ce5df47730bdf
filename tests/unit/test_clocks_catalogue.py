"""The catalogue is read whole or refused whole, and says which clock is wrong and how."""

from importlib.resources import files

import pytest

from schemas.canonical import digest_bytes
from schemas.clocks.catalogue import catalogue, parse_catalogue
from schemas.clocks.states import ClockState
from schemas.errors import ConfigurationError

TEXT = files("schemas.clocks").joinpath("clocks.yaml").read_text("utf-8")


def problem(before: str, after: str) -> str:
    assert before in TEXT
    with pytest.raises(ConfigurationError) as caught:
        parse_catalogue(TEXT.replace(before, after, 1).encode())
    return str(caught.value)


def test_the_catalogue_says_that_it_is_no_legal_advice() -> None:
    assert "NOT legal advice" in TEXT.splitlines()[0]
    assert len(catalogue().clocks) == 40
    assert catalogue().digest == digest_bytes(TEXT.encode())


def test_its_states_are_ours() -> None:
    assert set(catalogue().states) == set(ClockState)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("initial_incomplete_ok: true", "initial_ok: true", "gdpr-33 initial_ok: extra inputs"),
        ("anchor: filed(nis2-23-4b)", "anchor: filed(nis2-4b)", "'nis2-4b', which is not there"),
        ("anchor: controller_aware", "anchor: whenever", "gdpr-33: no known fact: 'whenever'"),
        ("anchor: controller_aware", 'anchor: "max(a, b)"', "gdpr-33: no anchor"),
        ("anchor: filed(nis2-23-4b)", "anchor: filed(nis2-23-4d)", "it waits for itself"),
        ("same_as: hipaa-404", "same_as: hipaa-999", "'hipaa-999', which is not there"),
        ("excludes: [aia-73-3, aia-73-4]", "excludes: [aia-73-9]", "'aia-73-9'"),
        ("}, counting: hours", "}, counting: fortnights", "no known counting: 'fortnights'"),
        ("}, counting: hours", "}, counting: cal_days", "cal_days does not count h"),
        ("period: {n: 72, unit: h}", "period: {n: -1, unit: h}", "greater than or equal to 0"),
        ("id: gdpr-34", "id: gdpr-33", "two clocks have the same id"),
        ("kind: hold", "kind: clock", "a hold, and nothing else"),
        ("version: 1", "version: [", "clocks.yaml:"),
        ("version: 1", "edition: 1", "version: field required"),
    ],
)
def test_a_mistake_is_named_with_its_clock(before: str, after: str, said: str) -> None:
    assert said in problem(before, after)


def test_all_mistakes_are_told_at_once() -> None:
    text = TEXT.replace("filed(nis2-23-4b)", "filed(x)").replace("filed(dora-initial)", "filed(y)")
    with pytest.raises(ConfigurationError, match=r"'x'.*'y'"):
        parse_catalogue(text.encode())


@pytest.mark.parametrize("content", [b"", b"- a list", b"\xff\xfe\x00", b"a: &x [*x]"])
def test_what_is_no_catalogue_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_catalogue(content)


def test_a_regime_is_the_beginning_of_its_clocks_names() -> None:
    basis = catalogue().basis(["nis2", "gdpr-33"])
    assert basis is not None
    assert [clock.id for clock in basis.clocks] == [
        "gdpr-33",
        "gdpr-33-2",
        "nis2-23-4a",
        "nis2-23-4b",
        "nis2-23-4d",
    ]
    assert basis.catalogue == catalogue().digest


def test_a_chained_clock_brings_along_what_it_hangs_on() -> None:
    basis = catalogue().basis(["dora-final", "hipaa-408b"])
    assert basis is not None
    assert {c.id for c in basis.clocks} == {
        "dora-initial",
        "dora-intermediate",
        "dora-final",
        "hipaa-404",
        "hipaa-408b",
    }


def test_no_regimes_are_no_clocks_and_an_unknown_one_is_named() -> None:
    assert catalogue().basis([]) is None
    with pytest.raises(ConfigurationError, match="'gdp'"):
        catalogue().basis(["gdp"])
