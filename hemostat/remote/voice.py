"""A person who speaks to an incident from a terminal: signed, sent, and told what became of it.

Law: what was said is told as counted only where the incident's own journal says so. Exit codes: 0
counted (or so already), 1 refused by the incident, with its reason, 2 not sent or not understood.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from temporalio.client import Client

from hemostat.desk.answers import answer_to, nothing_new
from hemostat.desk.said import Answer
from hemostat.remote.server import Server
from hemostat.remote.speaking import said_as, say
from hemostat.speaking import Spoken, became_of, became_of_unless_known, id_of, speak_alone
from hemostat.terminal import document, line
from schemas.errors import BadInput, NotHeld
from schemas.incident import IncidentView, Phase
from schemas.journal import Entry
from schemas.statements import Regrading, Suspicion


@contextmanager
def understood(command: str) -> Iterator[None]:
    """Say which words of a command were not understood, as ``BadInput``."""
    try:
        yield
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in e["loc"]) for e in error.errors())
        raise BadInput(
            f"not understood: {wrong}", next_step=f"see `hemostat {command} --help`."
        ) from error


def still_open(seen: IncidentView) -> None:
    """Raise ``NotHeld`` where nobody is there any more to hear anything."""
    if seen.phase is Phase.CLOSED:
        raise NotHeld(
            "the incident is closed; nothing can be said to it any more",
            where=seen.id,
            next_step=f"`hemostat show {seen.id}` has its record.",
        )


def confirmed(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask at a terminal whether it is meant, unless told not to; raises ``click.Abort``."""
    if not (yes or as_json) and sys.stdin.isatty():
        click.confirm(question, abort=True)


def role_of(seen: IncidentView, asked: str | None, actor: str) -> str:
    """Return the role to speak in: the one asked for, else the only one *actor* may decide in."""
    if asked:
        return asked
    own = sorted({s.role for gate in seen.gates for s in gate.may_decide if s.person == actor})
    if len(own) == 1:
        return own[0]
    raise BadInput(
        "the role to say this in is not clear",
        where="--role",
        next_step=f"name yours: --role {'|'.join(own) or 'ROLE'}.",
    )


async def speak_and_tell(
    client: Client, seen: IncidentView, said: Spoken, key: Path | None, *, as_json: bool
) -> int:
    """Say it to the incident as it was just *seen*, print what became of it; return the status."""
    one_of_them: Any = said  # `speak_alone` gives back the kind that it was given, whichever it is
    sent: Spoken = await speak_alone(client, seen, one_of_them, key)
    looks = became_of_unless_known if isinstance(said, Regrading | Suspicion) else became_of
    entry = await looks(client, seen.id, sent, seen.journal_length)
    return tell(sent, entry, {"said": sent}, as_json=as_json)


def say_there_and_tell(server: Server, incident: str, said: Spoken, *, as_json: bool) -> int:
    """Say it to *incident* at a gateway, print what became of it; return the status."""
    answer = say(server, incident, said)
    return tell_answer(answer, {"said": said_as(said, answer)}, as_json=as_json)


def tell(said: Spoken, entry: Entry | None, more: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what the journal's *entry* makes of what was *said*; return the exit status.

    *more* goes into the JSON document. No entry: the incident heard it and knew it already.
    """
    known = id_of(said)
    answer = nothing_new(known) if entry is None else answer_to(known, entry)
    return tell_answer(answer, more, as_json=as_json)


def tell_answer(answer: Answer, more: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what became of what was said; return the exit status."""
    entry = answer.entry
    if as_json:
        told = {"accepted": answer.counted, "says": answer.says}
        document({**told, **more, "journal": entry})
    elif answer.counted:
        line(*([("recorded: ", "bold"), entry.says] if entry else [answer.says]))
    else:
        line(("refused: ", "bold"), entry.says if entry else answer.says)
        if entry:
            line("    ", answer.says)
    return 0 if answer.counted else NotHeld.exit_code
