from pathlib import Path

import pytest

from activities.parts.probe_set import ProbeSet, negative_share
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

ROWS = b'{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}\n'


def saved(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "probes.jsonl").write_bytes(content)
    return f"file:{tmp_path / 'probes.jsonl'}"


def test_a_probe_set_measures_accuracy(tmp_path: Path) -> None:
    probes = ProbeSet.load(saved(tmp_path, ROWS), digest_bytes(ROWS))
    assert probes.texts == ["good", "bad"]
    assert probes.accuracy(["positive", "negative"]) == 1.0
    assert probes.accuracy(["negative", "negative"]) == 0.5
    assert negative_share(["negative", "positive", "?", "negative"]) == 0.5
    assert negative_share([]) == 0.0


def test_a_probe_set_with_one_byte_changed_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pinned"):
        ProbeSet.load(saved(tmp_path, ROWS.replace(b"bad", b"sad")), digest_bytes(ROWS))


@pytest.mark.parametrize("content", [b"", b"\n", b"not json\n", b'{"text": "x"}\n', b"\xff"])
def test_what_is_no_probe_set_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        ProbeSet.load(saved(tmp_path, content), digest_bytes(content))


def test_a_missing_file_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        ProbeSet.load(f"file:{tmp_path / 'none'}", digest_bytes(b""))
