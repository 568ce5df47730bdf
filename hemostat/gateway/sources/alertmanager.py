"""Prometheus Alertmanager, webhook version 4 (release 0.34; ``notify/webhook/webhook.go``)."""

from typing import Final

from hemostat.gateway.delivery import Delivery, Normalised
from hemostat.gateway.groups import Dialect, body_of, group_of

_DIALECT: Final = Dialect(
    "send Alertmanager's own webhook body (version 4), without a `payload:` template."
)


def normalise(delivery: Delivery) -> Normalised:
    """Return the alerts of one webhook POST."""
    return group_of(delivery, _DIALECT, body_of(delivery, _DIALECT))
