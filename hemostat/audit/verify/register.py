"""The register: this incident is in it, opened and closed as the pack says; and all others are."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hemostat.audit.account.words import counted
from hemostat.audit.pack.reader import BrokenPack, Pack
from hemostat.audit.verify.findings import Findings, Registered, Verdict
from hemostat.audit.verify.form import told
from hemostat.audit.verify.signatures import Signed, check_key
from schemas.audit.checkpoint import Checkpoint, Why
from schemas.audit.manifest import Manifest
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import Envelope, open_envelope
from schemas.audit.strict import NotStrict
from schemas.base import Digest
from schemas.journal import GENESIS


def check_register(
    pack: Pack,
    manifest: Manifest,
    held: Sequence[Envelope[Checkpoint]],
    signed: Signed,
    findings: Findings,
) -> str:
    """Check the entries of this incident that the pack brings along."""
    entries: list[Envelope[RegisterEntry]] = []
    try:
        for envelope in pack.register():
            check_key(envelope, f"register entry {envelope.body.seq}", signed, findings)
            entries.append(envelope)
            registered = Registered(seq=envelope.body.seq, digest=envelope.digest)
            findings.registered.append(registered)
    except BrokenPack as error:
        told(findings, error)
        return ""
    what = [entry.body.what for entry in entries]
    last = held[-1].body
    if what not in ([What.OPENED], [What.OPENED, What.CLOSED]):
        findings.add("register-missing", "register.jsonl", "it does not register this incident")
        return ""
    _check_about(manifest, entries, findings)
    closed = len(entries) == 2
    if closed != manifest.closed:
        findings.add("manifest-wrong", "manifest.json", "the register says otherwise if it closed")
    if last.why is Why.CLOSE and not closed:
        said = "it closes the incident and no entry registers that: the sealer had not come that far, or the entry was taken out; export it again"
        findings.add("register-close", f"checkpoint {last.seq}", said)
    if closed:
        _check_close(entries[1], held, findings)
    elif last.why is not Why.CLOSE:
        said = f"the incident was open at {last.at}; nothing is proven of what came after"
        findings.add("record-open", f"checkpoint {last.seq}", said)
    return "the incident is registered, opened and closed as the pack says"


def _check_about(
    manifest: Manifest, entries: Sequence[Envelope[RegisterEntry]], findings: Findings
) -> None:
    for entry in entries:
        body, where = entry.body, f"register entry {entry.body.seq}"
        if (body.incident, body.first_run) != (manifest.incident, manifest.first_run):
            findings.add("register-other-incident", where, "it is of another incident")
        elif (body.playbook, body.drill, body.opened_at) != (
            manifest.playbook,
            manifest.drill,
            manifest.opened_at,
        ):
            findings.add("manifest-wrong", "manifest.json", f"it is not what {where} says")


def _check_close(
    entry: Envelope[RegisterEntry], held: Sequence[Envelope[Checkpoint]], findings: Findings
) -> None:
    body, last = entry.body, held[-1]
    if body.checkpoints != len(held) or body.last_checkpoint != last.digest:
        what = f"it closed with {body.checkpoints} checkpoints, of which {len(held)} are here"
        findings.add("register-close", f"register entry {body.seq}", what)
    elif body.outcome != last.body.outcome:
        findings.add("register-close", f"register entry {body.seq}", "it closed otherwise")
    if body.outcome == "missing":
        where = f"checkpoint {last.body.seq}"
        findings.add("incident-deleted", where, "the workflow was deleted while it was open")


def read_register(
    lines: bytes, signed: Signed, findings: Findings
) -> list[Envelope[RegisterEntry]]:
    """Check a whole register and return its entries; what breaks it is a finding."""
    entries: list[Envelope[RegisterEntry]] = []
    previous: Any = GENESIS
    for number, line in enumerate(lines.splitlines()):
        where = f"register entry {number}"
        try:
            envelope = open_envelope(KIND, line, RegisterEntry)
        except NotStrict as error:
            findings.add(error.code, where, str(error))
            return entries
        check_key(envelope, where, signed, findings)
        if envelope.body.seq != number:
            findings.add("register-missing", where, f"entry {envelope.body.seq} stands there")
            return entries
        if envelope.body.previous != previous:
            findings.add("register-chain", where, "it does not follow the one before it")
        previous = envelope.digest
        entries.append(envelope)
    return entries


class Given(NamedTuple):
    """What of a verified pack is compared with a whole register; there may be very many."""

    pack: str
    incident: str
    first_run: str
    closed: bool
    registered: tuple[tuple[int, Digest], ...]

    @classmethod
    def of(cls, verdict: Verdict) -> "Given":
        """Take it from the verdict on the pack."""
        registered = tuple((entry.seq, entry.digest) for entry in verdict.registered)
        return cls(verdict.pack, verdict.incident, verdict.first_run, verdict.closed, registered)


def check_population(
    entries: Sequence[Envelope[RegisterEntry]], packs: Iterable[Given], findings: Findings
) -> str:
    """Compare a whole register with the packs that were given, entry by entry."""
    which = [(entry.body.incident, entry.body.first_run) for entry in entries]
    registered = dict.fromkeys(which)
    closed = {
        which[number]: number
        for number, entry in enumerate(entries)
        if entry.body.what is What.CLOSED
    }
    given = set[tuple[str, str]]()
    for pack in packs:
        mine = (pack.incident, pack.first_run)
        given.add(mine)
        if mine not in registered:
            findings.add("register-missing", mine[0][:80], "the register has no such incident")
            continue
        _compare(entries, pack, findings)
        if mine in closed and not pack.closed:
            what = f"the register has its close, entry {closed[mine]}, and {pack.pack} has no end"
            findings.add("register-close", mine[0][:80], what)
    for incident, _ in (which for which in registered if which not in given):
        findings.add("register-no-pack", incident[:80], "it is registered and no pack was given")
    incidents = counted(len(registered), "incident is", "incidents are")
    upto = f", the last entry of {entries[-1].body.at}" if entries else ""
    return f"{incidents} registered{upto}, and each has its pack, with the same entries"


def _compare(entries: Sequence[Envelope[RegisterEntry]], pack: Given, findings: Findings) -> None:
    """Whoever has the key can seal a record anew; they cannot do so in a register that is elsewhere."""
    for seq, digest in pack.registered:
        where = f"register entry {seq}"
        if seq >= len(entries):
            findings.add(
                "register-cut", where, f"the register ends before it, and {pack.pack} has it"
            )
        elif entries[seq].digest != digest:
            what = f"it is another one than in {pack.pack}: its record was sealed twice"
            findings.add("register-other", where, what)
