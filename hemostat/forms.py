"""A plain form of a page of ours, read within bounds: whoever is not known yet may send one too."""

from typing import Final

from starlette.requests import Request

MOST_OF_A_FORM: Final = 64 * 1024
"""Bytes; the longest text that a page takes is a reason."""


async def form_of(request: Request) -> dict[str, str]:
    """Return the plain fields of a form; {} for anything larger or other, of which nothing is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    if kind != "application/x-www-form-urlencoded" or not length.isdecimal() or len(length) > 9:
        return {}
    if int(length) > MOST_OF_A_FORM:
        return {}
    form = await request.form(max_files=0, max_fields=20)
    return {name: value for name, value in form.items() if isinstance(value, str)}
