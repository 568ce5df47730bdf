"""A folder of packs is verified as each of them would be, by several processes, in order."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.sealed import make, repeated
from hemostat.audit.keys import with_key, write_trust
from hemostat.audit.verify.many import FEW, packs_in, verify_many
from hemostat.cli import run
from schemas.audit.signing import SigningKey
from schemas.audit.trust import Trust

PACKS = FEW + 5
BROKEN = 7


@pytest.fixture(scope="module")
def trust() -> tuple[SigningKey, Trust]:
    key = SigningKey.make()
    return key, with_key(None, key, datetime.now(UTC) - timedelta(days=1))


@pytest.fixture(scope="module")
def folder(trust: tuple[SigningKey, Trust], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many packs that other processes help, one of them with a byte flipped."""
    made = tmp_path_factory.mktemp("many")
    whole = make(made / "made", repeated(40), *trust).read_bytes()
    at = len(whole) // 2
    for number in range(PACKS):
        pack = made / "packs" / f"{number % 3}" / f"{number:03}.zip"
        pack.parent.mkdir(parents=True, exist_ok=True)
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        pack.write_bytes(flipped if number == BROKEN else whole)
    write_trust(made / "trust.json", trust[1])
    return made


def verified(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> tuple[int, str]:
    trust = str(folder / "trust.json")
    status = run(["audit", "verify", str(folder / "packs"), "--trust", trust, *more])
    return status, capsys.readouterr().out


def test_a_folder_stands_for_all_packs_below_it_and_the_broken_one_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = verified(capsys, folder, "--processes", "2", "--json")
    told: dict[str, Any] = json.loads(said)
    assert (status, told["held"]) == (1, False)
    assert told["summary"] == {"packs": PACKS, "held": PACKS - 1, "events": 40 * (PACKS - 1)}
    (broken,) = told["verdicts"]
    assert broken["pack"] == f"{BROKEN:03}.zip"
    assert broken["findings"][0]["code"] == "zip-checksum"


def test_in_words_only_what_does_not_hold_is_told_at_length(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = verified(capsys, folder, "--processes", "1")
    assert status == 1
    assert said.count("What breaks first") == 1
    assert f"NOT ALL HOLD: {PACKS - 1} of {PACKS} packs" in said


def test_several_processes_answer_in_the_order_of_the_packs(
    folder: Path, trust: tuple[SigningKey, Trust]
) -> None:
    packs = packs_in([folder / "packs"])
    verdicts = list(verify_many(packs, trust[1], processes=2))
    assert [verdict.pack for verdict in verdicts] == [pack.name for pack in packs]
    assert [verdict.held for verdict in verdicts] == [pack.stem != f"{BROKEN:03}" for pack in packs]


def test_a_folder_without_a_pack_is_said_to_be_wrong_use(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = str(folder / "trust.json")
    assert run(["audit", "verify", str(tmp_path), "--trust", trust]) == 2
    assert "no pack below this folder" in capsys.readouterr().err
