"""A letter in the place of a draft that is too long for a gate: it binds the draft by its digest.

Whoever approves the letter approves the draft that has this digest, and no other: they read it whole
in a file of which `sha256sum` says so. What is cleared by the letter is that file, byte for byte.
"""

import json
from collections import Counter
from typing import Any, Final

from pydantic import Field, ValidationError

from hemostat.audit.export_as.formats import Format
from schemas.base import Digest, Frozen
from schemas.canonical import digest_bytes
from schemas.ports.disclosure import LONGEST_TEXT

_READ: Final = (
    "Read the whole draft before you approve: the file of which `sha256sum` prints the digest "
    "above. Approving this letter approves exactly that file."
)


class Letter(Frozen):
    """What the approvers of a long draft are shown."""

    letter: int = Field(default=1, ge=1, le=1)
    form: str = Field(max_length=40)
    title: str = Field(max_length=200)
    digest: Digest
    """Of the draft's UTF-8 text."""
    characters: int = Field(ge=0)
    holds: dict[str, int]
    """How many there are of each kind of object."""
    to_approve: str = _READ


def too_long(text: str) -> bool:
    """Whether *text* is more than a step of class disclose takes."""
    return len(text) > LONGEST_TEXT


def letter_for(form: str, chosen: Format, text: str, exported: Any) -> str:
    """Return the letter, as it is put before a gate, for the draft *text* of what was *exported*."""
    objects = exported.get("objects", [exported]) if isinstance(exported, dict) else exported
    kinds = Counter(str(one.get("type") or chosen.title)[:60] for one in objects)
    made = Letter(
        form=form,
        title=chosen.title,
        digest=digest_bytes(text.encode()),
        characters=len(text),
        holds=dict(sorted(kinds.items())),
    )
    return json.dumps(made.model_dump(), indent=2, ensure_ascii=True) + "\n"


def letter_in(text: str) -> Letter | None:
    """Return the letter that *text* is; None if it is none."""
    try:
        return Letter.model_validate_json(text)
    except ValidationError:
        return None
