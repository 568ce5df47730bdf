"""The journal on its way to the vault, in pieces that Temporal takes as one payload."""

from collections.abc import Iterable, Iterator

from schemas.journal import Entry

SEGMENT = 256 * 1024
"""Characters in one segment; Temporal refuses payloads over 2 MiB."""


def segments(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield *entries* as JSON lines, in order, cut into segments of about ``SEGMENT``."""
    lines: list[str] = []
    size = 0
    for entry in entries:
        lines.append(entry.model_dump_json())
        size += len(lines[-1]) + 1
        if size >= SEGMENT:
            yield "\n".join(lines)
            lines, size = [], 0
    if lines:
        yield "\n".join(lines)
