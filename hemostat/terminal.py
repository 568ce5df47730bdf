"""What people see: text from outside made harmless, tables and lines, or one JSON document.

Law: nothing goes to a terminal but through here. Control characters and direction overrides are
taken out, and no text is read as markup (``rich.text.Text``), so an alert can neither move the
cursor nor hide what it says.
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_NARROWEST = 24
"""Characters beside an indentation that are worth it."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: object, limit: int = 2000) -> str:
    """Return *text* without anything that acts instead of being read, cut to *limit*."""
    said = str(text)[: limit + 1]
    seen = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in said)
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def width() -> int | None:
    """Return how many characters a line of this terminal has; None anywhere else."""
    console = _console()
    return console.width if console.is_terminal else None


def line(*parts: object | tuple[object, str], hang: int | None = None) -> None:
    """Print one line; a part is text, or text and its style.

    With *hang* what is too long for a terminal goes on below, indented by so many characters and
    broken between words. Without, and anywhere else, it is one line: what is to be copied.
    """
    text = Text()
    for part in parts:
        said, style = part if isinstance(part, tuple) else (part, "")
        text.append(clean(said), style=style)
    console = _console()
    if hang is None or not console.is_terminal or console.width < hang + _NARROWEST:
        console.print(text, soft_wrap=True)
        return
    first, *rest = text.wrap(console, console.width)
    first.rstrip()
    console.print(first, soft_wrap=True)
    if rest:
        for part in rest:
            part.rstrip()
        below = Text(" ").join(rest)
        for part in below.wrap(console, console.width - hang):
            part.rstrip()
            console.print(Text(" " * hang) + part, soft_wrap=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table at a terminal, tab-separated lines anywhere else."""
    console = _console()
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for cells in (head, *cleaned):
            sys.stdout.write("\t".join(cells) + "\n")
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in head:
        drawn.add_column(name, overflow="fold")
    for cells in cleaned:
        drawn.add_row(*(Text(cell) for cell in cells))
    console.print(drawn)


def document(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print *content*, models included, as the one JSON document of a ``--json`` command."""
    sys.stdout.write(json.dumps(content, default=_jsonable, indent=2) + "\n")
    sys.stdout.flush()  # a command that goes on running is read by another program


def object_line(content: Mapping[str, Any]) -> None:
    """Print *content* as one line of JSON and flush, for who reads while more comes."""
    text = json.dumps(content, default=_jsonable, separators=(",", ":"))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _jsonable(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
