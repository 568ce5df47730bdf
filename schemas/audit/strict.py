"""JSON as the record has it: canonical (RFC 8785), byte for byte, or refused by name.

Two readers of one text must see one value. Whatever JSON leaves to the reader (a key twice, 1.0 or
1, escapes, order, white space) is settled by one rule: the text is exactly the canonical form of
what was read.
"""

import json
from typing import Any, Final, NoReturn

import rfc8785

from schemas.canonical import PLAIN, canonical_json, is_plain_float
from schemas.journal import MOST

DEEPEST: Final = 64
"""Levels of nesting; what the record holds has a dozen."""


class NotStrict(ValueError):
    """The text is not canonical JSON; ``code`` names what is wrong."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


def strict_json(text: bytes) -> Any:
    """Return the value of *text*, which is canonical JSON; raise ``NotStrict`` if it is not."""
    value = plain_json(text)
    if value is not NOT_PLAIN and PLAIN.encode(value) == text.decode("ascii"):
        return value
    value, written = _read(text)  # says what is wrong, if anything is
    if written != text:
        raise NotStrict("json-not-canonical", "it is not written in canonical JSON (RFC 8785)")
    return value


def lenient_json(text: bytes) -> Any:
    """Return the value of *text*, however it is laid out, if every reader sees the same in it."""
    return _read(text)[0]


NOT_PLAIN: Final = object()
"""Python's encoder may write it otherwise than RFC 8785 wants it, or it is no JSON at all."""


class _NotPlain(Exception):
    """A number that is not."""


def plain_json(text: bytes) -> Any:
    """Return the value of *text* where it is canonical if ``PLAIN`` writes it so, or ``NOT_PLAIN``.

    That is where keys are ASCII, as all of *text* is, and each number is one that both write alike:
    integers are held to that by ``_integer``, fractions by ``_fraction``. The caller compares.
    """
    if not text.isascii():
        return NOT_PLAIN
    said = text.decode("ascii")
    try:
        _refuse_depth(said)
        value = _DECODER.decode(said)
    except (_NotPlain, ValueError, RecursionError):
        return NOT_PLAIN
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if not is_plain_float(value):
        raise _NotPlain
    return value


def _read(text: bytes) -> tuple[Any, bytes]:
    """The value of *text* and its canonical form."""
    try:
        said = text.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("json-encoding", "it is not UTF-8") from None
    _refuse_depth(said)
    try:
        value = json.loads(
            said, object_pairs_hook=_once, parse_int=_integer, parse_constant=_constant
        )
        written = canonical_json(value)
    except NotStrict:
        raise
    except (json.JSONDecodeError, RecursionError):
        raise NotStrict("json-syntax", "it is not JSON") from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, ValueError):
        raise NotStrict("json-number", "it holds what JSON readers read differently") from None
    return value, written


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise NotStrict("json-duplicate-key", "an object has the same key twice")
    return read


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MOST:
        raise NotStrict("json-number", "a number is larger than every JSON reader can keep")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise NotStrict("json-number", f"{name} is no JSON number")


_DECODER: Final = json.JSONDecoder(
    parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
"""For what is plain. A key that is there twice is not written twice, so the texts differ."""


def _refuse_depth(said: str) -> None:
    """Count brackets outside strings before a recursive reader meets them."""
    if said.count("[") + said.count("{") <= DEEPEST:
        return
    depth, quoted, escaped = 0, False, False
    for sign in said:
        if quoted:
            quoted, escaped = sign != '"' or escaped, sign == "\\" and not escaped
        elif sign == '"':
            quoted, escaped = True, False
        elif sign in "[{":
            depth += 1
            if depth > DEEPEST:
                raise NotStrict("json-too-deep", "it is nested deeper than any record")
        elif sign in "]}":
            depth -= 1
