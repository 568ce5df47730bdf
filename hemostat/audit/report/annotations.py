"""What people add to an incident's record afterwards: signed, appended, never mixed with facts.

One file an incident, a line an annotation: an envelope whose body names the annotation before it
and the head of the journal it is about, signed with Ed25519. A line that was changed, moved or
taken out breaks the chain, and reading says where. Taking something back is another annotation.
"""

import base64
import fcntl
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from schemas.audit.signing import (
    Envelope,
    Kid,
    Moment,
    SigningKey,
    kid_of,
    open_envelope,
    seal,
    signature_holds,
)
from schemas.audit.strict import NotStrict
from schemas.base import Digest, Frozen, Name, iso
from schemas.canonical import digest_bytes
from schemas.errors import BadInput, NotHeld, SystemUnreachable

KIND: Final = "annotation"
FIRST: Final = "sha256:" + "0" * 64


class About(StrEnum):
    """What an annotation is; each has its place in a report."""

    SUMMARY = "summary"
    IMPACT = "impact"
    EXPECTED = "expected"
    """What was supposed to happen."""
    CONTRIBUTING = "contributing-factor"
    DETECTION = "detection-gap"
    WENT_WELL = "went-well"
    LUCKY = "lucky-break"
    ACTION = "action-item"
    EXPOSURE = "exposure"
    COST = "cost"
    RISK = "residual-risk"
    ASK = "ask"
    DRILL = "next-drill"
    RETRACTS = "retracts"


class Annotation(Frozen):
    """One annotation; an action item has an owner (a role), a day and what verifies it."""

    incident: str = Field(max_length=200)
    journal_head: Digest
    number: int = Field(ge=0)
    prev: Digest
    at: Moment
    by_role: Name
    about: About
    text: str = Field(min_length=1, max_length=4000)
    owner: Name | None = None
    due: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d$")
    verify_by: str | None = Field(default=None, max_length=400)
    retracts: int | None = None
    """Of ``retracts``: the number of the annotation that no longer stands."""
    kid: Kid
    public: str = Field(max_length=64)


class Annotations:
    """The annotations of one incident in a folder."""

    def __init__(self, folder: Path, incident: str) -> None:
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in incident)[:150]
        self.file = folder / f"{safe}.jsonl"
        self._incident = incident

    def read(self) -> list[Annotation]:
        """Return all of them, in order, verified; ``NotHeld`` at the first that does not hold."""
        try:
            lines = self.file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SystemUnreachable(
                f"annotations cannot be read ({error.strerror})", where=str(self.file)
            ) from error
        read: list[Annotation] = []
        prev = FIRST
        for number, line in enumerate(lines):
            where = f"annotation {number} of {self._incident}"
            try:
                envelope = open_envelope(KIND, line, Annotation)
            except NotStrict as error:
                raise NotHeld(str(error), where=where) from None
            self._check(envelope, number, prev, where)
            prev = digest_bytes(line)
            read.append(envelope.body)
        return read

    def standing(self) -> list[Annotation]:
        """Return those that nobody took back."""
        read = self.read()
        gone = {annotation.retracts for annotation in read}
        return [a for a in read if a.about is not About.RETRACTS and a.number not in gone]

    def _check(self, envelope: Envelope[Annotation], number: int, prev: str, where: str) -> None:
        body = envelope.body
        if (body.number, body.prev, body.incident) != (number, prev, self._incident):
            raise NotHeld("it does not follow the annotation before it", where=where)
        public = base64.b64decode(body.public)
        if kid_of(public) != body.kid or not signature_holds(
            public, envelope.signature, envelope.signed
        ):
            raise NotHeld("its signature does not hold", where=where)

    def add(
        self,
        key: SigningKey,
        *,
        head: str,
        role: str,
        about: About,
        text: str,
        more: Mapping[str, object],
    ) -> Annotation:
        """Append one annotation, signed; return it."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            before = self.read()
            if about is About.RETRACTS and more.get("retracts") not in {a.number for a in before}:
                raise BadInput("there is no annotation of that number", where=self._incident)
            last = self.file.read_bytes().splitlines()[-1:]
            annotation = _made(
                incident=self._incident,
                journal_head=head,
                number=len(before),
                prev=digest_bytes(last[0]) if last else FIRST,
                at=iso(datetime.now(UTC)),
                by_role=role,
                about=about,
                text=text,
                kid=key.kid,
                public=base64.b64encode(key.public).decode(),
                **more,
            )
            os.write(handle, seal(KIND, annotation, key) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        return annotation


def _made(**fields: object) -> Annotation:
    try:
        return Annotation.model_validate(fields)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(e["loc"][0]) for e in error.errors()}))
        raise BadInput(
            f"this is no annotation: look at {wrong}",
            next_step="a role is a name like ml-lead, a day is YYYY-MM-DD.",
        ) from None
