"""What people said: each thing that counted is in the history as a signal, signed where it had to be."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from hemostat.audit.account.words import counted
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.history import Seen, Signal
from hemostat.audit.verify.sayings import SAYINGS, differs, id_of, is_said, read_as, signal_of
from schemas.audit.manifest import Manifest
from schemas.journal import Entry, Kind
from schemas.signed_statement import Heard, Place, verify
from schemas.speakers import SpeakerKeys


def check_said(
    manifest: Manifest, entries: Sequence[Entry], seen: Seen, findings: Findings
) -> str | None:
    """Compare what people said and what counted with the signals that carried it."""
    counted_ = [entry for entry in entries if is_said(entry)]
    if not counted_:
        return None
    # By the opening alone: anybody may send a signal that cannot be read, and it takes nothing away.
    if seen.opening is None:
        findings.notes.append("signals are encrypted: who said what rests on the journal alone")
        return None
    keys = _keys(seen.opening)
    signed = _hear(manifest, seen.signals, keys) if keys is not None else None
    spoken = _by_id(seen.signals)
    for entry in counted_:
        _check_one(entry, spoken.get((signal_of(entry), id_of(entry)), []), signed, findings)
    proven = ", each signed by a key that the incident trusts" if keys is not None else ""
    if keys is None:
        findings.notes.append("people were not asked to sign: who decided rests on Temporal's word")
    return f"{_told(counted_)} said as signals in the history{proven}"


def _told(said: Sequence[Entry]) -> str:
    legal = sum(entry.kind is Kind.CLOCK for entry in said)
    told = counted(len(said) - legal, "decision was", "decisions were")
    if not legal:
        return told
    return f"{counted(len(said) - legal, 'decision')} and {counted(legal, 'determination')} were"


def _by_id(signals: Sequence[Signal]) -> dict[tuple[str, str | None], list[Signal]]:
    spoken: dict[tuple[str, str | None], list[Signal]] = {}
    for signal in signals:
        if signal.name in SAYINGS and isinstance(signal.said, Mapping):
            id_ = signal.said.get(SAYINGS[signal.name].id)
            if isinstance(id_, str):
                spoken.setdefault((signal.name, id_), []).append(signal)
    return spoken


def _check_one(
    entry: Entry, said: Sequence[Signal], signed: "_Proofs | None", findings: Findings
) -> None:
    """Find among the signals under an id the one that counted.

    Anybody may send what was said once more, or another thing under its id: the incident refuses
    it, and what had counted counts.
    """
    where = f"journal entry {entry.seq}"
    alike = [signal for signal in said if not _differs(entry, signal)]
    if not said:
        findings.add("decision-not-said", where, "no signal in the history says this")
    elif not alike:
        signal, name = said[0], _differs(entry, said[0])
        what = f"the signal, event {signal.event} of run {signal.run}, has another {name}"
        findings.add("decision-other", where, what)
    elif signed is not None and all(map(signed.why_not, alike)):
        why = signed.why_not(alike[0])
        findings.add("statement-not-held", where, f"its signature does not count: {why}")


def _differs(entry: Entry, signal: Signal) -> str:
    """Which field of the signal is another one than the journal's; "" if they are alike."""
    said = read_as(signal.name, signal.said)
    return "form" if said is None else differs(entry, signal.name, said)


class _Proofs:
    """Which signals are proven to be by whom they name."""

    def __init__(self) -> None:
        self._why: dict[tuple[int, int], str | None] = {}

    def note(self, signal: Signal, why: str | None) -> None:
        """Keep why *signal* is not proven; None: it is."""
        self._why[signal.run, signal.event] = why

    def why_not(self, signal: Signal) -> str | None:
        """Why *signal* is not proven, or None."""
        return self._why.get((signal.run, signal.event), "malformed")


def _hear(manifest: Manifest, signals: Sequence[Signal], keys: SpeakerKeys) -> _Proofs:
    """Hear all signals in order, as the incident did: keys are learnt on the way."""
    proofs, spent = _Proofs(), set[str]()
    for signal in signals:
        if signal.name not in SAYINGS:
            continue
        said = read_as(signal.name, signal.said)
        if said is None:
            continue
        place = Place(manifest.incident, manifest.first_run, signal.name)
        envelope = getattr(said, "statement", None)
        heard = verify(envelope, said, place, keys, signal.at, spent)
        if isinstance(heard, Heard):
            keys = heard.keys
            spent.add(heard.statement.id)
            proofs.note(signal, None)
        else:
            proofs.note(signal, heard.value)
    return proofs


def _keys(opening: Any) -> SpeakerKeys | None:
    given = opening.get("speakers") if isinstance(opening, Mapping) else None
    if given is None:
        return None
    try:
        return SpeakerKeys.model_validate(given)
    except ValidationError:
        return None
