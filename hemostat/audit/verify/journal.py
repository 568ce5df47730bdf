"""The journal: its chain, the heads that were signed, and what is taken from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from hemostat.audit.account.words import counted
from hemostat.audit.pack.reader import BrokenPack, Pack, decisions_of
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.form import told
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Checkpoint, Outcome, Why
from schemas.audit.manifest import EvidenceList, Kept, Manifest, Missing
from schemas.audit.strict import is_same
from schemas.base import Digest
from schemas.journal import GENESIS, Entry, Kind


def check_sealed(pack: Pack, last: Checkpoint, findings: Findings) -> str | None:
    """Compare what the close sealed, member by member."""
    for name, digest in last.sealed.items():
        if name not in pack.names:
            findings.add("sealed-missing", name, "the close sealed it and it is not there")
        elif pack.digest(name) != digest:
            findings.add("sealed-changed", name, "it is not what the close sealed")
    open_still = last.why is not Why.CLOSE or last.outcome is Outcome.MISSING
    journal = set() if open_still else {"journal.jsonl"}  # of an open one the heads vouch for it
    loose = (
        journal
        | {"clocks.json", "code.json", "reads.jsonl"}
        | {name for name in pack.names if name.startswith("histories/") and name.endswith(".json")}
    )
    for name in sorted(loose & set(pack.names) - set(last.sealed)):
        findings.add("sealed-never", name, "no checkpoint has ever sealed it")
    return f"{len(last.sealed)} parts are those that the close sealed" if last.sealed else None


def check_journal(
    pack: Pack,
    manifest: Manifest,
    checkpoints: Sequence[Checkpoint],
    findings: Findings,
    entries: list[Entry],
) -> str | None:
    """Check the chain, entry by entry, and every head that a checkpoint signed."""
    if "journal.jsonl" not in pack.names:
        return None
    previous = GENESIS
    try:
        for number, (entry, digest) in enumerate(pack.digested_journal()):
            if not _follows(entry, digest, number, previous, findings):
                return ""
            previous = entry.digest
            entries.append(entry)
    except BrokenPack as error:
        told(findings, error)
        return ""
    _check_heads(checkpoints, entries, findings)
    _check_opening(manifest, entries, findings)
    return f"{len(entries)} entries in one chain, each head as it was signed"


def _check_heads(
    checkpoints: Sequence[Checkpoint], entries: Sequence[Entry], findings: Findings
) -> None:
    """Each head that was signed is that of the journal at that length; none is longer or shorter."""
    resets = [body.run.number for body in checkpoints if body.run.link is Link.RESET]
    if resets:
        findings.notes.append("the incident was reset: the journal is that of its last beginning")
    for body in checkpoints:
        if body.journal is None or body.run.number < max(resets, default=1):
            continue
        length, where = body.journal.length, f"checkpoint {body.seq}"
        if length > len(entries):
            what = f"it sealed {length} entries and {len(entries)} are there"
            findings.add("journal-cut", where, what)
        elif (entries[length - 1].digest if length else GENESIS) != body.journal.head:
            what = f"entry {length - 1} is not the one that it sealed"
            findings.add("journal-head", where, what)
    longest = max((body.journal.length for body in checkpoints if body.journal), default=0)
    if len(entries) > longest:
        findings.add("journal-longer", f"journal entry {longest}", "no checkpoint covers it")


def _follows(
    entry: Entry, digest: Digest, number: int, previous: Digest, findings: Findings
) -> bool:
    if entry.seq == number and digest == entry.digest and entry.prev == previous:
        return True
    where = f"journal entry {number}"
    if entry.seq != number:
        code = "journal-doubled" if entry.seq == number - 1 else "journal-missing"
        findings.add(code, where, f"entry {entry.seq} stands there")
    elif digest != entry.digest:
        findings.add("journal-entry", where, "its content does not match its digest")
    else:
        findings.add("journal-link", where, "it does not follow the entry before it")
    return False


def _check_opening(manifest: Manifest, entries: Sequence[Entry], findings: Findings) -> None:
    if not entries or entries[0].kind is not Kind.OPENED:
        findings.add("journal-start", "journal entry 0", "it does not open an incident")
        return
    said = entries[0].data
    expected = {
        "incident": manifest.incident,
        "run": manifest.first_run,
        "playbook": manifest.playbook,
        "drill": manifest.drill,
    }
    if {name: said.get(name) for name in expected} != expected:
        findings.add("journal-other-incident", "journal entry 0", "it opens another incident")


def check_result(result: Any, entries: Sequence[Entry], findings: Findings) -> str | None:
    """Compare the workflow's own result, a sealed event, with the journal."""
    if not isinstance(result, Mapping) or not entries:
        return None
    said = (result.get("journal_length"), result.get("journal_head"))
    if said != (len(entries), entries[-1].digest):
        findings.add("journal-not-the-result", "the last event", "it names another journal")
    return "the incident's own result names this journal"


def check_decisions(pack: Pack, entries: Sequence[Entry], findings: Findings) -> str | None:
    """Compare ``decisions.json`` with the journal, from which it is taken."""
    if "decisions.json" not in pack.names and not entries:
        return None
    try:
        listed = pack.decisions()
    except BrokenPack as error:
        told(findings, error)
        return ""
    expected = decisions_of(list(entries))
    for number, (one, other) in enumerate(zip(listed, expected, strict=False)):
        if not is_same(one, other):
            where = f"decisions.json, number {number}"
            what = f"it is not what journal entry {other['seq']} says"
            findings.add("decision-changed", where, what)
            return ""
    if len(listed) != len(expected):
        what = f"{len(listed)} are listed and the journal has {len(expected)}"
        findings.add("decision-missing", "decisions.json", what)
    said = counted(len(expected), "decision or refusal", "decisions and refusals")
    return f"{said}: those of the journal"


def check_evidence(pack: Pack, entries: Sequence[Entry], findings: Findings) -> str | None:
    """Compare the list of evidence with the journal, and included bytes with their digests."""
    bytes_of = {name for name in pack.names if name.startswith("evidence/")}
    if "evidence.json" not in pack.names:
        for name in sorted(bytes_of):
            findings.add("evidence-unlisted", name, "no list names it")
        return None
    try:
        listed = pack.evidence()
    except BrokenPack as error:
        told(findings, error)
        return ""
    _compare_evidence(listed, entries, findings)
    for kept in listed.items:
        name = f"evidence/{kept.item.digest.removeprefix('sha256:')}"
        if kept.held == "included":
            _check_bytes(pack, name, kept, findings)
            bytes_of.discard(name)
    for name in sorted(bytes_of):
        findings.add("evidence-unlisted", name, "the list does not say that it is included")
    count = dict.fromkeys(("included", "reference", "withheld"), 0)
    for kept in listed.items:
        count[kept.held] += 1
    return (
        f"{len(listed.items)} items as sealed: {count['included']} included, "
        f"{count['reference']} by reference, {count['withheld']} withheld; "
        f"{len(listed.gaps)} declared gaps"
    )


def _check_bytes(pack: Pack, name: str, kept: Kept, findings: Findings) -> None:
    if name not in pack.names:
        findings.add("evidence-missing", name, "it is listed as included and is not there")
    elif pack.digest(name) != kept.item.digest:
        findings.add("evidence-replaced", name, "its bytes are not those that were sealed")
    elif len(pack.content(name)) != kept.item.size:
        findings.add("evidence-changed", name, "the list says that it has another size")


def _seals(entry: Entry, kept: Kept) -> bool:
    """Whether an entry seals an item as listed."""
    if _by_digest_alone(entry):
        return entry.data.get("digest") == kept.item.digest
    sealed = entry.data["item"] if "receipt" in entry.data else dict(entry.data)
    return kept.item.digest == entry.data.get("digest") and is_same(
        kept.item.model_dump(mode="json"), sealed
    )


def _by_digest_alone(entry: Entry) -> bool:
    """Whether it tells of something that was sent as incidents did before they told of the item."""
    return "receipt" in entry.data and "item" not in entry.data


def _compare_evidence(listed: EvidenceList, entries: Sequence[Entry], findings: Findings) -> None:
    sealed = {e.seq: e for e in entries if e.kind is Kind.EVIDENCE}
    first = {str(e.data["digest"]): e for e in reversed(sealed.values()) if "digest" in e.data}
    for kept in listed.items:
        entry = sealed.get(kept.seq)
        if entry is None or not _seals(entry, kept):
            what = f"journal entry {kept.seq} does not seal this"
            findings.add("evidence-changed", f"evidence.json, {kept.item.digest[:19]}", what)
    for digest in sorted(first.keys() - {kept.item.digest for kept in listed.items}):
        what = f"journal entry {first[digest].seq} seals {digest[:19]}, which is not listed"
        findings.add("evidence-dropped", "evidence.json", what)
    seqs = [kept.seq for kept in listed.items]
    if not findings.broken and seqs != sorted(entry.seq for entry in first.values()):
        what = "its items are not each listed once, in the order in which they were sealed"
        findings.add("evidence-changed", "evidence.json", what)
    gaps = tuple(
        Missing(seq=e.seq, says=e.says, reason=str(e.data.get("reason", "")))
        for e in sealed.values()
        if "digest" not in e.data
    )
    if gaps != listed.gaps:
        findings.add("evidence-gaps", "evidence.json", "the gaps are not those of the journal")
    if alone := sum(map(_by_digest_alone, sealed.values())):
        what = counted(alone, "item that was sent is", "items that were sent are")
        findings.notes.append(
            f"{what} bound by digest alone; name, source and time are the vault's word"
        )
