"""What a forger works with: a real pack taken apart, and put together again as carefully as can be.

A forger is as good as they come: manifest, checksums, directory, derived parts, all are made to
agree with what was changed. What they have not is the sealer's key, unless the forgery says so.
"""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemostat.audit.pack.archive import read_archive, write_archive
from hemostat.audit.pack.reader import FRAME, decisions_of
from hemostat.audit.verify.findings import Verdict
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.chain import NO_EVENTS, RunHeader, event_digest, extend, head_of_header
from schemas.audit.checkpoint import KIND, Checkpoint
from schemas.audit.register import KIND as REGISTER
from schemas.audit.register import RegisterEntry
from schemas.audit.signing import SigningKey, open_envelope, seal
from schemas.audit.strict import lenient_json
from schemas.audit.trust import Trust
from schemas.canonical import canonical_json, digest_bytes
from schemas.journal import GENESIS, Entry

RUN = "histories/01"


@dataclass
class Draft:
    """A pack in pieces."""

    members: dict[str, bytes]
    key: SigningKey
    """The sealer's; only those forgeries take it that say so."""
    trust: Trust
    listed: dict[str, tuple[int, str]] | None = None
    raw: Callable[[bytes], bytes] | None = None
    """What is done to the finished file."""
    manifest: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, pack: Path, key: SigningKey, trust: Trust) -> "Draft":
        """Take *pack* apart."""
        members = {n: bytes(m.content) for n, m in read_archive(pack.read_bytes()).items()}
        draft = cls(members, key, trust)
        draft.manifest = lenient_json(members.pop("manifest.json"))
        return draft

    # Histories

    def events(self, folder: str = RUN) -> list[bytes]:
        """The events of a run."""
        content, events, at = self.members[f"{folder}.events"], [], 0
        while at < len(content):
            size = int.from_bytes(content[at : at + FRAME], "big")
            events.append(content[at + FRAME : at + FRAME + size])
            at += FRAME + size
        return events

    def set_events(self, events: list[bytes], folder: str = RUN) -> None:
        """Put a history in place, with its digests and its count."""
        self.members[f"{folder}.events"] = b"".join(
            len(event).to_bytes(FRAME, "big") + event for event in events
        )
        self.members[f"{folder}.digests"] = b"".join(map(event_digest, events))
        for run in self.manifest["runs"]:
            if run["folder"] == folder:
                run["events"] = len(events)

    def edit_event(self, old: bytes, new: bytes, folder: str = RUN) -> int:
        """Replace *old* by as many bytes in the last event that holds it; the event's number."""
        assert len(old) == len(new)
        events = self.events(folder)
        number = max(i for i, event in enumerate(events) if old in event)
        events[number] = events[number].replace(old, new)
        self.set_events(events, folder)
        return number + 1

    # Lines and JSON

    def json(self, name: str) -> Any:
        """A JSON member."""
        return lenient_json(self.members[name])

    def set_json(self, name: str, value: Any) -> None:
        """Put a JSON member in place."""
        self.members[name] = canonical_json(value)

    def lines(self, name: str) -> list[Any]:
        """The lines of a member."""
        return [lenient_json(line) for line in self.members[name].splitlines()]

    def set_lines(self, name: str, lines: Iterable[Any]) -> None:
        """Put lines in place."""
        self.members[name] = b"".join(canonical_json(line) + b"\n" for line in lines)

    def entry(self, kind: str, **data: Any) -> int:
        """The number of the first journal entry of a kind with these data."""
        for entry in self.lines("journal.jsonl"):
            if entry["kind"] == kind and data.items() <= entry["data"].items():
                return int(entry["seq"])
        raise AssertionError(f"no {kind} with {data}")

    def rewrite_journal(self, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """Change the journal and chain it anew, and the decisions with it."""
        entries = self.lines("journal.jsonl")
        change(entries)
        previous = GENESIS
        for number, entry in enumerate(entries):
            entry["seq"], entry["prev"] = number, previous
            entry.pop("digest", None)
            entry["digest"] = previous = digest_bytes(canonical_json(entry))
        self.set_lines("journal.jsonl", entries)
        models = [Entry.model_validate(entry) for entry in entries]
        self.set_json("decisions.json", decisions_of(models))

    # With a key

    def sign_everything(
        self,
        key: SigningKey,
        at: Callable[[str], str] = lambda at: at,
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """Seal it all anew as the sealer would, from the events and the journal that are there."""
        held = [open_envelope(KIND, line, Checkpoint).body for line in self._stored("checkpoints")]
        digests = {run["run"]: self._digests(run["folder"]) for run in self.manifest["runs"]}
        previous, run, head, upto, sealed = GENESIS, None, NO_EVENTS, 0, []
        journal = self.lines("journal.jsonl")
        for old in held:
            if run is None or old.run.run != run.run:
                run = RunHeader(**{**old.run.model_dump(), "previous_head": head})
                head, upto = head_of_header(run), 0
            last = old.last_event if old is not held[-1] else len(digests[run.run])
            head, upto = extend(head, digests[run.run][upto:last]), last
            body = old.model_dump(mode="json") | {
                "kid": key.kid,
                "previous": previous,
                "run": run.model_dump(mode="json"),
                "head": head,
                "last_event": last,
                "at": at(old.at),
            }
            if old.journal:
                length = min(old.journal.length, len(journal))
                body["journal"] = {"length": length, "head": journal[length - 1]["digest"]}
            body["sealed"] = {name: digest_bytes(self.members[name]) for name in old.sealed}
            change(body)
            stored = seal(KIND, Checkpoint.model_validate(body), key)
            previous = open_envelope(KIND, stored, Checkpoint).digest
            sealed.append(stored + b"\n")
        self.members["checkpoints.jsonl"] = b"".join(sealed)
        entries = [
            open_envelope(REGISTER, line, RegisterEntry).body for line in self._stored("register")
        ]
        lines = []
        for entry in entries:
            said = entry.model_dump(mode="json") | {"kid": key.kid, "at": at(entry.at)}
            if entry.last_checkpoint:
                said |= {"last_checkpoint": previous, "checkpoints": len(sealed)}
            lines.append(seal(REGISTER, RegisterEntry.model_validate(said), key) + b"\n")
        self.members["register.jsonl"] = b"".join(lines)

    def _stored(self, name: str) -> list[bytes]:
        return self.members[f"{name}.jsonl"].splitlines()

    def _digests(self, folder: str) -> list[bytes]:
        listed = self.members[f"{folder}.digests"]
        return [listed[at : at + 32] for at in range(0, len(listed), 32)]

    # The file

    def file(self) -> bytes:
        """The pack, everything made to agree."""
        listed = [
            {
                "name": name,
                "size": len(content),
                "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            }
            for name, content in sorted(self.members.items())
        ]
        manifest = self.members.get("manifest.json") or canonical_json(
            self.manifest | {"members": listed}
        )
        everything = self.members | {"manifest.json": manifest}
        file = io.BytesIO()
        write_archive(file, [(n, _giving(c)) for n, c in sorted(everything.items())])
        return self.raw(file.getvalue()) if self.raw else file.getvalue()

    def verdict(self, folder: Path) -> Verdict:
        """What an auditor is told."""
        pack = folder / "forged.zip"
        pack.write_bytes(self.file())
        return verify_pack(pack, self.trust)


def _giving(content: bytes) -> Callable[[], list[bytes]]:
    return lambda: [content]


Forgery = Callable[[Draft], None]


@dataclass(frozen=True)
class Case:
    """A forgery and how it must be named."""

    forge: Forgery
    code: str
    where: str


CASES: list[Case] = []


def forgery(code: str, where: str = "") -> Callable[[Forgery], Forgery]:
    """Declare a forgery: the code that names it, and a part of the place."""

    def declare(forge: Forgery) -> Forgery:
        CASES.append(Case(forge, code, where))
        return forge

    return declare


def cases(module: str) -> list[Case]:
    """The forgeries of one file."""
    return [case for case in CASES if case.forge.__module__ == module]


def named(case: Case) -> str:
    """Its name among the tests."""
    return case.forge.__name__


def assert_named(case: Case, draft: Draft, folder: Path) -> None:
    """The forgery is noticed, and called what it is."""
    case.forge(draft)
    verdict = draft.verdict(folder)
    assert not verdict.held
    told = [(finding.code, finding.where) for finding in verdict.findings]
    assert any(code == case.code and case.where in where for code, where in told), told
    assert all(finding.means and finding.says for finding in verdict.findings)
