"""Grafana's own alerting: its webhook contact point (``grafana/alerting``, read at 783ce04).

The body is Alertmanager's, with the values of the rule's queries and more links beside. With a
``secret`` the POST is signed: HMAC-SHA256 in hex over "SECONDS:" and the body's bytes. Grafana signs
without a time unless its contact point names a header for it; such a signature would hold for ever,
so it is refused. What the contact point's "Test" button sends is no alert.
"""

from collections.abc import Mapping
from typing import Any, Final

from hemostat.gateway.delivery import Delivery, Normalised
from hemostat.gateway.groups import Dialect, body_of, delivery_key, group_of
from hemostat.gateway.sealed import Seal, in_hex

_DIALECT: Final = Dialect(
    "send the body of Grafana's webhook contact point, without a custom payload.",
    links=("panelURL", "dashboardURL", "generatorURL"),
    labels=("ruleUID",),
    numbers="values",
)
_SIGNATURE: Final = "x-grafana-alerting-signature"
_TIME: Final = "x-grafana-alerting-timestamp"


def normalise(delivery: Delivery) -> Normalised:
    """Return the alerts of one webhook POST."""
    body = body_of(delivery, _DIALECT)
    if _is_test(body):
        return Normalised(delivery_key(delivery, body), ())
    return group_of(delivery, _DIALECT, body)


def seal(headers: Mapping[str, str], body: bytes) -> Seal:
    """Return what the headers claim of *body*."""
    given, moment = headers.get(_SIGNATURE, ""), headers.get(_TIME, "")
    return Seal(
        header="X-Grafana-Alerting-Signature",
        given=(given,),
        time_header="X-Grafana-Alerting-Timestamp",
        moment=moment,
        message=moment.encode("utf-8", "replace") + b":" + body,
        once=given,
        written=in_hex,
    )


def _is_test(body: Mapping[str, Any]) -> bool:
    """Whether the "Test" button sent it: the key of a real group begins with its route."""
    names = [alert["labels"].get("alertname") for alert in body["alerts"]]
    group = body.get("groupKey")
    return names == ["TestAlert"] and isinstance(group, str) and group.startswith("webhook-")
