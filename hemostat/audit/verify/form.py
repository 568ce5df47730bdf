"""The pack's form: its members are those that the manifest lists, each with its digest."""

import re
from collections.abc import Iterator
from typing import Final

from hemostat.audit.pack.reader import BrokenPack, Pack
from hemostat.audit.verify.findings import Findings
from schemas.audit.manifest import Manifest

ALWAYS: Final = ("checkpoints.jsonl", "manifest.json", "register.jsonl")
_KNOWN: Final = re.compile(
    r"(checkpoints|register|journal|reads)\.jsonl|(manifest|decisions|evidence|clocks|code)\.json"
    r"|histories/\d\d+\.(events|digests|json)"
    r"|timestamps/\d{6,}\.tsr"
    r"|evidence/[0-9a-f]{64}"
)


def check_members(pack: Pack, manifest: Manifest, findings: Findings) -> str:
    """Compare what lies in the pack with what the manifest lists, byte for byte."""
    listed = {member.name: member for member in manifest.members}
    folders = tuple(f"{run.folder}." for run in manifest.runs)
    there = [name for name in pack.names if name != "manifest.json"]
    if [member.name for member in manifest.members] != sorted(listed):
        findings.add(
            "member-listed-twice", "manifest.json", "members are listed twice, or unsorted"
        )
    for name in sorted(set(listed) - set(there)):
        findings.add("member-missing", name, "the manifest lists it and it is not there")
    for name in there:
        if not _KNOWN.fullmatch(name):
            findings.add("member-unknown", name, "no part of the format has this name")
        elif name.startswith("histories/") and not name.startswith(folders):
            findings.add("member-unknown", name, "no run of the manifest has this history")
        elif name not in listed:
            findings.add("member-unlisted", name, "it is there and the manifest does not list it")
        else:
            size = len(pack.content(name))
            if size != listed[name].size or pack.digest(name) != listed[name].digest:
                findings.add("member-changed", name, "it is not what the manifest lists")
    for name in missing_of(manifest):
        if name not in there:
            findings.add("member-missing", name, "no pack is without it")
    return f"{len(there)} members, each as the manifest lists it"


def missing_of(manifest: Manifest) -> Iterator[str]:
    """What a pack like this one cannot be without."""
    yield from ALWAYS[:1] + ALWAYS[2:]
    for run in manifest.runs:
        yield f"{run.folder}.events"
        yield f"{run.folder}.digests"


def told(findings: Findings, error: BrokenPack) -> None:
    """Note what a reader could not read."""
    findings.add(error.code, error.member or "the pack", error.what)
