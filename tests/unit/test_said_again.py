"""A record holds also where somebody sent more to the incident than it took up."""

from collections.abc import Sequence

from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.history import Seen, Signal
from hemostat.audit.verify.statements import check_said
from schemas.audit.manifest import Manifest
from schemas.canonical import canonical_json
from schemas.gate import Decision
from schemas.journal import Journal, Kind
from tests.unit.test_signed_statement import DECISION, HERE, KEYS, NOW, SEALED

MANIFEST = Manifest(
    incident=HERE.incident,
    first_run=HERE.run,
    playbook="feedback-poisoning",
    drill=True,
    opened_at="2026-11-22T08:00:00.000000Z",
    closed=True,
    runs=(),
    members=(),
)
SIGNED = DECISION.model_copy(update={"statement": SEALED})
FORGED = DECISION.model_copy(update={"actor": "somebody-else", "statement": SEALED})
UNSIGNED = DECISION.model_copy(update={"statement": None})


def found(*said: Decision, counted: Decision = SIGNED) -> Sequence[str]:
    journal, findings = Journal(), Findings()
    data = counted.model_dump(mode="json", exclude={"decision_id", "nonce"})
    journal.add(
        at=NOW, kind=Kind.DECISION, says="approved", data={**data, "decision": DECISION.decision_id}
    )
    signals = [
        Signal("decide", event, 1, NOW, canonical_json(one)) for event, one in enumerate(said, 5)
    ]
    seen = Seen(input=canonical_json({"speakers": KEYS.model_dump(mode="json")}), signals=signals)
    check_said(MANIFEST, journal.entries, seen, findings)
    return [finding.code for finding in findings.found]


def test_a_decision_sent_twice_is_the_one_that_counted() -> None:
    assert found(SIGNED, SIGNED) == []


def test_nobody_breaks_a_record_by_sending_something_else_under_the_id_of_a_decision() -> None:
    assert found(SIGNED, FORGED, UNSIGNED) == []
    assert found(FORGED, UNSIGNED, SIGNED) == []


def test_a_decision_that_only_a_forgery_says_is_not_that_persons() -> None:
    assert found(FORGED) == ["decision-other"]
    assert found(UNSIGNED) == ["statement-not-held"]
    assert found(FORGED, counted=FORGED) == ["statement-not-held"]
    assert found() == ["decision-not-said"]


def test_a_signal_that_nobody_can_read_does_not_keep_decisions_from_being_checked() -> None:
    journal, findings = Journal(), Findings()
    data = {**SIGNED.model_dump(mode="json", exclude={"decision_id", "nonce"}), "decision": "d-1"}
    journal.add(at=NOW, kind=Kind.DECISION, says="approved", data=data)
    unreadable = Signal("whatever", 4, 1, NOW, None)
    seen = Seen(
        input=canonical_json({"speakers": KEYS.model_dump(mode="json")}), signals=[unreadable]
    )
    check_said(MANIFEST, journal.entries, seen, findings)
    assert [finding.code for finding in findings.found] == ["decision-not-said"]
