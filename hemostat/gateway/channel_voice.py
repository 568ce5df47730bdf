"""What a pager or a chat said, signed: the gateway verified who sent it, and says so.

The statement names the channel as the speaker, never a person: it proves that this came through
the gateway, and whom the channel named stands in what was said.
"""

from datetime import UTC, datetime
from typing import Final

from hemostat.keys import SigningKey
from schemas.canonical import digest_of
from schemas.page_answer import PageAnswer
from schemas.signed_statement import CHANNEL, SignedStatement, content_of, seal

SIGNAL: Final = "page-answer"


def signed_answer(
    answer: PageAnswer, key: SigningKey, *, incident: str, run: str, now: datetime | None = None
) -> PageAnswer:
    """Return *answer* with its signed statement, for *incident* since its first *run*."""
    now = now or datetime.now(UTC)
    statement = SignedStatement(
        id=answer.answer_id,
        incident=incident,
        run=run,
        signal=SIGNAL,
        content=content_of(SIGNAL, answer),
        gate=answer.gate or None,
        reason=digest_of(""),
        person=answer.via,
        subject=f"{answer.via}:{answer.by or 'unknown'}",
        kind=CHANNEL,
        method="webhook-signature",
        authenticated_at=now,
        channel=answer.via,
        said_at=now,
        kid=key.kid,
    )
    envelope = seal(statement, key.private, key.certificates)
    return answer.model_copy(update={"statement": envelope})
