"""Says counts and spans of time for people: the right number of a noun, no span rounded past it."""

from datetime import timedelta


def in_short(span: timedelta | float | None) -> str:
    """Return a span of time for people; ``unknown`` where there is none."""
    if span is None:
        return "unknown"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 59.95:
        return f"{sign}{seconds:.1f} s"
    whole = round(seconds)  # first, so that no part of it is 60
    if whole < 3600:
        return f"{sign}{whole // 60} min {whole % 60} s"
    if whole < 172800:
        return f"{sign}{whole // 3600} h {whole % 3600 // 60} min"
    return f"{sign}{whole // 86400} d {whole % 86400 // 3600} h"


def counted(count: int, thing: str, things: str = "") -> str:
    """Return ``1 step`` or ``2 steps``; *things* where the plural has no plain s."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
