"""The file itself: JSON that two readers see differently, and zip files that lie."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from tests.forgeries.forge import Case, Draft, assert_named, cases, forgery, named

pytestmark = pytest.mark.temporal

MANIFEST = "manifest.json"


# JSON


def _manifest(draft: Draft, old: bytes, new: bytes) -> None:
    """Replace in the finished manifest, as it stands in the file."""
    draft.manifest["members"] = []
    text = Draft.file(draft)
    with zipfile.ZipFile(io.BytesIO(text)) as pack:
        manifest = pack.read(MANIFEST)
    assert old in manifest
    draft.members[MANIFEST] = manifest.replace(old, new, 1)


@forgery("json-duplicate-key", MANIFEST)
def a_key_is_there_twice(draft: Draft) -> None:
    _manifest(draft, b'{"closed":true', b'{"closed":false,"closed":true')


@forgery("json-duplicate-key", "journal.jsonl:1")
def a_key_is_there_twice_within(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"drill":true', b'"drill":false,"drill":true', 1)


@forgery("json-not-canonical", "journal.jsonl:1")
def a_number_is_written_as_a_fraction(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"seq":0', b'"seq":0.0', 1)


@forgery("json-number", "journal.jsonl:1")
def a_number_is_infinite(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"seq":0', b'"seq":1e400', 1)


@forgery("json-number", "journal.jsonl:1")
def a_number_is_larger_than_readers_keep(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"seq":0', b'"seq":9007199254740993', 1)


@forgery("json-number", "journal.jsonl:1")
def a_number_takes_for_ever_to_read(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"seq":0', b'"seq":' + b"9" * 100_000, 1)


@forgery("json-number", "journal.jsonl:1")
def a_number_is_none(draft: Draft) -> None:
    text = draft.members["journal.jsonl"]
    draft.members["journal.jsonl"] = text.replace(b'"seq":0', b'"seq":NaN', 1)


@forgery("json-too-deep", "evidence.json")
def it_is_nested_without_end(draft: Draft) -> None:
    draft.members["evidence.json"] = b"[" * 200_000 + b"]" * 200_000


@forgery("json-encoding", "evidence.json")
def it_is_not_unicode(draft: Draft) -> None:
    draft.members["evidence.json"] = draft.members["evidence.json"][:-1] + b"\xff}"


@forgery("json-not-canonical", "evidence.json")
def white_space_is_put_in(draft: Draft) -> None:
    draft.members["evidence.json"] = b" " + draft.members["evidence.json"]


@forgery("json-not-canonical", "evidence.json")
def a_sign_is_written_as_an_escape(draft: Draft) -> None:
    text = draft.members["evidence.json"]
    draft.members["evidence.json"] = text.replace(b'"items"', b'"\\u0069tems"', 1)


@forgery("json-not-canonical", "decisions.json")
def keys_are_in_another_order(draft: Draft) -> None:
    text = draft.members["decisions.json"]
    draft.members["decisions.json"] = text.replace(b'[{"at":', b'[{"zt":0,"at":', 1)


@forgery("decision-changed", "decisions.json")
def a_name_is_written_with_look_alikes(draft: Draft) -> None:
    text = draft.members["decisions.json"].decode()
    draft.members["decisions.json"] = text.replace("ml-lead", "ml-le\u0430d", 1).encode()


@forgery("journal-entry", "journal entry")
def a_name_is_composed_otherwise(draft: Draft) -> None:
    text = draft.members["journal.jsonl"].decode()
    draft.members["journal.jsonl"] = text.replace(
        "seen and agreed", "se\u0301en and agreed", 1
    ).encode()


@forgery("json-syntax", "decisions.json")
def it_is_no_json_at_all(draft: Draft) -> None:
    draft.members["decisions.json"] = b"<decisions/>"


@forgery("shape", "evidence.json")
def it_is_other_json(draft: Draft) -> None:
    draft.members["evidence.json"] = b'{"gaps":{},"items":7}'


@forgery("json-syntax", "journal.jsonl")
def the_last_line_is_cut(draft: Draft) -> None:
    draft.members["journal.jsonl"] = draft.members["journal.jsonl"][:-1]


# Members


@forgery("member-changed", "journal.jsonl")
def a_member_is_not_what_is_listed(draft: Draft) -> None:
    _manifest(draft, b'"incident"', b'"incident"')
    draft.members["journal.jsonl"] = draft.members["journal.jsonl"].replace(b"Z", b"z", 1)


@forgery("member-unlisted", "clocks.json")
def a_member_is_not_listed(draft: Draft) -> None:
    clocks = draft.members.pop("clocks.json")
    _manifest(draft, b'"incident"', b'"incident"')
    draft.members["clocks.json"] = clocks


@forgery("member-missing", "clocks.json")
def a_listed_member_is_taken_out(draft: Draft) -> None:
    _manifest(draft, b'"incident"', b'"incident"')
    del draft.members["clocks.json"]


@forgery("member-unknown", "notes.json")
def a_member_is_made_up(draft: Draft) -> None:
    draft.members["notes.json"] = b'"trust me"'


@forgery("member-unknown", "histories/07.events")
def a_history_of_no_run_is_put_in(draft: Draft) -> None:
    draft.members["histories/07.events"] = draft.members["histories/01.events"]
    draft.members["histories/07.digests"] = draft.members["histories/01.digests"]


@forgery("timestamp-of-nothing", "timestamps/000099.tsr")
def a_timestamp_of_no_checkpoint_is_put_in(draft: Draft) -> None:
    draft.members["timestamps/000099.tsr"] = b"planted"


@forgery("member-missing", "manifest.json")
def there_is_no_manifest(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"journal.jsonl": b"{}\n"})


# Zip


def _zip(
    members: dict[str, bytes], method: int = zipfile.ZIP_STORED, mode: int = 0o100444
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as pack:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.compress_type = mode << 16, method
            info.create_system, info.create_version = 3, 20
            pack.writestr(info, content)
    return file.getvalue()


def _repacked(draft: Draft, **options: int) -> None:
    def again(file: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(file)) as pack:
            return _zip({name: pack.read(name) for name in pack.namelist()}, **options)

    draft.raw = again


@forgery("zip-compressed")
def it_is_a_zip_bomb(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"journal.jsonl": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)


@forgery("zip-compressed")
def all_members_are_compressed(draft: Draft) -> None:
    _repacked(draft, method=zipfile.ZIP_DEFLATED)


@forgery("zip-directory")
def a_member_is_a_symbolic_link(draft: Draft) -> None:
    _repacked(draft, mode=0o120777)


@forgery("zip-path")
def a_member_climbs_out(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"../../etc/cron.d/x": b"* * * * * root true\n"})


@forgery("zip-path")
def a_member_has_an_absolute_name(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"/etc/passwd": b""})


@forgery("zip-name")
def a_member_has_a_name_of_windows(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"C:\\windows": b""})


@forgery("zip-name")
def a_member_has_a_name_of_look_alikes(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"m\u0430nifest.json": b"{}"})


@forgery("zip-name")
def a_member_is_a_folder(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"evidence/": b""})


@forgery("zip-duplicate", "journal.jsonl")
def a_member_is_there_twice(draft: Draft) -> None:
    def twice(file: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(file)) as pack:
            info = pack.getinfo("journal.jsonl")
        after = info.header_offset + 30 + len(info.filename) + info.file_size
        head = struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", 20, 0, 0, 0, 0x21, 0, 0, 0, 13, 0)
        return file[:after] + head + b"journal.jsonl" + file[after:]

    draft.raw = twice


@forgery("zip-order")
def members_are_in_another_order(draft: Draft) -> None:
    draft.raw = lambda _: _zip({"register.jsonl": b"", "journal.jsonl": b""})


@forgery("zip-none")
def something_stands_before_the_pack(draft: Draft) -> None:
    draft.raw = lambda file: b"#!/bin/sh\n" + file


@forgery("zip-directory")
def something_stands_behind_the_pack(draft: Draft) -> None:
    draft.raw = lambda file: file + b"\0"


@forgery("zip-directory")
def the_directory_tells_of_other_members(draft: Draft) -> None:
    def other(file: bytes) -> bytes:
        at = file.index(b"PK\x01\x02")
        return file[:at] + file[at:].replace(b"journal.jsonl", b"journey.jsonl", 1)

    draft.raw = other


@forgery("zip-truncated")
def the_file_is_cut_off(draft: Draft) -> None:
    draft.raw = lambda file: file[:5000]


@forgery("zip-truncated")
def a_member_says_that_it_is_huge(draft: Draft) -> None:
    def huge(file: bytes) -> bytes:
        return file[:18] + b"\xff\xff\xff\xff\xff\xff\xff\xff" + file[26:]

    draft.raw = huge


@forgery("zip-header")
def a_member_has_another_date(draft: Draft) -> None:
    draft.raw = lambda file: file[:12] + b"\x22\x33" + file[14:]


@forgery("zip-none")
def it_is_empty(draft: Draft) -> None:
    draft.raw = lambda _: b""


@forgery("zip-none")
def it_is_something_else(draft: Draft) -> None:
    draft.raw = lambda _: b"%PDF-1.7\n" * 100


@pytest.mark.parametrize("case", cases(__name__), ids=named)
def test_it_is_noticed_and_named(case: Case, draft: Draft, tmp_path: Path) -> None:
    assert_named(case, draft, tmp_path)
