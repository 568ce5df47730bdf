"""A STIX 2.1 bundle by the maintained library: the incident, what was done to it, and what it did.

Ids follow from the incident, so that a second export replaces the first. Every object is marked
TLP, amber unless told otherwise.
"""

import json
import uuid
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.export_as.techniques import TECHNIQUES
from hemostat.audit.report.facts import summary
from schemas.errors import ConfigurationError

TLP: Final = ("white", "green", "amber", "red")
_SPACE: Final = uuid.UUID("1b9a7f0e-5c1d-5d3c-9f9b-3d1c6a2f8e41")
"""Ours alone: names in it are those of incidents and their parts."""


def export(account: Account, tlp: str = "amber") -> dict[str, Any]:
    """Return the bundle; ``ConfigurationError`` where stix2 is not installed."""
    stix2 = _library()
    scrub = Scrubber(account)
    common = {
        "created": account.opened_at,
        "modified": max(account.ended_at, account.opened_at),
        "object_marking_refs": [getattr(stix2, f"TLP_{tlp.upper()}").id],
    }

    def id_of(kind: str, name: str) -> str:
        return f"{kind}--{uuid.uuid5(_SPACE, f'{account.incident}/{account.record.head}/{kind}/{name}')}"

    exercise = "EXERCISE: " if account.drill else ""
    said = scrub.text(" ".join(summary(account)))
    source = stix2.Identity(
        id=id_of("identity", ""), name="Hemostat", identity_class="system", **common
    )
    common["created_by_ref"] = source.id
    incident = stix2.Incident(
        id=id_of("incident", ""),
        name=exercise + scrub.text(account.title),
        description=said,
        **common,
    )
    named = account.record.opened.get("atlas")
    ids = [str(i) for i in named if str(i) in TECHNIQUES] if isinstance(named, list) else []
    patterns = [
        stix2.AttackPattern(
            id=id_of("attack-pattern", i),
            name=TECHNIQUES[i].name,
            external_references=[
                {"source_name": "mitre-atlas", "external_id": i, "url": TECHNIQUES[i].url}
            ],
            **common,
        )
        for i in ids
    ]
    courses = [
        stix2.CourseOfAction(
            id=id_of("course-of-action", step.id),
            name=scrub.text(step.title),
            description=f"A containing step; it ended {step.state}.",
            **common,
        )
        for step in account.containing
    ]
    links = [
        stix2.Relationship(
            id=id_of("relationship", f"{one.id} {other.id}"),
            source_ref=one.id, target_ref=other.id, relationship_type=kind, **common,
        )
        for one, kind, other in (
            *((incident, "related-to", pattern) for pattern in patterns),
            *((course, "related-to", incident) for course in courses),
        )
    ]  # fmt: skip
    parts = [source, incident, *patterns, *courses, *links]
    report = stix2.Report(
        id=id_of("report", ""),
        name=exercise + scrub.text(account.title),
        description=said,
        published=common["modified"],
        report_types=["threat-report"],
        object_refs=[part.id for part in parts],
        **common,
    )
    marking = getattr(stix2, f"TLP_{tlp.upper()}")
    bundle = stix2.Bundle(id=id_of_bundle(account), objects=[marking, *parts, report])
    written: dict[str, Any] = json.loads(bundle.serialize())
    return written


def id_of_bundle(account: Account) -> str:
    """Return the bundle's id."""
    return f"bundle--{uuid.uuid5(_SPACE, f'{account.incident}/{account.record.head}')}"


def check(exported: dict[str, Any]) -> list[str]:
    """Return what the library finds wrong; it knows the specification's own rules."""
    stix2 = _library()
    try:
        stix2.parse(exported, allow_custom=False, version="2.1")
    except (stix2.exceptions.STIXError, ValueError) as error:
        return [str(error)[:300]]
    return []


def _library() -> Any:
    try:
        import stix2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "a STIX bundle needs the package stix2", next_step="install `hemostat[report]`."
        ) from error
    return stix2
