"""What people say through the desk, and how it was taken.

These are the words of the person alone: who speaks is known from the authentication, and is never
taken from what they send.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from schemas.base import Digest, Frozen, Name
from schemas.clocks.determination import Matter
from schemas.gate import Choice
from schemas.journal import Entry
from schemas.severity import Facts, Impact, Severity

SAYS_SOMETHING = (
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
"""A character that can be seen: what is only spaces and controls is no reason. The same in the
dialects of Rust, Python and ECMA 262, which JSON Schema speaks."""


class Reasoned(Frozen):
    """Whatever is said has a reason, which becomes part of the record."""

    reason: str = Field(min_length=1, max_length=4000, pattern=SAYS_SOMETHING)


class Decide(Reasoned):
    """Approve or reject at a gate, bound to what was shown: its ``nonce`` and its ``digest``.

    ``role`` is the one to decide in; None: the only one that it can be.
    """

    gate: Name
    choice: Choice
    nonce: str = Field(min_length=1, max_length=128)
    digest: Digest
    role: Name | None = None


class Withdraw(Reasoned):
    """Take back an own approval that was not used yet; by default the last one at this gate."""

    gate: Name
    decision_id: str | None = Field(default=None, min_length=1, max_length=128)


class BreakGlass(Reasoned):
    """Break the glass at a gate: who is declared for it may then decide alone, for a time."""

    gate: Name
    nonce: str = Field(min_length=1, max_length=128)


class InRole(Reasoned):
    """Said in a role; None: the only one that the speaker has."""

    role: Name | None = None


class Attest(InRole):
    """A containing step that is under way was done outside; the engine proves it."""

    step: str = Field(min_length=1, max_length=80)
    evidence: tuple[Digest, ...] = Field(default=(), max_length=20)


class Grade(InRole):
    """What became known, or a severity; facts raise it by themselves, lowering is the commander's."""

    severity: Severity | None = None
    facts: Facts = Facts()
    impact: Impact | None = None


class Suspect(InRole):
    """A person and their delegates take no part in this incident any more, and see none of it."""

    person: Name


class Redraft(InRole):
    """Another text for what a gate asks to send, or for what was rejected there; decides nothing."""

    gate: Name
    text: str = Field(min_length=1, max_length=20_000)


class Determine(InRole):
    """What counsel determines of a legal clock, or of all clocks of a regime."""

    clock: Name
    what: Matter
    value: str = Field(min_length=1, max_length=200)
    reference: str = Field(default="", max_length=500)


Said = Decide | Withdraw | BreakGlass | Attest | Grade | Suspect | Redraft | Determine


def is_grave(said: Said) -> bool:
    """Whether it takes a fresh proof of who says it, wherever it is said.

    It keeps a person out for good, moves a legal clock, is the text that leaves the company, or
    sets how grave the incident is. Facts raise that by themselves, and anybody may bring them at
    once. What is said at a gate is judged there, by what the gate is about.
    """
    match said:
        case Suspect() | Determine() | Redraft():
            return True
        case Grade():
            return said.severity is not None
        case _:
            return False


class Taken(StrEnum):
    """How it was taken."""

    COUNTED = "counted"
    TOO_LATE = "too-late"
    ALREADY_DECIDED = "already-decided"
    NOT_YOURS = "not-yours"
    REFUSED = "refused"
    NOT_LOOKED_AT = "not-looked-at"
    """Handed over and safe in Temporal; whether it counted is not known yet."""


class Answer(Frozen):
    """What became of it: in a word, in a sentence, and as the journal has it."""

    id: str
    """The id under which it stands in the journal; a decision is taken back by it."""
    taken: Taken
    says: str
    refusal: str | None = None
    """The engine's own word for a refusal, such as ``not-the-role``."""
    repeated: bool = False
    """Whether it had been counted before, under the same idempotency key."""
    entry: Entry | None = None

    @property
    def counted(self) -> bool:
        """Whether it changed something, or had done so before."""
        return self.taken is Taken.COUNTED


def roles_in_words(roles: Sequence[str]) -> str:
    """Return *roles* for a sentence."""
    return ", ".join(roles) or "nobody"
