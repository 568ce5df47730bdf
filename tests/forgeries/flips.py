"""One byte flipped in each member of a pack, and what verifying says of each.

By somebody who mends nothing, the member itself is named. Somebody who mends checksums, digests and
the directory of the file still meets a signature or a digest that is signed.
"""

import io
import zipfile
from pathlib import Path

from hemostat.audit.verify.pack import verify_pack
from schemas.audit.trust import Trust
from tests.forgeries.forge import Draft


def flip_each_member(pack: Path, trust: Trust, folder: Path) -> set[str]:
    """Flip a byte in the middle of each member; return those that were found and named."""
    whole, named = pack.read_bytes(), set[str]()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = archive.infolist()
    flipped = folder / "flipped.zip"
    for member in members:
        at = member.header_offset + 30 + len(member.filename) + member.file_size // 2
        flipped.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        told = verify_pack(flipped, trust).findings
        if [(found.code, found.where) for found in told] == [("zip-checksum", member.filename)]:
            named.add(member.filename)
    return named


def flip_each_member_and_mend(draft: Draft, folder: Path) -> set[str]:
    """Flip a byte in each member and mend the rest of the file; return those that were found."""
    found = set[str]()
    for name, content in list(draft.members.items()):
        if not content:
            continue
        at = len(content) // 2
        draft.members[name] = content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]
        if draft.verdict(folder).findings:
            found.add(name)
        draft.members[name] = content
    return found
