"""The API gateway in front of the service: close a route, open it for some, give it back."""

from pydantic import Field

from schemas.base import Digest, Frozen
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port


class IsolateEndpoint(Effect):
    """Answer *status* on the route with this id, whatever the request."""

    route: str
    status: int = Field(default=503, ge=400, le=599)


class Isolation(Frozen):
    """The route is closed; digests are of the gateway's whole canonical configuration."""

    route: str
    changed: bool
    """False: it was already closed by this incident, nothing was written."""
    config_before: Digest
    config_after: Digest


class Restoration(Frozen):
    """The isolation is gone; ``exact``: the configuration is byte for byte the one from before."""

    route: str
    changed: bool
    config: Digest
    exact: bool


class AdmitCohort(Effect):
    """Let *percent* of the trusted accounts through the closed route, everyone else stays out."""

    route: str
    percent: int = Field(ge=1, le=100)


class Admission(Frozen):
    """How many trusted accounts pass now."""

    route: str
    changed: bool
    percent: int
    accounts: int
    config: Digest


class ReadEndpoint(Request):
    """Ask for the state of a route."""

    route: str


class EndpointState(Frozen):
    """Which incidents close the route; ``admitted``: trusted accounts let through by this one."""

    route: str
    isolated_by: tuple[str, ...]
    admitted: int
    config: Digest


class SealEdge(Effect):
    """Seal the gateway's configuration as it is."""


@port("gateway")
async def isolate_endpoint(request: IsolateEndpoint) -> Isolation:
    """Close the route at the gateway, compare-and-set; other routes are untouched."""
    raise NotImplementedError


@port("gateway")
async def restore_endpoint(request: IsolateEndpoint) -> Restoration:
    """Undo ``isolate_endpoint``: exactly the configuration from before it."""
    raise NotImplementedError


@port("gateway")
async def admit_cohort(request: AdmitCohort) -> Admission:
    """Open the closed route for a share of the trusted accounts, chosen stably by digest."""
    raise NotImplementedError


@port("gateway")
async def read_endpoint(request: ReadEndpoint) -> EndpointState:
    """Read the route's state back from the gateway."""
    raise NotImplementedError


@port("gateway")
async def seal_edge(request: SealEdge) -> Sealed:
    """Put the gateway's configuration into the vault."""
    raise NotImplementedError
