"""A plain form of a page of ours, read within bounds: whoever is not known yet may send one too."""

import asyncio
from typing import Final

from starlette.requests import Request

MOST_OF_A_FORM: Final = 64 * 1024
"""Bytes, where the longest text that a page takes is a reason."""
_FIELDS: Final = 20
FORM_WITHIN: Final = 20.0
"""Seconds, for the longest text over a slow line; a form that comes later is none."""


async def form_of(
    request: Request, *, most: int = MOST_OF_A_FORM, fields: int = _FIELDS
) -> dict[str, str]:
    """Return the plain fields of a form; {} for anything larger or other, of which nothing is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    if kind != "application/x-www-form-urlencoded" or not length.isdecimal() or len(length) > 9:
        return {}
    if int(length) > most:
        return {}
    try:
        async with asyncio.timeout(FORM_WITHIN):
            form = await request.form(max_files=0, max_fields=fields)
    except TimeoutError:
        return {}
    return {name: _as_typed(value) for name, value in form.items() if isinstance(value, str)}


def _as_typed(value: str) -> str:
    """Line ends as the person typed them: browsers send each as two characters (HTML, form data)."""
    return value.replace("\r\n", "\n").replace("\r", "\n")
