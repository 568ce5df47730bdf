"""Where the parts are that a stage adds to a range: what a drill's hemostat.toml names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Addresses:
    """The gateway's port, and the stand-ins; ``slack`` is empty where nothing is told there."""

    gateway_port: int
    pagerduty: str
    servicenow: str
    slack: str = ""
