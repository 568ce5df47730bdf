"""``hemostat audit explain``: an auditor's questions, answered from the record."""

from pathlib import Path

import click

from hemostat.audit.account.account import Account
from hemostat.audit.account.reading import record_at
from hemostat.audit.account.words import counted
from hemostat.audit.explain.answer import Answer
from hemostat.audit.explain.explanation import Explanation, explain
from hemostat.audit.explain.page import page
from hemostat.cli import json_option
from hemostat.private_file import write_private
from hemostat.terminal import document, line

_SIGNS = {"shown": "green", "partly": "yellow", "not shown": "bold red"}


@click.command
@click.argument("pack", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page that can be printed, and nothing to the terminal.",
)
@json_option
def command(pack: Path, html: Path | None, as_json: bool) -> None:
    """Answer an auditor's questions from the record.

    Each answer names the entries of the journal that show it, or says that the record does not show it. PACK is a pack, or a folder with the histories of one incident.
    """
    explanation = explain(Account(record_at(pack)))
    if html is not None:
        write_private(html, page(explanation).encode())
    if as_json:
        document(explanation.document())
    elif html is None:
        _print(explanation)


def _print(explanation: Explanation) -> None:
    account = explanation.account
    exercise = "  EXERCISE" if account.drill else ""
    line((account.incident, "bold"), f"  {account.title} on {account.service}", (exercise, "red"))
    line(f"{len(account.record.entries)} entries, head ", (account.record.head, "dim"))
    for answer in explanation.answers:
        _print_answer(answer)
    line()
    points = counted(explanation.concerns, "point deserves", "points deserve")
    line(f"{points} a look; entries are numbers of the journal.")


def _print_answer(answer: Answer, most: int = 40) -> None:
    line()
    line((answer.question, "bold"), "  ", (answer.shown, _SIGNS[answer.shown]))
    line("  ", answer.says)
    for point in answer.points[:most]:
        seqs = ", ".join(str(seq) for seq in point.entries[:12])
        more = ", …" if len(point.entries) > 12 else ""
        line(
            ("  ! " if point.concern else "    ", "bold yellow"),
            point.says,
            (f"  [{seqs}{more}]" if seqs else "", "dim"),
        )
    if len(answer.points) > most:
        line(f"    and {len(answer.points) - most} more: --json has all of them")
    if answer.look_for:
        line((f"    to look for: {answer.look_for}", "dim"))
