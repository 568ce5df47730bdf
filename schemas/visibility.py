"""What can be asked of the list of incidents: our search attributes in Temporal's visibility.

This is the one module of ``schemas`` that imports Temporal, for its typed keys; playbooks upsert
them and people query them. Search attributes are never encrypted, so they carry no person, no
customer, no data class and nothing that an attacker wrote.

Renaming one orphans recorded incidents. Temporal on SQL visibility allows ten of type Keyword.
"""

from typing import Any

from temporalio.common import SearchAttributeKey

PLAYBOOK = SearchAttributeKey.for_keyword("HemostatPlaybook")
"""The playbook's name, such as ``feedback-poisoning``."""

SERVICE = SearchAttributeKey.for_keyword("HemostatService")
"""The service's name in hemostat.toml."""

PHASE = SearchAttributeKey.for_keyword("HemostatPhase")
"""A :class:`schemas.incident.Phase`."""

SEVERITY = SearchAttributeKey.for_keyword("HemostatSeverity")
"""A :class:`schemas.incident.Severity`."""

CONTAINMENT = SearchAttributeKey.for_keyword("HemostatContainment")
"""A :class:`schemas.incident.Containment`."""

WAITING_FOR = SearchAttributeKey.for_keyword_list("HemostatWaitingFor")
"""The roles that an open gate waits for; empty when it waits for nobody."""

DRILL = SearchAttributeKey.for_bool("HemostatDrill")
"""Whether the incident is an exercise."""

RESTRICTED = SearchAttributeKey.for_bool("HemostatRestricted")
"""Whether someone must not see the incident: its service is restricted, or a person is excluded.

Not set in incidents that were opened before there was this mark; who reads asks those themselves.
"""

CHANGED_AT = SearchAttributeKey.for_datetime("HemostatChangedAt")
"""When what the list tells of the incident last changed, by the server's clock.

Not set in incidents that were opened before there was this mark.
"""

KEYS: tuple[SearchAttributeKey[Any], ...] = (
    PLAYBOOK,
    SERVICE,
    PHASE,
    SEVERITY,
    CONTAINMENT,
    WAITING_FOR,
    DRILL,
    RESTRICTED,
    CHANGED_AT,
)
"""What a namespace must have registered."""
