"""Which playbook answers an alert, for which service, and which incident it belongs to. Pure.

An incident's id holds no text from outside: labels by which incidents are told apart go into it
as a digest. What no route knows becomes a triage incident; nothing is dropped.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hemostat.settings import Route, Settings
from schemas.alert import Alert
from schemas.canonical import canonical_json
from schemas.clocks.catalogue import catalogue
from schemas.incident import OpenIncident, Service
from schemas.speakers import SpeakerKeys

TRIAGE: Final = "triage"
UNROUTED: Final = "unrouted"


@dataclass(frozen=True)
class Destination:
    """The incident that an alert belongs to, and what would open it."""

    incident: str
    opening: OpenIncident


def destination_of(
    settings: Settings, alert: Alert, speakers: SpeakerKeys | None = None
) -> Destination:
    """Return where *alert* goes: the first route whose labels all match, else triage.

    *speakers* are the keys that an incident trusts which it opens.
    """
    drill = settings.hemostat.drill
    if route := route_of(settings, alert):
        told_apart = [alert.labels.get(label, "") for label in route.correlate_by]
        service = settings.service(route.service)
        return _destination(route.playbook, service, told_apart, speakers, drill=drill)
    known = UNROUTED in settings.services
    # Nobody configured it, and yet not everybody decides about it.
    people = settings.roster() if settings.roles else None
    nobodys = Service(name=UNROUTED, connections={}, roster=people)
    service = settings.service(UNROUTED) if known else nobodys
    return _destination(TRIAGE, service, [alert.source, alert.kind], speakers, drill=drill)


def route_of(settings: Settings, alert: Alert) -> Route | None:
    """Return the first route whose labels all match *alert*."""
    fitting = (r for r in settings.routes if _matches(r, alert.source, alert.labels))
    return next(fitting, None)


def incident_id(playbook: str, service: str, told_apart: list[str], *, drill: bool = False) -> str:
    """Return the incident's id, which is its workflow id."""
    named = canonical_json([playbook, service, *told_apart])
    return f"{'drill-' if drill else ''}{playbook}-{hashlib.sha256(named).hexdigest()[:12]}"


def opening_of(
    playbook: str, service: Service, speakers: SpeakerKeys | None = None, *, drill: bool = False
) -> OpenIncident:
    """Return what opens an incident, pinned to this edition of the legal clocks it may start."""
    legal = catalogue().basis(service.regimes, service.countries) if service.regimes else None
    return OpenIncident(
        playbook=playbook,
        service=service,
        drill=drill,
        legal=legal,
        speakers=speakers,
        in_full=True,
    )


def _matches(route: Route, source: str, labels: Mapping[str, str]) -> bool:
    if route.source is not None and route.source != source:
        return False
    return all(labels.get(label) == value for label, value in route.match.items())


def _destination(
    playbook: str,
    service: Service,
    told_apart: list[str],
    speakers: SpeakerKeys | None,
    *,
    drill: bool,
) -> Destination:
    return Destination(
        incident=incident_id(playbook, service.name, told_apart, drill=drill),
        opening=opening_of(playbook, service, speakers, drill=drill),
    )
