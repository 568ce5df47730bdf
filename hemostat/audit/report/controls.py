"""Which controls an incident shows at work, by entries, in three frameworks.

The mapping is the project's own reading (ISO/IEC 42001 Annex A by secondary lists of titles; NIST
CSF 2.0 as SP 800-61r3 profiles it; NIST AI RMF 1.0). It says which artefact speaks to a control,
never that a control is met: that is an auditor's to judge.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hemostat.audit.account.account import Account
from schemas.journal import Entry, Kind


@dataclass(frozen=True)
class Control:
    """One artefact, the controls it speaks to, and the entries of this incident that show it."""

    artefact: str
    iso42001: str
    csf: str
    ai_rmf: str
    entries: Sequence[Entry]


_Find = Callable[[Account], Sequence[Entry]]


def _kinds(*kinds: Kind) -> _Find:
    return lambda account: [e for e in account.record.entries if e.kind in kinds]


def _proofs(account: Account) -> Sequence[Entry]:
    wanted = {step.id for step in account.containing}
    return [e for e in account.of(Kind.PROOF) if e.step in wanted]


def _recovery(account: Account) -> Sequence[Entry]:
    wanted = {s.id for s in account.steps.values() if s.step_class == "restore"}
    return [e for e in account.of(Kind.PROOF) if e.step in wanted]


def _provenance(account: Account) -> Sequence[Entry]:
    named = ("dataset_digest", "first_suspicious_at")
    return [e for e in account.of(Kind.EFFECT) if any(name in e.data for name in named)]


def _told(account: Account) -> Sequence[Entry]:
    return [e for e in account.of(Kind.EVIDENCE) if "receipt" in e.data]


_TABLE: Final[tuple[tuple[str, str, str, str, _Find], ...]] = (
    ("roster and gates", "A.3.2", "GV.RR", "GOVERN 2.1", _kinds(Kind.GATE, Kind.DECISION)),
    ("intake of alerts", "A.3.3, A.8.3", "RS.MA-02", "MANAGE 4.1", _kinds(Kind.ALERT)),
    ("journal and history", "A.6.2.8", "RS.AN-06, RS.AN-07", "MEASURE 2.8", _kinds(Kind.OPENED, Kind.EVIDENCE)),
    ("monitoring that triggers", "A.6.2.6", "DE.AE", "MEASURE 2.4", _kinds(Kind.ALERT, Kind.RULE)),
    ("containment and its proof", "A.6.2.6", "RS.MI-01", "MANAGE 2.4", _proofs),
    ("provenance of data", "A.7.5", "ID.AM-07", "MAP 4.1", _provenance),
    ("incident communication", "A.8.4", "RS.CO-02, RS.CO-03", "MANAGE 4.3", _told),
    ("recovery", "A.6.2.6", "RC.RP", "MANAGE 2.3", _recovery),
    ("legal duties", "A.8.5", "GV.OC-03", "GOVERN 1.1", _kinds(Kind.CLOCK)),
)  # fmt: skip


def controls_of(account: Account) -> list[Control]:
    """Return every control of the table, with what shows it here; no entry: not exercised."""
    return [
        Control(artefact, iso, csf, ai_rmf, find(account))
        for artefact, iso, csf, ai_rmf, find in _TABLE
    ]
