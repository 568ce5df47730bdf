from pathlib import Path

import pytest

from activities.vault_folder import Connection, VaultFolder
from hemostat.vault import Vault
from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.ports.vault import ArchiveJournal, VerifyEvidence


@pytest.fixture
def adapter(tmp_path: Path) -> VaultFolder:
    return VaultFolder(Connection(adapter="vault_folder"), Vault(tmp_path))


async def archived(adapter: VaultFolder, segment: str) -> Digest:
    return (await adapter.archive_journal(ArchiveJournal(segment=segment))).digest


async def test_a_journal_segment_is_found_again_by_its_digest(adapter: VaultFolder) -> None:
    digest = await archived(adapter, '[{"seq":0}]')
    assert digest == digest_bytes(b'[{"seq":0}]')
    assert await archived(adapter, '[{"seq":0}]') == digest
    verified = await adapter.verify_evidence(VerifyEvidence(digests=(digest, digest)))
    assert verified.checked == 1
    assert not verified.missing
    assert not verified.corrupt


async def test_what_is_missing_and_what_is_corrupt_are_told_apart(
    adapter: VaultFolder, tmp_path: Path
) -> None:
    good, bad = await archived(adapter, "[1]"), await archived(adapter, "[2]")
    absent = digest_bytes(b"absent")
    hexes = bad.removeprefix("sha256:")
    path = tmp_path / "sha256" / hexes[:2] / hexes
    path.chmod(0o600)
    path.write_bytes(b"[3]")
    verified = await adapter.verify_evidence(VerifyEvidence(digests=(absent, bad, good)))
    assert verified.missing == (absent,)
    assert verified.corrupt == (bad,)
    assert verified.checked == 3
