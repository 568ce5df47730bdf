"""The vault against what would break it: a flipped byte, a race, a kill in the middle of a put."""

import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hemostat.vault import EvidenceMissing, Vault
from hemostat.vault.folder import FolderKeep
from schemas.canonical import digest_bytes
from schemas.errors import BadInput, EvidenceCorrupt, SystemUnreachable
from schemas.evidence import EvidenceItem

ROOT = Path(__file__).parents[2]


async def put(vault: Vault, content: bytes, name: str = "note") -> EvidenceItem:
    return await vault.put(
        content, media_type="text/plain", name=name, source="test", method="typed"
    )


def folder_of(vault: Vault) -> Path:
    assert isinstance(vault.keep, FolderKeep)
    return vault.keep.folder


def stored(vault: Vault, item: EvidenceItem) -> Path:
    hexes = item.digest.removeprefix("sha256:")
    return folder_of(vault) / "sha256" / hexes[:2] / hexes


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


async def test_what_was_put_is_read_back_by_its_digest(vault: Vault) -> None:
    item = await put(vault, b"what happened")
    assert item.digest == digest_bytes(b"what happened")
    assert item.size == 13
    assert vault.has(item.digest)
    assert vault.read(item.digest) == b"what happened"
    assert stat.S_IMODE(stored(vault, item).stat().st_mode) == 0o444


async def test_a_flipped_byte_is_noticed(vault: Vault) -> None:
    item = await put(vault, b"what happened")
    path = stored(vault, item)
    path.chmod(0o600)
    path.write_bytes(b"what hAppened")
    with pytest.raises(EvidenceCorrupt):
        vault.read(item.digest)


async def test_corrupt_evidence_is_never_papered_over_by_a_second_put(vault: Vault) -> None:
    item = await put(vault, b"what happened")
    path = stored(vault, item)
    path.chmod(0o600)
    path.write_bytes(b"forged")
    with pytest.raises(EvidenceCorrupt):
        await put(vault, b"what happened")
    assert path.read_bytes() == b"forged"


async def test_the_same_bytes_twice_are_one_file_and_two_ledger_lines(vault: Vault) -> None:
    first = await put(vault, b"same", "one")
    second = await put(vault, b"same", "two")
    assert first.digest == second.digest
    assert [item.name for item in vault.ledger()] == ["one", "two"]
    assert list((folder_of(vault) / "incoming").iterdir()) == []


async def test_nothing_there_is_said_so(vault: Vault) -> None:
    absent = digest_bytes(b"never put")
    assert not vault.has(absent)
    with pytest.raises(EvidenceMissing):
        vault.read(absent)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "sha256:../x", "sha256:AB", ""])
def test_a_digest_that_is_none_is_refused_before_it_is_a_path(vault: Vault, digest: str) -> None:
    with pytest.raises(BadInput):
        vault.read(digest)


async def test_a_ledger_line_that_was_cut_off_spoils_no_other(vault: Vault) -> None:
    await put(vault, b"a", "before")
    with (folder_of(vault) / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"digest":"sha256:00')
    await put(vault, b"b", "after")
    assert [item.name for item in vault.ledger()] == ["before", "after"]


async def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    vault = Vault(tmp_path / "file" / "vault")
    assert len(vault.check()) == 1
    with pytest.raises(SystemUnreachable):
        await put(vault, b"x")


PUTTER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from hemostat.vault import Vault

    async def main() -> None:
        vault = Vault(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(200):
            content = str(n).encode() * 2000
            await vault.put(
                content, media_type="text/plain", name=str(n), source="test", method="race"
            )

    asyncio.run(main())
    """
)


@pytest.mark.real
def test_processes_that_put_the_same_content_at_once_all_succeed(vault: Vault) -> None:
    putters = [
        subprocess.Popen(
            [sys.executable, "-c", PUTTER, folder_of(vault)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for putter in putters:
        assert putter.stdout is not None
        putter.stdout.readline()
    for putter in putters:
        putter.communicate(b"\n", timeout=60)
        assert putter.returncode == 0
    items = list(vault.ledger())
    assert len(items) == 600
    assert len({item.digest for item in items}) == 200
    assert all(vault.read(item.digest) for item in items)
    assert list((folder_of(vault) / "incoming").iterdir()) == []


DYING = textwrap.dedent(
    """
    import asyncio, os, resource, signal, sys
    from pathlib import Path
    from hemostat.vault import Vault

    moment, folder = sys.argv[1], Path(sys.argv[2])

    def die(event, args):
        # Audit hooks run before the call: the bytes are written by then, the next thing is not.
        if event == moment and "vault" in str(args[0]):
            os.kill(os.getpid(), signal.SIGKILL)

    folder.mkdir(parents=True)
    if moment == "half":
        # The kernel ends us when the file has 50,000 of its 100,000 bytes.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    else:
        sys.addaudithook(die)
    asyncio.run(Vault(folder).put(
        b"x" * 100_000, media_type="text/plain", name="n", source="test", method="kill"
    ))
    """
)


@pytest.mark.real
@pytest.mark.parametrize("moment", ["half", "os.link", "os.remove"])
async def test_a_kill_in_the_middle_of_a_put_leaves_no_half_file(vault: Vault, moment: str) -> None:
    died = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this test
        [sys.executable, "-c", DYING, moment, folder_of(vault)], cwd=ROOT, timeout=60, check=False
    )
    assert died.returncode == -(signal.SIGXFSZ if moment == "half" else signal.SIGKILL)
    left = [path.stat().st_size for path in (folder_of(vault) / "incoming").iterdir()]
    assert left == [50_000 if moment == "half" else 100_000]
    content = b"x" * 100_000
    digest = digest_bytes(content)
    if vault.has(digest):  # killed after the link
        assert vault.read(digest) == content
    item = await put(vault, content)
    assert vault.read(item.digest) == content
