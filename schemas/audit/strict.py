"""JSON as the record has it: canonical (RFC 8785), byte for byte, or refused by name.

Two readers of one text must see one value. Whatever JSON leaves to the reader (a key twice, 1.0 or
1, escapes, order, white space) is settled by one rule: the text is exactly the canonical form of
what was read.
"""

import json
from typing import Annotated, Any, Final, NoReturn, TypeVar

import rfc8785
from pydantic import Field, ValidationError
from pydantic_core import from_json, to_json

from schemas.base import Frozen
from schemas.canonical import canonical_json, is_plain_float
from schemas.journal import MOST

DEEPEST: Final = 64
"""Levels of nesting; what the record holds has a dozen."""


class NotStrict(ValueError):
    """The text is not canonical JSON; ``code`` names what is wrong."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


Whole = Annotated[int, Field(ge=-MOST, le=MOST)]
"""A number that every JSON reader gives back unchanged."""
Count = Annotated[int, Field(ge=0, le=MOST)]
"""One that is not below zero."""


class Ordered(Frozen):
    """A message that writes itself in canonical JSON, so that what it writes need not be looked at.

    Its fields stand in the order of their names, which are ASCII. A field is text, a ``Whole`` or
    ``Count``, a truth, a constant, another such message, several of these, or a map that a
    validator has put ``in_order``; nothing else: no fraction, nothing that is left open.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Refuse a class whose fields are in another order."""
        names = list(cls.model_fields)
        if names != sorted(names) or not "".join(names).isascii():
            raise TypeError(f"the fields of {cls.__name__} are not in the order of their names")


def in_order(named: dict[str, Any]) -> dict[str, Any]:
    """Return *named* with its keys as RFC 8785 sorts them."""
    if len(named) < 2:
        return named
    return dict(sorted(named.items(), key=lambda item: item[0].encode("utf-16-be", "replace")))


Message = TypeVar("Message", bound=Frozen)


def quickly_as(model: type[Message], text: bytes) -> Message | None:
    """Return *text* as *model* if that writes it back byte for byte; None: it may or may not be one.

    Reading and writing are of compiled code. Of an ``Ordered`` model *text* is then canonical JSON:
    a key twice, white space, 1.0 for 1 or another order would have been written back otherwise.
    """
    try:
        read = model.__pydantic_validator__.validate_json(text)
    except ValidationError:
        return None
    written: bytes = model.__pydantic_serializer__.to_json(read)
    return read if written == text else None


def strict_json(text: bytes) -> Any:
    """Return the value of *text*, which is canonical JSON; raise ``NotStrict`` if it is not."""
    value = _quickly(text)
    if value is not _NOT_PLAIN:
        return value
    value, written = _read(text)  # says what is wrong, if anything is
    if written != text:
        raise NotStrict("json-not-canonical", "it is not written in canonical JSON (RFC 8785)")
    return value


def lenient_json(text: bytes) -> Any:
    """Return the value of *text*, however it is laid out, if every reader sees the same in it."""
    return _read(text)[0]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values of JSON types have one canonical form; to Python ``True`` equals 1."""
    return bool(one == other) and _is_alike(one, other)


def _is_alike(one: Any, other: Any) -> bool:
    """Whether what is equal is also truth where the other is truth, and number where number."""
    kind = type(one)
    if kind is dict:
        return all(
            _is_alike(inner, other[key])
            for key, inner in one.items()
            if type(inner) is not str and inner is not None
        )
    if kind is list:
        return all(map(_is_alike, one, other))
    return (kind is bool) == (type(other) is bool)


_NOT_PLAIN: Final = object()
"""The quick way cannot tell whether it is canonical; the long way can, and says why not."""


def _quickly(text: bytes) -> Any:
    """Return the value of *text* if it is canonical and plain, or ``_NOT_PLAIN``.

    Pydantic's reader and writer are of compiled code. It writes strings as RFC 8785 wants them, so
    where it writes just what it read, only what it leaves as it was is to be looked at: the order
    of keys, the depth, and numbers that others write otherwise.
    """
    try:
        value = from_json(text)
        return value if to_json(value) == text and is_plain(value) else _NOT_PLAIN
    except ValueError:
        return _NOT_PLAIN


def is_plain(value: Any, levels: int = DEEPEST) -> bool:
    """Whether JSON that *value* was read from, and that is as Pydantic writes it, is canonical.

    That is so if its keys are in order and its numbers are such as all write alike. *levels*: how
    deep it may be nested.
    """
    kind = type(value)
    if kind is dict:
        keys = tuple(value)
        if keys not in _SORTED and not _is_sorted(keys):
            return False
        value = value.values()
    elif kind is not list:
        return is_plain([value], levels)
    for inner in value:
        kind = type(inner)
        if kind is str:
            continue
        if kind is dict or kind is list:
            if levels <= 1 or not is_plain(inner, levels - 1):
                return False
        elif (kind is int or kind is float) and not _is_plain_number(inner):
            return False
    return True


def _is_plain_number(value: float) -> bool:
    return -MOST <= value <= MOST if type(value) is int else is_plain_float(value)


_SORTED: Final[set[tuple[str, ...]]] = set()
"""Keys that were seen to be in order: what a record holds has the same ones over and over."""
_FEW: Final = 2_000
"""So many are kept, and of each so many characters: a record may hold what it likes."""


def _is_sorted(keys: tuple[str, ...]) -> bool:
    """Whether the keys are in order; those beyond ASCII sort otherwise in UTF-16."""
    joined = "".join(keys)
    if list(keys) != sorted(keys) or not joined.isascii():
        return False
    if len(_SORTED) < _FEW and len(joined) < _FEW and len(keys) < _FEW:
        _SORTED.add(keys)
    return True


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
