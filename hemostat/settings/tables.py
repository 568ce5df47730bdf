"""The tables of ``hemostat.toml`` that have no file of their own: what each may say."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ByteSize, Field, JsonValue, field_validator, model_validator

from hemostat.settings.addresses import Network
from hemostat.settings.standing_proof import StandingProofTable
from hemostat.settings.values import Duration, Patience, SecretRef
from schemas.alert import AlertSeverity
from schemas.base import Frozen, Name
from schemas.clocks.catalogue import catalogue
from schemas.clocks.readings import CAPITALS
from schemas.roster import GLASS_AT_MOST
from schemas.who import NEED_TO_KNOW


class HemostatTable(Frozen):
    """``[hemostat]``: what all processes share; ``drill`` marks every incident as an exercise."""

    state: Path = Path("var")
    task_queue: Name = "hemostat"
    vault: Path | None = None
    drill: bool = False


class GatewayTable(Frozen):
    """``[gateway]``: where alerts come in; bodies over ``max_body`` are refused unread.

    ``public_url`` is the gateway as browsers reach it, for the links in messages; without it
    ``[identity] url`` is taken. ``slack_signing_secret`` proves that a pressed button is Slack's.
    Of ``trusted_proxies`` it is believed from which address they were asked; of nobody else.
    """

    bind: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65_535)
    max_body: ByteSize = ByteSize(256 * 1024)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s\"'<>@?#]+$")
    slack_signing_secret: SecretRef | None = None
    requests_per_second: float = Field(default=20.0, gt=0)
    burst: int = Field(default=100, ge=1)
    streams_per_person: int = Field(default=50, ge=1)
    streams: int = Field(default=800, ge=1)
    connections: int = Field(default=2000, ge=10)
    trusted_proxies: tuple[Network, ...] = Field(default=(), max_length=100)

    @property
    def address(self) -> str:
        """Where it is reached from this machine, as a URL: an IPv6 address is bracketed."""
        host = f"[{self.bind}]" if ":" in self.bind else self.bind
        return f"http://{host}:{self.port}"


_ONLY_SIGN: Final = ("mlflow", "pagerduty")
_SIGN: Final = (*_ONLY_SIGN, "grafana")
"""The kinds of sources whose sender signs what it sends."""


class Source(Frozen):
    """``[sources.NAME]``: one sender of alerts; a second token is for the time of a rotation.

    Where people write, ``reporters`` has a secret for each of them, and there is no token; nor is
    there where the sender signs: its signing ``secret``, two in a rotation. Grafana can do both.
    ``unrouted = "ignore"``: what no route knows is answered and opens nothing.
    """

    kind: Name
    token: tuple[SecretRef, ...] = Field(max_length=2)
    reporters: dict[Name, SecretRef] = {}
    secret: tuple[SecretRef, ...] = Field(default=(), max_length=8)
    max_body: ByteSize | None = None
    default_severity: AlertSeverity = AlertSeverity.MEDIUM
    unrouted: Literal["triage", "ignore"] = "triage"

    @model_validator(mode="before")
    @classmethod
    def _token_or_reporters(cls, data: Any) -> Any:
        signed = isinstance(data, dict) and (data.get("reporters") or data.get("secret"))
        return {"token": (), **data} if signed else data

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not self.token and not self.reporters and not self.secret:
            raise ValueError("there is neither a token nor a reporter")
        if self.secret and self.kind not in _SIGN:
            raise ValueError(f"`secret` is what the kinds {', '.join(_SIGN)} have, and no other")
        if self.kind in _ONLY_SIGN and (self.token or not self.secret):
            raise ValueError(
                f"the kind `{self.kind}` has a `secret` that it signs with, and no token"
            )
        return self

    @field_validator("token", "secret", mode="before")
    @classmethod
    def _one_or_two(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Route(Frozen):
    """``[[routes]]``: the first whose labels all match decides.

    The values of the ``correlate_by`` labels tell incidents of one service apart.
    """

    source: Name | None = None
    match: dict[str, str] = {}
    playbook: Name
    service: Name
    correlate_by: tuple[str, ...] = ()


class GateTable(Frozen):
    """What a service changes of a gate's policy."""

    timer: Patience | None = None
    ladder_every: Patience | None = None
    step_up: bool | None = None
    own_key: bool | None = None


class ServiceTable(Frozen):
    """``[services.NAME]``: one AI service, its playbooks and the connections they act through.

    ``regimes`` are the legal regimes that may reach it (``gdpr``, ``nis2``, or a clock's own id),
    ``countries`` (``DE``, ``DE-BY``) those whose working days the European ones count. Where it is
    ``restricted``, only the roles in ``need_to_know``, auditors, and whoever is asked see its
    incidents.
    """

    playbooks: tuple[Name, ...] = ()
    connections: dict[Name, Name] = {}
    parameters: dict[str, JsonValue] = {}
    gates: dict[Name, GateTable] = {}
    conflicts: tuple[Name, ...] = ()
    regimes: tuple[Name, ...] = ()
    countries: tuple[str, ...] = ()
    restricted: bool = False
    need_to_know: tuple[Name, ...] = NEED_TO_KNOW
    standing_proof: StandingProofTable | None = None

    @field_validator("regimes")
    @classmethod
    def _known_regimes(cls, regimes: tuple[str, ...]) -> tuple[str, ...]:
        for regime in regimes:
            if not catalogue().of(regime):
                known = ", ".join(catalogue().regimes())
                raise ValueError(f"no legal regime {regime!r}; there are {known}")
        return regimes

    @field_validator("countries")
    @classmethod
    def _known_countries(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        for country in countries:
            if country.partition("-")[0] not in CAPITALS:
                raise ValueError(f"no country {country!r}; there are {', '.join(sorted(CAPITALS))}")
        return countries


class BreakGlassTable(Frozen):
    """``[break_glass]``: who may decide alone at a gate, for ``ttl`` after breaking the glass."""

    people: tuple[Name, ...] = ()
    ttl: Annotated[Duration, Field(gt=timedelta(0), le=GLASS_AT_MOST)] = timedelta(minutes=30)
