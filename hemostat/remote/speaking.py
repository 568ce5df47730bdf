"""What a person says at a gateway, and what became of it: the gateway signs for whom it knows."""

from typing import Any, Final

from pydantic import ValidationError

from hemostat.api.problems import Problem
from hemostat.desk import said as words
from hemostat.desk.said import Answer, Taken
from hemostat.remote.reading import place
from hemostat.remote.server import Server, wrong
from hemostat.remote.signed_in import Login, login_at
from hemostat.speaking import Spoken
from schemas.base import Frozen
from schemas.clocks.determination import Determination
from schemas.errors import BadInput, SystemUnreachable
from schemas.gate import BreakGlassUse, Decision, Withdrawal
from schemas.statements import Attestation, Draft, Regrading, Suspicion

_WORDS: Final[dict[type, tuple[str, type[Frozen]]]] = {
    Decision: ("decisions", words.Decide),
    Withdrawal: ("withdrawals", words.Withdraw),
    BreakGlassUse: ("break-glass", words.BreakGlass),
    Attestation: ("attestations", words.Attest),
    Regrading: ("gradings", words.Grade),
    Suspicion: ("suspicions", words.Suspect),
    Draft: ("drafts", words.Redraft),
    Determination: ("determinations", words.Determine),
}
"""Where the API takes it, and as what."""


def speaking_at(server: str | None, *, actor: str | None, key: object) -> Login | None:
    """Return where to say it; None: to Temporal itself, as who has a key of their own does.

    Raises ``BadInput`` where *actor* is somebody else than who is signed in.
    """
    if key is not None:
        if server is not None:
            raise BadInput(
                "what you sign with your own key goes to Temporal itself",
                where="--key",
                next_step="leave out --server.",
            )
        return None
    login = login_at(server)
    if login is not None and actor not in (None, login.person):
        raise BadInput(
            f"you are signed in as {login.person}, and nobody speaks for somebody else",
            where="--as",
            next_step="leave out --as, or sign in as them.",
        )
    return login


def say(server: Server, incident: str, said: Spoken) -> Answer:
    """Say it to *incident*; return what became of it, refused or not.

    Who says it is whom the gateway knows: the actor and the id of *said* do not go out. Raises
    where it was not heard at all.
    """
    where, model = _WORDS[type(said)]
    fields = {name: getattr(said, name) for name in model.model_fields if hasattr(said, name)}
    status, body = server.say(place(incident, where), model.model_validate(fields))
    if status in (200, 202):
        answer = _answer(body)
        if answer is not None and answer.taken is not Taken.NOT_LOOKED_AT:
            return answer
        raise SystemUnreachable(
            "it was handed over and is safe; whether it counted is not known yet",
            where=incident,
            next_step="`hemostat show` tells what became of it; sending it again does no harm.",
        )
    refused = _problem(body)
    if refused is not None and refused.answer is not None:
        return refused.answer
    raise wrong(server.url, status, body)


def said_as(said: Spoken, answer: Answer) -> dict[str, Any]:
    """Return *said* for ``--json``, under the id that the gateway gave it."""
    if isinstance(said, Withdrawal):  # its own id is another than the decision's that it takes back
        name = "withdrawal_id"
    else:
        names = ("decision_id", "use_id", "determination_id", "id")
        name = next(name for name in names if hasattr(said, name))
    content: dict[str, Any] = said.model_dump(mode="json", exclude={"statement"})
    return {**content, name: answer.id}


def _answer(body: dict[str, Any]) -> Answer | None:
    try:
        return Answer.model_validate(body)
    except ValidationError:
        return None


def _problem(body: dict[str, Any]) -> Problem | None:
    try:
        return Problem.model_validate(body)
    except ValidationError:
        return None
