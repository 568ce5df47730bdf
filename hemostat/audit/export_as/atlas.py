"""A MITRE ATLAS case study, as a draft for MITRE's own form.

The fields are those of ``schemas/atlas_obj.py`` in github.com/mitre-atlas/atlas-data (case study).
MITRE gives the id; who reports is for the company to say. The procedure lists the techniques that
the playbook answers: whether an attacker used each is for a person to judge.
"""

from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.export_as.required import Rule, each, matches, problems, text
from hemostat.audit.export_as.techniques import ATLAS_VERSION, TECHNIQUES
from hemostat.audit.report.facts import summary

TO_FILL: Final = ("id", "reported-by")
RULES: Final[dict[str, Rule]] = {
    "id": matches(r"AML\.CS\d{4}"),
    "object-type": matches("case-study"),
    "name": text(),
    "summary": text(),
    "incident-date": matches(r"\d{4}-\d\d-\d\d"),
    "incident-date-granularity": matches("YEAR|MONTH|DATE"),
    "procedure": each(
        {
            "tactic": matches(r"AML\.TA\d{4}"),
            "technique": matches(r"AML\.T\d{4}(?:\.\d{3})?"),
            "description": text(),
        }
    ),
    "reported-by": text(),
}


def export(account: Account) -> dict[str, Any]:
    """Return the draft, with what is left open."""
    scrub = Scrubber(account)
    named = account.record.opened.get("atlas")
    ids = [str(name) for name in named] if isinstance(named, list) else []
    exercise = "EXERCISE: " if account.drill else ""
    study = {
        "id": None,
        "object-type": "case-study",
        "name": f"{exercise}{account.title}",
        "summary": " ".join(summary(account)),
        "incident-date": f"{account.began_at:%Y-%m-%d}",
        "incident-date-granularity": "DATE",
        "procedure": [
            {
                "tactic": TECHNIQUES[i].tactic,
                "technique": i,
                "description": f"{TECHNIQUES[i].name}: to be judged and described by a person.",
            }
            for i in ids
            if i in TECHNIQUES
        ],
        "reported-by": None,
        "references": [],
    }
    return {
        "draft": scrub.value(study),
        "atlas_version": ATLAS_VERSION,
        "to_fill": [*TO_FILL, "procedure[].description"],
    }


def check(exported: dict[str, Any]) -> list[str]:
    """Return what the schema requires and the draft lacks, apart from what is left open."""
    return problems(exported["draft"], RULES, TO_FILL)
