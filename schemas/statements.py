"""What people state to an incident besides deciding at a gate: each is a signal of its own.

``statement`` is the place of the signed statement that proves who spoke, as in ``Decision``.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.base import Digest, Frozen, Name
from schemas.severity import Facts, Impact, Severity


class Stated(Frozen):
    """Who says it, in which role, and why."""

    id: str = Field(min_length=1, max_length=128)
    actor: str = Field(min_length=1, max_length=200)
    role: Name
    reason: str = Field(min_length=1, max_length=4000)
    statement: str | None = None


class Attestation(Stated):
    """``attest``: a containing step that is under way was done outside; the engine proves it."""

    step: str = Field(min_length=1, max_length=80)
    evidence: tuple[Digest, ...] = Field(default=(), max_length=20)


class Regrading(Stated):
    """``grade``: facts and impact as they become known, or a severity that somebody sets.

    Facts raise by themselves. Lowering is for the commander.
    """

    severity: Severity | None = None
    facts: Facts = Facts()
    impact: Impact | None = None


class Suspicion(Stated):
    """``suspect``: this person and their delegates take no part in this incident any more.

    Only who may name suspects (``NAMES_SUSPECTS``) is heard, and only where people are declared.
    """

    person: Name


def _as_a_mail(text: str) -> str:
    """Plain line breaks, one at the end: the digest is of exactly what arrives."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"


class Draft(Stated):
    """``draft``: another text for what is asked about at a gate, or was rejected there.

    It decides nothing: the gate is asked anew about this text, and who wrote it does not approve.
    """

    gate: Name
    text: Annotated[str, AfterValidator(_as_a_mail)] = Field(min_length=1, max_length=20_000)


NAMES_SUSPECTS = ("commander", "counsel", "legal-counsel", "ciso")
