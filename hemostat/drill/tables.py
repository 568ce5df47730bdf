"""The tables of hemostat.toml that every drill has: what is Hemostat's own, and the stand-ins."""

from hemostat.drill.addresses import Addresses

EVIDENCE = """\
[connections.evidence]
adapter = "vault_folder"
"""


def head(where: Addresses) -> str:
    """Return what the file begins with: the state, the gateway, and the monitor as a source."""
    return f"""\
[hemostat]
state = "state"
drill = true

[gateway]
port = {where.gateway_port}
public_url = "http://127.0.0.1:{where.gateway_port}"

[sources.alertmanager]
kind = "alertmanager"
token = "file:alert-token"
"""


def pager(url: str) -> str:
    """Return the connection to the PagerDuty at *url*."""
    return f"""\
[connections.pagerduty]
adapter = "paging_pagerduty"
routing_key = "file:routing-key"
url = "{url}"
ca = "file:pagerduty/ca.pem"
"""


def tickets(url: str) -> str:
    """Return the connection to the ServiceNow at *url*."""
    return f"""\
[connections.servicenow]
adapter = "tickets_servicenow"
url = "{url}"
username = "file:servicenow-user"
password = "file:servicenow-password"
ca = "file:servicenow/ca.pem"
"""
