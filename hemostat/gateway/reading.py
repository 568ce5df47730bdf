"""What senders write, as text, labels, numbers, moments and links of a bounded size. Pure.

Law: whatever JSON holds becomes something that can be recorded. Nothing is fetched or trusted.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from hemostat.gateway.delivery import BrokenBody, clip
from schemas.canonical import canonical_json

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LABELS, _LABEL_NAME, _LABEL_VALUE, _NUMBERS, _LINKS, _LINK = 64, 128, 1024, 32, 8, 2048
_SHOWN_PROBLEMS: Final = 5
NEVER: Final = "0001-01-01T00:00:00"
"""How senders written in Go say "not yet"."""


def json_of(body: bytes, next_step: str) -> Any:
    """Return the JSON in *body*, or raise ``BrokenBody``."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:  # its text has a position, nothing of the body
        raise BrokenBody(f"not JSON: {error}", where="body", next_step=next_step) from error


def refuse(found: list[str], next_step: str) -> None:
    """Raise ``BrokenBody`` with the first of the problems *found*, if there are any."""
    if found:
        shown = "; ".join(found[:_SHOWN_PROBLEMS])
        more = f"; and {len(found) - _SHOWN_PROBLEMS} more" if len(found) > _SHOWN_PROBLEMS else ""
        raise BrokenBody(shown + more, where="body", next_step=next_step)


def text(value: Any) -> str:
    """Return a scalar as text: senders of the wild put numbers where strings belong."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    try:
        return json.dumps(value)
    except ValueError:  # an integer of more digits than Python turns into text
        return "(a number too long to read)"


def key_of(*named: Any) -> str:
    """Return a digest that names what *named* says: a key without text from outside."""
    return hashlib.sha256(canonical_json(list(named))).hexdigest()


def labels(raw: Mapping[str, Any], first: tuple[str, ...]) -> tuple[dict[str, str], bool]:
    """Return the labels as text, bounded, and whether any were cut.

    Those in *first*, which rules match on, are kept in any case.
    """
    cut = len(raw) > _LABELS
    names = [n for n in first if n in raw] + sorted(n for n in raw if n not in first)
    kept = {}
    for name in names[:_LABELS]:
        label, cut_name = clip(text(name), _LABEL_NAME)
        kept[label], cut_value = clip(text(raw[name]), _LABEL_VALUE)
        cut = cut or cut_name or cut_value
    return kept, cut


def numbers(said: Mapping[str, Any]) -> dict[str, float]:
    """Return what is a number or reads as one, by its name."""
    found: dict[str, float] = {}
    for name, value in said.items():
        if len(found) == _NUMBERS:
            break
        if (number := _number(value)) is not None:
            found[text(name)[:_LABEL_NAME]] = number
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            reads = len(value) <= 64 and _NUMBER.fullmatch(value.strip())
            number = float(value) if reads else math.nan
        else:
            number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:  # an integer beyond what a float can be
        return None
    return number if math.isfinite(number) else None


def links(urls: Iterable[Any]) -> tuple[str, ...]:
    """Return the http(s) links, to be shown, never fetched."""
    kept = [
        text(url)
        for url in urls
        if isinstance(url, str) and url.startswith(("http://", "https://")) and len(url) <= _LINK
    ]
    return tuple(dict.fromkeys(kept))[:_LINKS]


def moment(raw: Any) -> datetime | None:
    """Return the time that *raw* says; None for year 1 ("not ended") and for no time at all."""
    if not isinstance(raw, str) or raw.startswith(NEVER) or len(raw) > 64:
        return None
    try:
        said = datetime.fromisoformat(raw)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_moment(raw: Any) -> bool:
    """Whether *raw* is a time, says "not yet", or is not there."""
    return raw is None or moment(raw) is not None or str(raw).startswith(NEVER)
