import base64
import json
from pathlib import Path

import pytest

from activities.parts.picture_set import picture_set
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

PICTURES = [b"\x89PNG one", b"\x89PNG two"]
ROWS = b"".join(
    json.dumps({"content": base64.b64encode(picture).decode()}).encode() + b"\n"
    for picture in PICTURES
)


def saved(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "pictures.jsonl").write_bytes(content)
    return f"file:{tmp_path / 'pictures.jsonl'}"


def test_a_picture_set_gives_its_pictures_in_order(tmp_path: Path) -> None:
    assert picture_set(saved(tmp_path, ROWS), digest_bytes(ROWS)) == PICTURES


def test_a_picture_set_with_one_line_taken_out_is_not_used(tmp_path: Path) -> None:
    fewer = ROWS.split(b"\n", 1)[1]
    with pytest.raises(ConfigurationError, match="pinned"):
        picture_set(saved(tmp_path, fewer), digest_bytes(ROWS))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[]\n", b"7\n", b"{}\n", b'{"content": "?"}\n', b'{"content": 1}\n']
)
def test_what_is_no_picture_set_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="picture set"):
        picture_set(saved(tmp_path, content), digest_bytes(content))


def test_a_picture_set_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = saved(tmp_path, b"")
    with (tmp_path / "pictures.jsonl").open("r+b") as sparse:
        sparse.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(ConfigurationError, match="too large"):
        picture_set(file, digest_bytes(b""))


def test_a_missing_picture_set_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        picture_set(f"file:{tmp_path / 'none'}", digest_bytes(b""))
