"""An incident: what opens it, what it answers while it runs, and what it leaves behind."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, JsonValue

from schemas.alert import Alert
from schemas.base import Digest, Frozen, Name, Utc
from schemas.clocks.definition import LegalBasis
from schemas.eligibility import Standing
from schemas.gate import GatePolicy, Outcome
from schemas.roster import Roster
from schemas.severity import Impact
from schemas.severity import Severity as Severity  # noqa: PLC0414 - an explicit re-export
from schemas.speakers import SpeakerKeys
from schemas.standing_proof import StandingProof
from schemas.step import StepView


class Phase(StrEnum):
    """Where the response stands, in the words of NIST SP 800-61r2."""

    DETECTION = "detection-and-analysis"
    CONTAINMENT = "containment"
    ERADICATION = "eradication"
    RECOVERY = "recovery"
    POST_INCIDENT = "post-incident"
    CLOSED = "closed"


class Containment(StrEnum):
    """How contained the harm is: what was commanded never counts as proven."""

    NONE = "none"
    COMMANDED = "commanded"
    PROVEN = "proven"
    UNPROVEN = "unproven"
    LIFTED = "lifted"


class Resolution(StrEnum):
    """How an incident ended."""

    RESOLVED = "resolved"
    FALSE_ALARM = "false-alarm"
    BENIGN_CHANGE = "benign-change"
    RESOLVED_BEFORE_FIRING = "resolved-before-firing"
    TRIAGED = "triaged"


class GateOverride(Frozen):
    """What a service may change of a gate's policy."""

    timer: timedelta | None = None
    ladder_every: timedelta | None = None
    step_up: bool | None = None
    own_key: bool | None = None


class Service(Frozen):
    """A service as hemostat.toml describes it, fixed in the incident at its start.

    ``connections`` maps a capability (``gateway``, ``registry`` …) to a ``[connections.NAME]``.
    ``parameters`` are validated by the playbook's own parameters model. ``regimes`` are the legal
    regimes that may reach it, ``countries`` those whose working days count.
    """

    name: Name
    connections: dict[Name, Name]
    parameters: dict[str, JsonValue] = {}
    gates: dict[Name, GateOverride] = {}
    regimes: tuple[Name, ...] = ()
    countries: tuple[str, ...] = ()
    roster: Roster | None = None
    """The people, where hemostat.toml declares any; fixed like all of it."""
    restricted: bool | None = None
    """Whether only those who need to know see its incidents; None: opened before this was said."""
    standing_proof: StandingProof | None = None
    """How often to look again at what was contained; None: it is proven once and not looked at."""


class Carried(Frozen):
    """What one run of an incident hands to the next when its history grows long."""

    opened_at: Utc
    first_run: str
    journal_length: int
    journal_head: Digest
    journal_segments: tuple[Digest, ...] = ()
    results: dict[str, JsonValue] = {}
    state: dict[str, JsonValue] = {}


class OpenIncident(Frozen):
    """The input of every playbook."""

    playbook: Name
    service: Service
    drill: bool = False
    carried: Carried | None = None
    legal: LegalBasis | None = None
    speakers: SpeakerKeys | None = None
    """Whose statements count; None: nobody is asked to prove who they are."""
    in_full: bool = False
    """Whether its journal also tells until when an answer was due, and by which look over which
    connection a proof was had; incidents that opened before go on without."""


class Approved(Frozen):
    """An approval that counts so far at an open gate: whose, and in which role."""

    person: str
    role: Name


class GateView(Frozen):
    """An open gate as people see it; ``nonce`` and ``digest`` go back with the decision."""

    policy: GatePolicy
    nonce: str
    digest: Digest
    shown: dict[str, JsonValue]
    opened_at: Utc
    deadline: Utc | None
    held: bool
    approvals: int
    stands: Outcome | None = None
    """Its outcome so far: held by policy, or None while people still have time."""
    may_decide: tuple[Standing, ...] = ()
    """Who may decide now, where people are declared; without anyone excluded."""
    glass: tuple[str, ...] = ()
    """Who broke the glass here, and may decide alone now in the role ``break-glass``."""
    approved: tuple[Approved, ...] = ()
    """The approvals that count so far; none where an older worker answers."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """The roles whose approval is still asked for; all of them where that cannot be told."""
        given = {one.role for one in self.approved}
        if not self.policy.all_roles or not given <= set(self.policy.roles):
            return self.policy.roles  # who stands in for a role does not say for which
        return tuple(role for role in self.policy.roles if role not in given) or self.policy.roles


class IncidentView(Frozen):
    """The answer of the ``incident`` query, at any moment."""

    id: str
    run_id: str
    playbook: Name
    service: Name
    drill: bool
    opened_at: Utc
    phase: Phase
    severity: Severity
    containment: Containment
    resolution: Resolution | None
    impact: Impact | None = None
    steps: tuple[StepView, ...]
    gates: tuple[GateView, ...]
    alerts: int
    journal_length: int
    journal_head: Digest
    restricted: bool = False
    """Whether someone must not see it; ``may_see`` says who."""
    asks_proof: bool = False
    """Whether only signed statements count here."""


class Sight(Frozen):
    """The answer of the ``may_see`` query about one person, who is never named in it."""

    excluded: bool
    """A suspect, or somebody's to whom a suspect delegated: sees nothing of it."""
    asked: bool
    """May decide at a gate that is open now: sees it, whatever their role."""


class JournalQuery(Frozen):
    """Which part of the journal to return; at most ``limit`` entries from ``start``."""

    start: int = Field(default=0, ge=0)
    limit: int = Field(default=500, ge=1, le=2000)


class IncidentResult(Frozen):
    """What a closed incident returns."""

    id: str
    playbook: Name
    service: Name
    drill: bool
    resolution: Resolution
    severity: Severity
    containment: Containment
    opened_at: Utc
    closed_at: Utc
    contained_at: Utc | None
    proven_at: Utc | None
    alerts: int
    journal_length: int
    journal_head: Digest
    journal_segments: tuple[Digest, ...] = ()


def first_alert_of(alerts: tuple[Alert, ...]) -> Alert:
    """Return the earliest alert by the time it says it began, else by arrival."""
    return min(alerts, key=lambda alert: alert.started_at or alert.received_at)
