"""How grave an incident is: SEV-1 to SEV-4 from declared facts, the gravest that matches.

Source: ``reference`` severity table of the domain (criteria of SEV-1 to SEV-4). What is not known
counts as SEV-2 until it is, as AWS's triage guide has it. Raising happens by itself; lowering is
the commander's, with a reason.
"""

from enum import StrEnum

from schemas.base import Frozen


class Severity(StrEnum):
    """Severity, most severe first (domain: SEV-1 to SEV-4)."""

    SEV1 = "SEV-1"
    SEV2 = "SEV-2"
    SEV3 = "SEV-3"
    SEV4 = "SEV-4"

    def graver_than(self, other: "Severity") -> bool:
        """Whether this is the more severe one."""
        order = list(Severity)
        return order.index(self) < order.index(other)


class Known(StrEnum):
    """What is known of a fact; nothing is assumed for one that nobody declared."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Facts(Frozen):
    """Impact facts as they were declared; None: nobody declared it, it decides nothing."""

    protected_data_out: Known | None = None
    """Personal, regulated or secret data is confirmed to be outside."""
    physical_harm: Known | None = None
    csam_or_cbrn: Known | None = None
    agent_acts_outside: Known | None = None
    """An agent takes unauthorised actions on the outside now."""
    public_disclosure: Known | None = None
    serious_incident: Known | None = None
    """Possibly a serious incident by Art. 3(49)(a) or (b) of the AI Act."""
    integrity_compromised: Known | None = None
    """Confirmed in production, its blast radius unclear."""
    key_abused: Known | None = None
    containment_unproven: Known | None = None
    """Not proven after the first try."""
    attack_suspected: Known | None = None


GRAVEST = (
    "protected_data_out",
    "physical_harm",
    "csam_or_cbrn",
    "agent_acts_outside",
    "public_disclosure",
    "serious_incident",
)
GRAVE = ("integrity_compromised", "key_abused", "containment_unproven")


class Unknown(Frozen):
    """A value that nobody knows yet, and why."""

    unknown_because: str


Value = int | float | str | Unknown


class Impact(Frozen):
    """The impact vector, kept beside the severity: each value, or that it is unknown and why."""

    people: Value = Unknown(unknown_because="not assessed")
    data: Value = Unknown(unknown_because="not assessed")
    safety: Value = Unknown(unknown_because="not assessed")
    money: Value = Unknown(unknown_because="not assessed")
    rights: Value = Unknown(unknown_because="not assessed")
    regulator: Value = Unknown(unknown_because="not assessed")
    reputation: Value = Unknown(unknown_because="not assessed")


class Grading(Frozen):
    """A severity and the facts it follows from."""

    severity: Severity
    because: tuple[str, ...]


def grade(facts: Facts) -> Grading:
    """Return the severity of *facts*: the gravest that matches; unsure counts as SEV-2."""
    told = facts.model_dump(exclude_none=True)

    def among(names: tuple[str, ...], value: Known) -> tuple[str, ...]:
        return tuple(name for name in names if told.get(name) is value)

    unknown = tuple(f"{name} is unknown" for name in among(tuple(told), Known.UNKNOWN))
    if gravest := among(GRAVEST, Known.YES):
        return Grading(severity=Severity.SEV1, because=gravest)
    if grave := among(GRAVE, Known.YES) + unknown:
        return Grading(severity=Severity.SEV2, because=grave)
    if suspected := among(("attack_suspected",), Known.YES):
        return Grading(severity=Severity.SEV3, because=suspected)
    return Grading(severity=Severity.SEV4, because=("no attack",))
