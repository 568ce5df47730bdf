"""Canonical JSON (RFC 8785) and SHA-256 digests: one value, one byte string, one digest."""

import hashlib
import json
from typing import Any, Final

import rfc8785
from pydantic import BaseModel

from schemas.base import Digest


def canonical_json(value: Any) -> bytes:
    """Return *value* (JSON types or a model) as canonical JSON, UTF-8.

    Raises ``rfc8785.CanonicalizationError`` for what JSON cannot carry (NaN, integers over 2**53).
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if _is_plain(value):
        try:
            return PLAIN.encode(value).encode()
        except UnicodeEncodeError:  # half a character: let the reference say so
            pass
    return rfc8785.dumps(value)


PLAIN: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
"""Python's own encoder, in C: canonical for what is plain, and one text for one value always."""

_MOST: Final = 2**53 - 1


def _is_plain(value: Any) -> bool:
    """Whether Python's own encoder, in C, writes *value* as RFC 8785 wants it.

    It sorts and escapes alike where all keys are ASCII; numbers it writes otherwise in part, so
    only those are plain that both write alike. The rest is for the reference implementation,
    which takes ten times as long and, in a workflow's sandbox, thirty.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return abs(int(value)) <= _MOST
    if kind is float:
        return is_plain_float(value)
    if kind is dict:
        return all(
            type(key) is str and key.isascii() and _is_plain(inner) for key, inner in value.items()
        )
    return kind is list and all(_is_plain(inner) for inner in value)


def is_plain_float(value: float) -> bool:
    """Whether Python writes *value* as RFC 8785 wants it."""
    return 1e-4 <= abs(value) < 1e16 and not value.is_integer()


def digest_bytes(content: bytes | memoryview) -> Digest:
    """Return the SHA-256 of *content* as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def digest_of(value: Any) -> Digest:
    """Return the digest of the canonical JSON of *value*."""
    return digest_bytes(canonical_json(value))
