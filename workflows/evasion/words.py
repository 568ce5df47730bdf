"""The texts of adversarial evasion: a report to a hotline, a statement of reasons. Pure.

They hold no picture, name no account and quote nothing that came from outside; items are hashes. A
text ends with a line break, as a mail does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.base import Digest


@dataclass(frozen=True)
class Facts:
    """What every text may say."""

    case: str
    service: str
    opened_at: str
    drill: bool


def marked(facts: Facts) -> str:
    """The first line of an exercise."""
    return "EXERCISE. None of this happened.\n\n" if facts.drill else ""


def hotline_report(facts: Facts, items: Sequence[Digest]) -> str:
    """What a hotline is told: hashes, that the items are preserved, and where to ask."""
    listed = "\n".join(items)
    return (
        f"{marked(facts)}Case {facts.case}: report of apparent child sexual abuse material.\n\n"
        f"Our people flagged {len(items)} item(s) uploaded to our service {facts.service}; the case "
        f"was opened at {facts.opened_at}. Each is out of sight, preserved at our service and "
        f"disclosed to nobody else. By SHA-256:\n\n{listed}\n\n"
        "Uploader data and the items themselves are held for you; please ask under this case.\n"
    )


def reasons(facts: Facts, removed: int) -> str:
    """What those are told whose items were taken down (Art. 17(3) DSA)."""
    return (
        f"{marked(facts)}Case {facts.case}: statement of reasons.\n\n"
        f"On {facts.service}, {removed} item(s) were taken down that had been approved. They were "
        "found explicit when everything approved in the time of an attack was looked at again. "
        "Ground: incompatible with the terms of service on explicit content. The decision was "
        "prepared by automated means and agreed to by two people. You can complain to us without "
        "charge, go to an out-of-court dispute settlement body, or to a court.\n"
    )
