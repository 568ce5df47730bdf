"""An adapter as a file in ``activities/`` has it; two connections of it are two adapters."""

from typing import Literal

from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.errors import ConflictingChange, SystemRefused
from schemas.ports.port import fulfils
from tests.workers.fake_port import Clamp, Clamped, clamp_vessel


class Connection(Frozen):
    adapter: Literal["fake_adapter"]
    label: str
    token: SecretRef


class FakeAdapter:
    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self.calls: list[Clamp] = []
        self.closed = False

    @fulfils(clamp_vessel)
    async def clamp(self, request: Clamp) -> Clamped:
        self.calls.append(request)
        secret = read_secret(self.connection.token)
        if request.vessel == "refused":
            raise SystemRefused("it will not be clamped", where="the vessel", next_step="give up.")
        if request.vessel == "contended" and len(self.calls) < 3:
            raise ConflictingChange("someone else holds the clamp")
        if request.vessel == "careless" and len(self.calls) < 3:
            cause = ValueError(f"Authorization: Bearer {secret}")
            raise RuntimeError(f"request with {secret} failed %s") from cause
        return Clamped(by=self.connection.label, vessel=request.vessel)

    async def aclose(self) -> None:
        self.closed = True

    async def check(self) -> list[str]:
        return ["it is not sterile."]
