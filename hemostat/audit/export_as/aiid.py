"""A report to the AI Incident Database, as a draft for its submission form.

The fields and their bounds are those of the form in github.com/responsible-ai-collaborative/aiid
(``site/gatsby-site/src/components/submissions/schemas.js``). The database is about published
reports: where and when it was published, who developed and deployed the system and who was harmed is left
open for people to fill.
"""

from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.export_as.required import Rule, each, matches, problems, text
from hemostat.audit.report.facts import summary

TO_FILL: Final = (
    "url",
    "date_published",
    "date_downloaded",
    "developers",
    "deployers",
    "harmed_parties",
)
_DAY: Final = r"\d{4}-\d\d-\d\d"
_PARTIES: Final = each(text(3, 200))
RULES: Final[dict[str, Rule]] = {
    "title": text(6, 500),
    "incident_title": text(6, 500),
    "description": text(3, 500),
    "text": text(80, 50_000),
    "authors": _PARTIES,
    "submitters": _PARTIES,
    "developers": _PARTIES,
    "deployers": _PARTIES,
    "harmed_parties": _PARTIES,
    "incident_date": matches(_DAY),
    "date_published": matches(_DAY),
    "date_downloaded": matches(_DAY),
    "url": matches(r"https?://\S+"),
}


def export(account: Account) -> dict[str, Any]:
    """Return the draft, with what is left open."""
    scrub = Scrubber(account)
    exercise = "EXERCISE: " if account.drill else ""
    said = " ".join(summary(account))
    title = f"{exercise}{account.title} ({account.service})"
    draft = {
        "title": scrub.text(title, 500),
        "incident_title": scrub.text(title, 500),
        "description": scrub.text(said, 500),
        "text": scrub.text(f"{said} Generated from the record of the response.", 50_000),
        "authors": ["Anonymous"],
        "submitters": ["Anonymous"],
        "developers": None,
        "deployers": None,
        "harmed_parties": None,
        "incident_date": f"{account.began_at:%Y-%m-%d}",
        "date_published": None,
        "date_downloaded": None,
        "url": None,
    }
    return {"draft": draft, "to_fill": list(TO_FILL)}


def check(exported: dict[str, Any]) -> list[str]:
    """Return what the form requires and the draft lacks, apart from what is left open."""
    return problems(exported["draft"], RULES, TO_FILL)
