"""Measures over many incidents: known and unknown apart, drills apart, each in its own direction."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hemostat.audit.replay.sources import incidents_under
from hemostat.audit.report.metrics import COUNTS, Metrics, nine_in_ten, prometheus, summarised


def many(*seconds: float | None, drill: bool = False) -> list[Metrics]:
    opened = datetime(2026, 11, 1, tzinfo=UTC)
    times: dict[str, Any] = dict.fromkeys(("mttd", "mtta", "commanded", "mttr", "open", "decision"))
    return [
        Metrics(
            f"i-{n}", "feedback-poisoning", drill, opened + timedelta(hours=n),
            {**times, "ttc": value}, {"first_try": 1.0, "evidence": None, "clocks": None},
            dict.fromkeys(COUNTS, 0), {},
        )
        for n, value in enumerate(seconds)
    ]  # fmt: skip


def test_a_summary_counts_what_is_known_and_what_is_not() -> None:
    found = {s.name: s for s in summarised(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 100, None))}
    assert (found["ttc"].n, found["ttc"].unknown) == (10, 1)
    assert (found["ttc"].median, found["ttc"].p90) == (5.5, 9)
    assert (found["mttd"].n, found["mttd"].median) == (0, None)


def test_nine_of_ten_keep_to_at_most_a_time_and_at_least_a_share() -> None:
    some = many(*range(1, 11))
    shares = [
        dataclasses.replace(m, shares={**m.shares, "first_try": n / 10})
        for n, m in enumerate(some, 1)
    ]
    found = {s.name: s for s in summarised(shares)}
    assert nine_in_ten(found["ttc"]) == "≤ 9.0 s"
    assert nine_in_ten(found["first_try"]) == "≥ 10%"
    assert nine_in_ten(found["clocks"]) == "-"


def test_the_trust_file_beside_a_drills_pack_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "drill.zip").touch()
    (tmp_path / "drill.zip.trust.json").write_text("{}")
    assert incidents_under(tmp_path) == [tmp_path / "drill.zip"]


def test_prometheus_text_keeps_drills_apart() -> None:
    text = prometheus([*many(10, 20), *many(1, drill=True)])
    family = "hemostat_incident_time_to_containment_proven_seconds"
    assert f'{family}{{playbook="feedback-poisoning",drill="false",quantile="0.5"}} 15' in text
    assert f'{family}_count{{playbook="feedback-poisoning",drill="true"}} 1' in text
    assert text.endswith("\n")
