"""Evidence is checked in, and kept in, the vault folder that this worker was given."""

import asyncio
from typing import Literal

from activities.parts.own_vault import OwnVault
from hemostat.vault import Vault
from schemas.base import Frozen


class Connection(Frozen):
    """``[connections.NAME]``: nothing to set, the folder is the worker's own."""

    adapter: Literal["vault_folder"]


class VaultFolder(OwnVault):
    """The vault is the folder that ``[hemostat]`` names."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        super().__init__(vault)
        self.connection = connection

    async def check(self) -> list[str]:
        """Say whether the folder can take evidence."""
        return await asyncio.to_thread(self._vault.check)
