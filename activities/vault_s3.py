"""Evidence is checked in, and kept in, a bucket of S3 that locks its objects (Object Lock)."""

import asyncio
from typing import Literal

from activities.parts.own_vault import OwnVault
from hemostat.vault import Vault
from schemas.base import Frozen


class Connection(Frozen):
    """``[connections.NAME]``: nothing to set, the bucket is that of ``[vault.s3]``."""

    adapter: Literal["vault_s3"]


class VaultS3(OwnVault):
    """The vault is the bucket that ``[vault.s3]`` names."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        super().__init__(vault)
        self.connection = connection

    async def check(self) -> list[str]:
        """Say whether the bucket is the vault, answers, and locks its objects."""
        if not self._vault.locks:
            return [f"The vault is {self._vault}, no bucket: add [vault.s3]."]
        return await asyncio.to_thread(self._vault.check)
