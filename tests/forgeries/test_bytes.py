"""One byte flipped in each member, anywhere in the file, or everywhere: found, named, no crash."""

import base64
import copy
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hemostat.audit.keys import trusted
from hemostat.audit.verify.findings import Verdict
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.signing import SigningKey, said_as
from schemas.audit.trust import Trust
from schemas.canonical import canonical_json
from tests.forgeries.flips import flip_each_member, flip_each_member_and_mend
from tests.forgeries.forge import Draft

pytestmark = pytest.mark.temporal


def test_one_byte_flipped_in_each_member_is_found_where_it_is(draft: Draft, tmp_path: Path) -> None:
    pack = tmp_path / "untouched.zip"
    pack.write_bytes(draft.file())
    named = flip_each_member(pack, draft.trust, tmp_path)
    assert named == {*draft.members, "manifest.json"}


def test_one_byte_flipped_in_each_member_by_somebody_who_mends_the_rest_is_found(
    draft: Draft, tmp_path: Path
) -> None:
    there = {name for name, content in draft.members.items() if content}
    assert flip_each_member_and_mend(draft, tmp_path) == there
    assert draft.verdict(tmp_path).findings == ()


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


NASTY: list[Any] = [
    *(None, True, -1, 2**53 - 1, 0.5, "", "\u202e", "a" * 2000, "../..", [], {}, [[]], {"a": 1}),
    *("2026-99-99T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "sha256:" + "0" * 64),
]


def test_values_of_any_kind_never_crash_it_whoever_signed_them(
    draft: Draft, tmp_path: Path
) -> None:
    dice, whole, manifest = random.Random(17), dict(draft.members), draft.manifest
    for _ in range(150):
        draft.members, draft.manifest = dict(whole), copy.deepcopy(manifest)
        name = dice.choice(["checkpoints", "register", "evidence.json", "decisions.json", ""])
        if not name:
            _put_in(draft.manifest, dice)
        elif name.endswith(".json"):
            value = draft.json(name)
            _put_in(value, dice)
            draft.set_json(name, value)
        else:
            lines = draft.lines(f"{name}.jsonl")
            _put_in(dice.choice(lines)["body"], dice)
            draft.set_lines(f"{name}.jsonl", [_signed(name, line["body"], draft) for line in lines])
        draft.verdict(tmp_path)


def _put_in(value: Any, dice: random.Random) -> None:
    """Put something where something else belongs, anywhere in *value*."""
    within = value
    while True:
        where = dice.choice(list(within) if isinstance(within, dict) else range(len(within)))
        if isinstance(within[where], dict | list) and within[where] and dice.random() < 0.8:
            within = within[where]
            continue
        within[where] = copy.deepcopy(dice.choice(NASTY))
        return


def _signed(name: str, body: Any, draft: Draft) -> dict[str, Any]:
    said = said_as(name.removesuffix("s"), canonical_json(body))
    return {"body": body, "signature": base64.b64encode(draft.key.sign(said)).decode()}


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
