"""A sealer that kills itself at one point: ``python -m tests.audit.killed_sealer``.

Arguments: Temporal's address, its namespace, the store's folder, the key's file, the number of the
write, and whether it dies when that write is half done or just after. The vault lies beside the
key. What it was writing stands in ``reached`` beside the store, so that nobody has to believe that
the point was reached.

Only new names count: an attempt repeated because a worker was slow is no write. And it waits for
the journal, so that how much there is to write does not depend on the machine.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from hemostat.audit.follower import Sealer
from hemostat.audit.sealer import seal_all
from hemostat.audit.store_folder import FolderStore
from hemostat.temporal import connect_to
from hemostat.vault import Vault
from schemas.audit.signing import SigningKey

PATIENT = timedelta(seconds=90)
"""How long it waits for a worker; there is one, so it waits for the machine alone."""


def kind_of(name: str) -> str:
    """Return what a write is of: names hold digests and ids, which differ from run to run."""
    return name.partition("/")[0]


class Deadly(FolderStore):
    """A store whose writer dies when it writes its *number*-th new name."""

    def __init__(self, folder: Path, number: int, point: str) -> None:
        super().__init__(folder)
        self.left, self.point = number, point

    def put(self, name: str, content: bytes) -> bool:
        """Keep it, and die where that is asked for."""
        if self.get(name) is not None:
            return super().put(name, content)
        self.left -= 1
        if self.left == 0:
            (self.folder.parent / "reached").write_text(kind_of(name))
        if self.left == 0 and self.point == "half":
            (self.folder / "incoming").mkdir(parents=True, exist_ok=True)
            (self.folder / "incoming" / "half").write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        kept = super().put(name, content)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return kept


async def _seal(
    address: str, namespace: str, folder: Path, key: Path, number: int, at: str
) -> None:
    client = await connect_to(address, namespace)
    store = Deadly(folder, number, at)
    signing = SigningKey.from_pem(key.read_text())
    vault = Vault(key.parent / "vault")
    await seal_all(Sealer(client, store, signing, vault, patience=PATIENT, journal_within=PATIENT))


if __name__ == "__main__":
    where, space, into, pem, count, point = sys.argv[1:]
    asyncio.run(_seal(where, space, Path(into), Path(pem), int(count), point))
    sys.stdout.flush()
    os._exit(0)  # it was to be killed before: the test says so
