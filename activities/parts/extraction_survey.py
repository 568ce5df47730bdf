"""Which documents left in which answers, counted by their marks. Pure.

Texts are from strangers: they are searched for marks and go nowhere.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from schemas.base import Digest, Utc
from schemas.canonical import digest_bytes
from schemas.errors import BadInput
from schemas.ports.assistant import CallerUse, ExtractionSurvey


class Row(BaseModel):
    """One exchange of the assistant's log."""

    id: int
    at: Utc
    caller: str
    prompt: str
    answer: str
    documents: list[str]


class Marks(BaseModel):
    """What tells that a document is in a text, by document id."""

    fingerprints: dict[str, str]
    canaries: dict[str, str]

    @classmethod
    def load(cls, reference: str, digest: Digest) -> Self:
        """Read the file at ``file:PATH``; ``BadInput`` if it is not the one that was pinned."""
        try:
            content = Path(reference.removeprefix("file:")).read_bytes()
        except OSError as error:
            raise BadInput(
                f"the marks cannot be read ({type(error).__name__})", where="assistant"
            ) from None
        if digest_bytes(content) != digest:
            raise BadInput("the marks are not those that were pinned", where="assistant")
        try:
            return cls.model_validate(json.loads(content))
        except (ValueError, ValidationError):
            raise BadInput("the marks are not in their form", where="assistant") from None

    def fingerprints_in(self, texts: Iterable[str]) -> set[str]:
        """Ids of the documents whose fingerprint is in any of the texts."""
        return _in(self.fingerprints, texts)

    def canaries_in(self, texts: Iterable[str]) -> set[str]:
        """Ids of the documents whose canary is in any of the texts."""
        return _in(self.canaries, texts)


def survey(rows: Sequence[Row], marks: Marks, since: datetime) -> ExtractionSurvey:
    """Count what left since then, by caller and over all."""
    recent = [row for row in rows if row.at >= since]
    by_caller: dict[str, list[Row]] = {}
    for row in recent:
        by_caller.setdefault(row.caller, []).append(row)
    uses = [_use(caller, theirs, marks) for caller, theirs in by_caller.items()]
    took = [use for use in uses if use.fingerprints or use.canaries or use.retrieved]
    took.sort(key=lambda use: (-use.fingerprints, -use.canaries, use.caller))
    return ExtractionSurvey(
        prompts=len(recent),
        callers=tuple(took[:50]),
        documents=len(marks.fingerprints_in(row.answer for row in recent)),
        retrieved=len(_retrieved(recent, marks)),
    )


def _use(caller: str, rows: Sequence[Row], marks: Marks) -> CallerUse:
    answers = [row.answer for row in rows]
    return CallerUse(
        caller=caller,
        prompts=len(rows),
        fingerprints=len(marks.fingerprints_in(answers)),
        canaries=len(marks.canaries_in(answers)),
        retrieved=len(_retrieved(rows, marks)),
        first_at=min(row.at for row in rows),
        last_at=max(row.at for row in rows),
    )


def _retrieved(rows: Iterable[Row], marks: Marks) -> set[str]:
    return {found for row in rows for found in row.documents if found in marks.fingerprints}


def _in(marks: dict[str, str], texts: Iterable[str]) -> set[str]:
    whole = "\n".join(texts)
    return {document for document, mark in marks.items() if mark in whole}
