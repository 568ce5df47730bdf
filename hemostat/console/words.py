"""How times, durations and foreign text read on a page. Pure."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_ACTS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT: Final = frozenset("\n\t")
_ACRONYMS: Final = {
    name.lower(): name for name in ("AI", "CBRN", "CISO", "CSAM", "DPO", "GDPR", "HR", "ML")
}
SHOWN_AT_MOST: Final = 20_000
"""Characters of one value; what a person decides on is cut nowhere below this."""


def seen(text: object, limit: int = SHOWN_AT_MOST) -> str:
    """Return *text* with each character that acts instead of being read written out as its code.

    A direction override or a zero-width character in something that a person approves is shown,
    not dropped: they see that it is there.
    """
    said = str(text)
    if said.isascii() and said.isprintable() and len(said) <= limit:
        return said
    shown = "".join(
        f"⟨U+{ord(char):04X}⟩"
        if char not in _KEPT and unicodedata.category(char) in _ACTS
        else char
        for char in said[:limit]
    )
    return shown if len(said) <= limit else f"{shown}… ({len(said) - limit} more characters)"


def typed(text: object) -> str:
    """Return *text* for the field that its writer typed it into: as it was, joiners and all.

    Only what a page cannot hold is written out. For nothing but a person's own words, back to them.
    """
    return "".join(
        f"⟨U+{ord(char):04X}⟩"
        if char not in _KEPT and unicodedata.category(char) in ("Cc", "Cs")
        else char
        for char in str(text)
    )


def span(length: timedelta | float) -> str:
    """Return a duration in its two largest units: ``420 ms``, ``12.3 s``, ``4 min 05 s``."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    seconds = abs(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def round_span(length: timedelta | float) -> str:
    """Return a duration as it is set in a policy: ``10 min``, ``24 h``."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0 and not (unit == "d" and seconds == size):
            return f"{seconds / size:g} {unit}"
    return span(seconds)


def until(moment: datetime, now: datetime) -> str:
    """Return how far away *moment* is: ``in 4 min 05 s`` or ``12.3 s ago``."""
    away = (moment - now).total_seconds()
    return f"in {span(away)}" if away >= 0 else f"{span(away)} ago"


def at(moment: datetime) -> str:
    """Return an instant in UTC to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def soon(moment: datetime, now: datetime) -> str:
    """Return an instant in UTC as a person says it: ``07:48 UTC``, on another day ``24 Nov 07:33 UTC``."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    if moment.date() == now.date():
        return f"{moment:%H:%M} UTC"
    year = f" {moment:%Y}" if moment.year != now.year else ""
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M} UTC"


def clock_time(moment: datetime) -> str:
    """Return the time of day in UTC to the millisecond."""
    moment = moment.astimezone(UTC)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def machine(moment: datetime) -> str:
    """Return an instant as ``<time datetime>`` wants it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def value(content: Any) -> str:
    """Return a JSON value as a person reads it: text as it is, the rest compact."""
    if isinstance(content, str):
        return content
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:g}"
    if content is None:
        return "not known"
    return json.dumps(content, ensure_ascii=False)


def plain(name: str) -> str:
    """Return a name of the code in words: ``data_owner`` as ``data owner``, ``ml-lead`` as ``ML lead``."""
    words = name.replace("_", " ").replace("-", " ").split(" ")
    return " ".join(_ACRONYMS.get(word, word) for word in words)


def sentence(text: str) -> str:
    """Return *text* with its first letter large, and the others as they are."""
    return f"{text[:1].upper()}{text[1:]}"


def short(digest: str) -> str:
    """Return the beginning of a digest, enough to tell it from another at a glance."""
    kind, _, digits = digest.partition(":")
    return f"{kind}:{digits[:12]}…" if digits else digest


def size(count: int) -> str:
    """Return a number of bytes."""
    for limit, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count} B"
