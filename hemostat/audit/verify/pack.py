"""Verifies one pack from its form to what people said, and answers in words."""

from collections.abc import Callable
from pathlib import Path

from hemostat.audit.pack.reader import BrokenPack, Pack
from hemostat.audit.verify.findings import Findings, Verdict
from hemostat.audit.verify.form import check_members, told
from hemostat.audit.verify.history import Seen, check_histories
from hemostat.audit.verify.journal import (
    check_decisions,
    check_evidence,
    check_journal,
    check_result,
    check_sealed,
)
from hemostat.audit.verify.register import check_register
from hemostat.audit.verify.signatures import Signed, check_checkpoints
from hemostat.audit.verify.stamps import check_stamps
from hemostat.audit.verify.statements import check_said
from schemas.audit.manifest import Manifest
from schemas.audit.trust import Trust
from schemas.journal import Entry


def verify_pack(path: Path, trust: Trust) -> Verdict:
    """Return the verdict on the pack at *path*; never raises for what the file holds."""
    findings, pack, manifest, seen, size = Findings(), None, None, Seen(), 0
    try:
        size = path.stat().st_size
        pack = Pack.open(path)
        manifest = pack.manifest
    except BrokenPack as error:
        findings.check("the form of the pack", _broken(findings, error))
    except OSError as error:
        findings.add("pack-unreadable", path.name, f"the file cannot be read ({error.strerror})")
    if pack is not None and manifest is not None:
        try:
            _verify(pack, manifest, Signed(trust), findings, seen)
        except BrokenPack as error:
            findings.check("reading the pack", _broken(findings, error))
    return Verdict(
        pack=path.name,
        incident=manifest.incident if manifest else "",
        first_run=manifest.first_run if manifest else "",
        held=not findings.found,
        closed=bool(manifest and manifest.closed),
        checks=tuple(findings.checks),
        findings=tuple(findings.found),
        notes=tuple(findings.notes),
        registered=tuple(findings.registered),
        events=seen.events,
        size=size,
    )


def _broken(findings: Findings, error: BrokenPack) -> Callable[[], str | None]:
    def say() -> str | None:
        told(findings, error)
        return None

    return say


def _verify(pack: Pack, manifest: Manifest, signed: Signed, findings: Findings, seen: Seen) -> None:
    check = findings.check
    check("the form of the pack", lambda: check_members(pack, manifest, findings))
    held = list(pack.checkpoints())
    check("timestamps from outside", lambda: check_stamps(pack, held, signed, findings))
    check("signatures", lambda: check_checkpoints(held, manifest, signed, findings))
    if not held:
        return
    bodies = [envelope.body for envelope in held]
    entries: list[Entry] = []
    check("the history", lambda: check_histories(pack, manifest, held, findings, seen))
    check("the parts sealed at the close", lambda: check_sealed(pack, bodies[-1], findings))
    check("who read it", lambda: _check_reads(pack, manifest, findings))
    check("the journal", lambda: check_journal(pack, manifest, bodies, findings, entries))
    check("the result", lambda: check_result(seen.result, entries, findings))
    check("decisions", lambda: check_decisions(pack, entries, findings))
    check("who said what", lambda: check_said(manifest, entries, seen, findings))
    check("evidence", lambda: check_evidence(pack, entries, findings))
    check("the register", lambda: check_register(pack, manifest, held, signed, findings))
    findings.notes += [f"declared gap: {gap}" for gap in bodies[-1].gaps]


def _check_reads(pack: Pack, manifest: Manifest, findings: Findings) -> str | None:
    reads = pack.reads()
    if reads is None:
        return None
    if any(read.incident != manifest.incident for read in reads):
        findings.add("sealed-other", "reads.jsonl", "it tells of reads of another incident")
    return f"{len(reads)} reads, as the close sealed them"
