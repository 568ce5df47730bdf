"""A drill says how a step was proven, not only that it was."""

from datetime import UTC, datetime

from pydantic import JsonValue

from hemostat.drill.verification import looked_at
from schemas.journal import Journal, Kind

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def observation(check: str, *, held: bool) -> dict[str, JsonValue]:
    return {"check": check, "held": held, "measured": {}}


def test_the_last_looks_are_named_and_no_verdict_is_taken_for_one() -> None:
    journal = Journal()
    for streak, says in ((0, "store"), (3, "canary refused"), (3, "store unchanged")):
        looks: list[JsonValue] = [observation(says, held=streak > 0)]
        journal.add(
            NOW, Kind.PROOF, "look", step="isolate", data={"streak": streak, "observations": looks}
        )
    journal.add(NOW, Kind.PROOF, "isolate: proven", step="isolate", data={"verdict": "proven"})
    assert looked_at(journal.entries, "isolate") == "3 looks in a row: store unchanged"
    assert looked_at(journal.entries, "roll-back") == "no look, by the record"
