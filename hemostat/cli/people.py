"""``hemostat people``: who holds which role, who stands in, and what is wrong with it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from hemostat.cli import json_option, settings_option
from hemostat.settings import Settings
from hemostat.terminal import document, line, table
from schemas.eligibility import Sitting, standings
from schemas.errors import NotHeld
from schemas.roster import Roster
from schemas.severity import Severity
from workers.people import weaknesses


@click.command
@settings_option
@json_option
def command(config: Path | None, as_json: bool) -> int:
    """List people and roles of hemostat.toml.

    Who may decide in each role now, and what would keep a gate from being answered. Exits 1 if there is such a problem.
    """
    settings, now = Settings.load(config), datetime.now(UTC)
    roster, problems = settings.roster(), weaknesses(settings, now)
    if as_json:
        told = [{"what": p.what, "where": p.where, "next": p.next_step} for p in problems]
        document({"people": roster, "now": _now(roster, now), "problems": told})
    else:
        _print(roster, now, signed_in=settings.identity is not None)
        for problem in problems:
            line(("!!  ", "bold red"), str(problem))
    return NotHeld.exit_code if problems else 0


def _now(roster: Roster, now: datetime) -> list[dict[str, object]]:
    """Who may decide in each role at this moment, of an incident without a suspect."""
    sitting = Sitting(roster=roster, severity=Severity.SEV1)
    return [s.model_dump(mode="json") for s in standings(sitting, roster.roles, None, now)]


def _print(roster: Roster, now: datetime, *, signed_in: bool) -> None:
    if not roster.roles:
        line(
            "No people are declared: who signs in speaks in the roles of their account; "
            "`hemostat accounts list` shows them."
            if signed_in
            else "No people are declared: anyone who reaches Temporal speaks for the role they name."
        )
        return
    sitting = Sitting(roster=roster, severity=Severity.SEV1)
    rows = []
    for role, declared in roster.roles.items():
        able = [
            f"{s.person} ({s.claim.value}{f' of {s.of}' if s.of else ''}"
            f"{'' if s.available else ', away'})"
            for s in standings(sitting, (role,), None, now)
        ]
        rows.append((role, ", ".join(able) or "nobody", ", ".join(declared.ladder) or "-"))
    table(("role", "may decide now", "then"), rows)
    glass = roster.break_glass
    if glass.people:
        minutes = f"{glass.ttl.total_seconds() / 60:g} minutes"
        line(f"May break the glass, each time for {minutes}: {', '.join(glass.people)}")
