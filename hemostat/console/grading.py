"""The form that grades an incident: the facts that a severity follows from, and how far it reaches."""

from typing import Final

from hemostat.console.fields import Field, Seen, role_field
from hemostat.console.words import plain
from hemostat.console.wrong import Given, NothingSaid
from hemostat.desk.said import Grade, Said
from schemas.severity import GRAVE, GRAVEST, Facts, Impact, Known, Severity

_FACT: Final = tuple((known.value, known.value) for known in Known)
_FACTS_SAY: Final = {
    "csam_or_cbrn": "CSAM or CBRN content",
    "agent_acts_outside": "an agent acts outside, unauthorised",
    "serious_incident": "serious incident (AI Act)",
    "integrity_compromised": "integrity compromised in production",
}
"""Facts whose names alone do not say enough."""
_HEADS: Final = {
    GRAVEST[0]: "Any of these makes it SEV-1",
    GRAVE[0]: "Any of these makes it SEV-2, as does any that is unknown",
    "attack_suspected": "This alone makes it SEV-3",
}


def fields(seen: Seen) -> tuple[Field, ...]:
    """Return its fields, the facts under what each of them makes of the incident."""
    severities = tuple((s.value, s.value) for s in Severity)
    choices = (("", "not said"), *_FACT)
    facts = (
        Field(
            name,
            _FACTS_SAY.get(name, plain(name)),
            "pick",
            choices,
            required=False,
            half=True,
            head=_HEADS.get(name, ""),
        )
        for name in Facts.model_fields
    )
    impact = (
        Field(
            f"impact_{name}",
            f"impact: {plain(name)}",
            required=False,
            half=True,
            head="" if number else "How far it reaches, kept beside the severity",
        )
        for number, name in enumerate(Impact.model_fields)
    )
    setting = Field(
        "severity", "Severity", "pick", (("", "as the facts have it"), *severities), required=False
    )
    return (setting, *facts, *impact, *role_field(seen, frozenset({"commander"})))


def said(given: Given) -> Said:
    """Return what the form says; raises ``NothingSaid`` where all of it was left."""
    facts = {name: value for name, value in given.items() if name in Facts.model_fields}
    prefix = "impact_"
    impact = {n.removeprefix(prefix): v for n, v in given.items() if n.startswith(prefix)}
    rest = {name: given[name] for name in ("severity", "role", "reason") if name in given}
    if not (facts or impact or "severity" in given):
        raise NothingSaid("severity", "nothing is said: set a severity, a fact or an impact")
    return Grade.model_validate({**rest, "facts": facts, "impact": impact or None})
