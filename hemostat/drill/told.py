"""Whom a drill tells beside the response: its own Slack channel, and its people directly.

Law: a drill's messages go to the range's stand-in alone, and only to those who play in it. The
people are opaque ids, one to a role, and their Slack ids are made of those.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

CHANNEL: Final = "C0DRILLS"

Cast = Mapping[str, Sequence[str]]
"""Who holds each role."""


def one_each(roles: Iterable[str]) -> dict[str, list[str]]:
    """Return a cast in which ``drill-ROLE`` holds each role."""
    return {role: [f"drill-{role}"] for role in roles}


def everyone(cast: Cast) -> list[str]:
    """Return all people of *cast*, each once."""
    return list(dict.fromkeys(person for own in cast.values() for person in own))


def slack_id(person: str) -> str:
    """Return the id of *person* at the range's Slack."""
    return "U0" + re.sub("[^A-Z0-9]", "", person.upper())[:28]


def direct_channel(person: str) -> str:
    """Return the channel of direct messages to *person* at the range's Slack."""
    return f"D{slack_id(person)[1:]}"


def chat(slack: str) -> str:
    """Return what a service's ``connections`` end with; nothing where there is no *slack*."""
    return ', chat = "slack"' if slack else ""


def slack_connection(slack: str, reached: Iterable[str]) -> str:
    """Return ``[connections.slack]`` for the stand-in at *slack*, in which *reached* are asked."""
    if not slack:
        return ""
    return f"""\
[connections.slack]
adapter = "chat_slack"
url = "{slack}/api/"
ca = "file:slack/ca.pem"
token = "file:slack-token"
channel = "{CHANNEL}"
drill_channel = "{CHANNEL}"
drill_people = {json.dumps(list(reached))}
"""


def people(cast: Cast, last: Sequence[str]) -> str:
    """Return ``[people]`` and ``[roles]``; every ladder but those of the *last* ends at the first."""
    tables = [f'[people.{person}]\nslack = "{slack_id(person)}"\n' for person in everyone(cast)]
    for role, own in cast.items():
        ladder = "" if role in last else f"ladder = {json.dumps([last[0]])}\n"
        tables.append(f"[roles.{role}]\nprimary = {json.dumps(list(own))}\n{ladder}")
    return "\n".join(tables)
