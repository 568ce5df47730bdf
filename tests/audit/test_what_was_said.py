"""Whatever a person said and counted is compared with its signal, whichever kind it is of."""

from collections.abc import Sequence
from typing import Any

import pytest

from hemostat.audit.replay.sources import incident_in
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.history import Seen, Signal
from hemostat.audit.verify.sayings import is_said, signal_of
from hemostat.audit.verify.statements import check_said
from schemas.audit.wire import EventType, read_event
from schemas.canonical import canonical_json
from schemas.gate import Withdrawal
from schemas.journal import Entry, Journal, Kind
from tests.audit.accounts import BEFOREHAND, BY_PEOPLE, FILED
from tests.audit.test_explain import account_of
from tests.replay.record import HISTORIES
from tests.unit.test_said_again import MANIFEST
from tests.unit.test_signed_statement import NOW


async def recorded(name: str) -> tuple[list[Entry], Seen]:
    """The journal of a recorded incident, and what its history holds of signals."""
    seen = Seen()
    for run, history in enumerate(incident_in(HISTORIES / name).histories(), 1):
        for raw in history.events:
            event = read_event(raw.SerializeToString(deterministic=True))
            if event.type == EventType.STARTED and run == 1:
                seen.input = event.texts(6)[0]
            elif event.type == EventType.SIGNALED:
                said = next(iter(event.texts(2)), None)
                seen.signals.append(Signal(event.text(1), event.id, run, NOW, said))
    return [*(await account_of(name)).record.entries], seen


def told(entries: Sequence[Entry], seen: Seen) -> list[tuple[str, str]]:
    findings = Findings()
    check_said(MANIFEST, entries, seen, findings)
    return [(found.code, found.where) for found in findings.found]


@pytest.mark.parametrize("name", [BY_PEOPLE, BEFOREHAND, FILED])
async def test_a_record_in_which_people_said_all_there_is_to_say_holds(name: str) -> None:
    entries, seen = await recorded(name)
    assert told(entries, seen) == []


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    (BY_PEOPLE, "decide", {"choice": "reject"}),
    (BY_PEOPLE, "attest", {"actor": "somebody-else"}),
    (BY_PEOPLE, "attest", {"evidence": ["sha256:" + "1" * 64]}),
    (BY_PEOPLE, "grade", {"facts": {}}),
    (BY_PEOPLE, "suspect", {"role": "ciso"}),
    (BY_PEOPLE, "suspect", {"reason": "sha256:" + "1" * 64}),
    (BY_PEOPLE, "break-glass", {"reason": "another"}),
    (BEFOREHAND, "draft", {"text": "sha256:" + "1" * 64}),
    (BEFOREHAND, "determine", {"value": "not-applicable", "reason": "it is nothing"}),
    (FILED, "determine", {"reference": "another receipt"}),
    (FILED, "determine", {"actor": "somebody-else"}),
]


@pytest.mark.parametrize(("name", "signal", "change"), CHANGES)
async def test_what_the_journal_says_otherwise_than_the_signal_is_named(
    name: str, signal: str, change: dict[str, Any]
) -> None:
    entries, seen = await recorded(name)
    at = next(n for n, e in enumerate(entries) if is_said(e) and signal_of(e) == signal)
    entries[at] = entries[at].model_copy(update={"data": {**entries[at].data, **change}})
    assert told(entries, seen) == [("decision-other", f"journal entry {at}")]


@pytest.mark.parametrize(
    ("name", "signal", "named"),
    [(BY_PEOPLE, "decide", "decision"), (FILED, "determine", "determination")],
)
async def test_what_names_no_signal_was_not_said(name: str, signal: str, named: str) -> None:
    entries, seen = await recorded(name)
    at = next(n for n, e in enumerate(entries) if is_said(e) and signal_of(e) == signal)
    data = {field: value for field, value in entries[at].data.items() if field != named}
    entries[at] = entries[at].model_copy(update={"data": data})
    assert told(entries, seen) == [("decision-not-said", f"journal entry {at}")]


def test_a_withdrawal_takes_back_the_approval_that_it_names() -> None:
    said = Withdrawal(
        withdrawal_id="w-1", decision_id="d-1", gate="close", actor="o1", reason="too early"
    )
    seen = Seen(input=b"{}", signals=[Signal("withdraw", 5, 1, NOW, canonical_json(said))])
    for withdraws, codes in (("d-1", []), ("d-2", ["decision-other"])):
        journal = Journal()
        data = {"gate": "close", "actor": "o1", "reason": "too early", "decision": "w-1"}
        journal.add(NOW, Kind.DECISION, "taken back", data={**data, "withdraws": withdraws})
        assert [code for code, _ in told(journal.entries, seen)] == codes
