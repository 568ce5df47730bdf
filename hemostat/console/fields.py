"""What a form of the console has in its fields, and what it is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hemostat.console.story import Story
from hemostat.console.words import plain
from hemostat.console.wrong import People
from schemas.clocks.view import ClocksView
from schemas.incident import IncidentView
from schemas.journal import Entry
from schemas.who import Who

Choices = tuple[tuple[str, str], ...]
"""What is sent, and how it reads."""


@dataclass(frozen=True)
class Field:
    """One field; a ``pick`` is one of its choices, a ``text`` is long, the rest is one line."""

    name: str
    says: str
    kind: Literal["pick", "line", "text"] = "line"
    choices: Choices = ()
    value: str = ""
    hint: str = ""
    hints: Choices = ()
    """What it takes, where that depends on another field."""
    required: bool = True
    most: int = 200
    half: bool = False
    """Whether two of them stand beside each other."""
    head: str = ""
    """The heading of the fields that begin with this one."""


@dataclass(frozen=True)
class Seen:
    """What a form is made from: the incident as the person sees it."""

    who: Who
    view: IncidentView
    entries: Sequence[Entry]
    story: Story
    clocks: ClocksView
    break_glass: tuple[str, ...] = ()
    people: People = frozenset()
    """Whom hemostat.toml knows."""


def role_field(seen: Seen, among: frozenset[str] = frozenset()) -> tuple[Field, ...]:
    """In which role, where that is not clear by itself."""
    roles = [role for role in seen.who.roles if role in among] or list(seen.who.roles)
    if len(roles) < 2:
        return ()
    choices = tuple((role, plain(role)) for role in roles)
    return (Field("role", "In which role", "pick", choices, roles[0]),)
