"""One byte flipped in each member, anywhere in the file, or everywhere: found, named, no crash."""

import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hemostat.audit.keys import trusted
from hemostat.audit.verify.findings import Verdict
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.signing import SigningKey
from schemas.audit.trust import Trust
from tests.forgeries.forge import Draft

pytestmark = pytest.mark.temporal


def test_one_byte_flipped_in_each_member_is_found_where_it_is(draft: Draft, tmp_path: Path) -> None:
    whole = draft.file()
    for name in [*draft.members, "manifest.json"]:
        at = _somewhere_in(whole, name)
        flipped = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        verdict = _verdict(flipped, draft.trust, tmp_path)
        assert [finding.where for finding in verdict.findings] == [name]
        assert verdict.findings[0].code == "zip-checksum"


def test_one_byte_flipped_in_each_member_by_somebody_who_mends_the_rest_is_found(
    draft: Draft, tmp_path: Path
) -> None:
    for name, content in list(draft.members.items()):
        if not content:
            continue
        at = len(content) // 2
        draft.members[name] = content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]
        verdict = draft.verdict(tmp_path)
        assert not verdict.held, name
        draft.members[name] = content
    assert draft.verdict(tmp_path).held


def _somewhere_in(whole: bytes, name: str) -> int:
    with zipfile.ZipFile(io.BytesIO(whole)) as pack:
        info = pack.getinfo(name)
        return info.header_offset + 30 + len(name) + info.file_size // 2


def _verdict(content: bytes, trust: Trust, folder: Path) -> Verdict:
    pack = folder / "flipped.zip"
    pack.write_bytes(content)
    return verify_pack(pack, trust)


def test_flips_anywhere_in_the_file_are_found(draft: Draft, tmp_path: Path) -> None:
    whole, dice = draft.file(), random.Random(7)
    for _ in range(150):
        at = dice.randrange(len(whole))
        flipped = whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]
        assert not _verdict(flipped, draft.trust, tmp_path).held, at


def test_members_of_random_bytes_never_crash_it(draft: Draft, tmp_path: Path) -> None:
    dice = random.Random(11)
    for name, content in list(draft.members.items()):
        for size in (0, 1, 77, 4096):
            draft.members[name] = dice.randbytes(size)
            assert not draft.verdict(tmp_path).held or not content
        draft.members[name] = content


def test_members_cut_anywhere_never_crash_it(draft: Draft, tmp_path: Path) -> None:
    dice = random.Random(13)
    for name, content in list(draft.members.items()):
        for _ in range(3):
            if not content:
                continue
            draft.members[name] = content[: dice.randrange(len(content))]
            assert not draft.verdict(tmp_path).held, name
        draft.members[name] = content


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=2000) | st.binary(max_size=400).map(lambda b: b"PK\x03\x04" + b))
def test_random_files_never_crash_it(content: bytes, tmp_path: Path) -> None:
    trust = Trust(keys=(trusted(SigningKey.make()),))
    assert not _verdict(content, trust, tmp_path).held


def test_there_are_more_than_forty_forgeries() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    assert sum(file.read_text().count("\n@forgery(") for file in files) >= 40
