"""Makes the pack of an incident from the write-once store and the vault; nothing else is asked.

So it works when Temporal has long forgotten, and gives the same bytes each time. Of an incident
that is still open the pack has what its last checkpoint covers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from hemostat.audit.pack.archive import Content, in_chunks
from hemostat.audit.pack.reader import decisions_of
from hemostat.audit.pack.restricted import Visibility, visibility_of
from hemostat.audit.pack.writer import write_pack
from hemostat.audit.register import Register
from hemostat.audit.sealing import kept_journal, read_checkpoints, unframed
from hemostat.audit.store import (
    Store,
    checkpoint_name,
    get_object,
    place_of,
    register_name,
    timestamp_name,
)
from hemostat.vault import EvidenceMissing, Vault
from schemas.audit.chain import RunHeader, event_digest
from schemas.audit.checkpoint import Checkpoint, Outcome, Why
from schemas.audit.manifest import EvidenceList, Kept, Manifest, Missing, Run
from schemas.audit.register import RegisterEntry
from schemas.canonical import canonical_json
from schemas.errors import BadInput
from schemas.evidence import EvidenceItem
from schemas.journal import Entry, Kind

ALL: Final = "*"

Held = Literal["included", "reference", "withheld"]


@dataclass(frozen=True)
class Choice:
    """What of the evidence goes into the pack: all by reference, unless it is to be included.

    ``withheld`` are names of items that the reader may not see; ``*`` withholds all. So does an
    incident that its own events mark as restricted, or whose service is one of ``restricted``.
    """

    include: bool = False
    withheld: frozenset[str] = frozenset()
    restricted: frozenset[str] = frozenset()

    def of(self, seen: Visibility) -> "Choice":
        """Return the choice for an incident that may be *seen* so."""
        if seen.restricted or seen.service in self.restricted:
            return replace(self, withheld=self.withheld | {ALL})
        return self

    def held(self, item: EvidenceItem) -> Held:
        """Return how *item* goes into the pack."""
        if item.name in self.withheld or ALL in self.withheld:
            return "withheld"
        return "included" if self.include else "reference"


def export(
    store: Store,
    vault: Vault,
    incident: str,
    path: Path,
    *,
    first_run: str | None = None,
    choice: Choice = Choice(),
) -> Manifest:
    """Write the pack of *incident* to *path*; of one that was opened again, the newest.

    Raises ``BadInput`` for an incident that the register does not know or that has no checkpoint
    yet, and ``EvidenceCorrupt`` when the store or the vault lost what it sealed.
    """
    register = Register(store)
    register.catch_up()
    opening = _opening(register, incident, first_run)
    which = (opening.incident, opening.first_run)
    place = place_of(*which)
    checkpoints = [held.body for held in read_checkpoints(store, place)]
    if not checkpoints:
        raise BadInput(
            "nothing of it is sealed yet", where=incident, next_step="is `hemostat sealer` running?"
        )
    members: dict[str, Content] = {}
    runs = _histories(members, store, checkpoints)
    members["checkpoints.jsonl"] = _stored_lines(
        store, [checkpoint_name(place, c.seq) for c in checkpoints]
    )
    for seq in range(len(checkpoints)):
        if (stamp := store.get(timestamp_name(place, seq))) is not None:
            members[f"timestamps/{seq:06}.tsr"] = _whole(stamp)
    entries = [register.opened[which], *filter(None, [register.closed.get(which)])]
    members["register.jsonl"] = _stored_lines(
        store, [register_name(entry.body.seq) for entry in entries]
    )
    last = checkpoints[-1]
    for name, digest in last.sealed.items():
        members[name] = _object(store, digest)
    if "journal.jsonl" in last.sealed:
        journal = get_object(store, last.sealed["journal.jsonl"])
    elif last.why is not Why.CLOSE or last.outcome is Outcome.MISSING:
        kept = kept_journal(store, checkpoints, last.run)
        journal = b"".join(canonical_json(entry) + b"\n" for entry in kept)
    else:
        journal = b""
    if journal:
        members["journal.jsonl"] = _whole(journal)
        seen = visibility_of(_events(store, checkpoints))
        _of_the_journal(members, journal, vault, choice.of(seen))
    about = Manifest(
        incident=incident,
        first_run=opening.first_run,
        playbook=opening.playbook,
        drill=opening.drill,
        opened_at=opening.opened_at,
        closed=which in register.closed,
        runs=runs,
        members=(),
    )
    return write_pack(path, about, members)


def _opening(register: Register, incident: str, first_run: str | None) -> RegisterEntry:
    found = [
        held.body
        for (known, run), held in register.opened.items()
        if known == incident and first_run in (None, run)
    ]
    if not found:
        raise BadInput(
            "the register has no such incident",
            where=incident,
            next_step="`hemostat incidents` lists what Temporal has; only the sealer registers.",
        )
    return found[-1]


def _histories(
    members: dict[str, Content], store: Store, checkpoints: list[Checkpoint]
) -> tuple[Run, ...]:
    runs: list[Run] = []
    headers: dict[str, RunHeader] = {c.run.run: c.run for c in checkpoints}
    for header in headers.values():
        mine = [c for c in checkpoints if c.run.run == header.run]
        folder = f"histories/{header.number:02}"
        digests = [c.segment.digest for c in mine if c.segment]
        members[f"{folder}.events"] = _objects(store, digests)
        members[f"{folder}.digests"] = _digests(store, digests)
        runs.append(Run(run=header.run, events=mine[-1].last_event, folder=folder))
    return tuple(runs)


def _events(store: Store, checkpoints: list[Checkpoint]) -> Iterator[bytes]:
    for body in checkpoints:
        if body.segment:
            yield from unframed(get_object(store, body.segment.digest))


def _of_the_journal(
    members: dict[str, Content], journal: bytes, vault: Vault, choice: Choice
) -> None:
    """What is taken from the journal: the decisions, the list of evidence and its bytes."""
    entries = [Entry.model_validate_json(line) for line in journal.splitlines()]
    members["decisions.json"] = _whole(canonical_json(decisions_of(entries)))
    kept: dict[str, Kept] = {}
    gaps: list[Missing] = []
    for entry in entries:
        if entry.kind is not Kind.EVIDENCE:
            continue
        if "digest" not in entry.data:
            reason = str(entry.data.get("reason", ""))
            gaps.append(Missing(seq=entry.seq, says=entry.says, reason=reason))
            continue
        item = _sealed(entry, vault)
        if item.digest not in kept:
            held = choice.held(item)
            kept[item.digest] = Kept(item=item, seq=entry.seq, held=held)
            if held == "included":
                members[f"evidence/{item.digest.removeprefix('sha256:')}"] = _evidence(vault, item)
    listed = EvidenceList(items=tuple(kept.values()), gaps=tuple(gaps))
    members["evidence.json"] = _whole(canonical_json(listed))


def _sealed(entry: Entry, vault: Vault) -> EvidenceItem:
    """The item that an entry seals; older ones of what was sent leave all but its digest to the vault."""
    if "receipt" not in entry.data:
        return EvidenceItem.model_validate(entry.data)
    if "item" in entry.data:
        return EvidenceItem.model_validate(entry.data["item"])
    digest = entry.data["digest"]
    for item in vault.ledger():
        if item.digest == digest:
            return item
    raise EvidenceMissing(
        f"{digest}, which was sent, is not in the ledger",
        where="vault",
        next_step="export where the vault is.",
    )


def _evidence(vault: Vault, item: EvidenceItem) -> Content:
    if not vault.has(item.digest):
        raise EvidenceMissing(
            f"{item.digest} is not there",
            where="vault",
            next_step="export without its bytes, or from where the vault is.",
        )
    return lambda: in_chunks(vault.read(item.digest))


def _whole(content: bytes) -> Content:
    return lambda: [content]


def _object(store: Store, digest: str) -> Content:
    return lambda: in_chunks(get_object(store, digest))


def _objects(store: Store, digests: list[str]) -> Content:
    return lambda: (chunk for digest in digests for chunk in in_chunks(get_object(store, digest)))


def _digests(store: Store, digests: list[str]) -> Content:
    def content() -> Iterator[bytes]:
        for digest in digests:
            yield b"".join(map(event_digest, unframed(get_object(store, digest))))

    return content


def _stored_lines(store: Store, names: list[str]) -> Content:
    def content() -> Iterator[bytes]:
        for name in names:
            yield (store.get(name) or b"") + b"\n"

    return content
