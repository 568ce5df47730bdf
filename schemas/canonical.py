"""Canonical JSON (RFC 8785) and SHA-256 digests: one value, one byte string, one digest."""

import hashlib
from typing import Any

import rfc8785
from pydantic import BaseModel

from schemas.base import Digest


def canonical_json(value: Any) -> bytes:
    """Return *value* (JSON types or a model) as canonical JSON, UTF-8.

    Raises ``rfc8785.CanonicalizationError`` for what JSON cannot carry (NaN, integers over 2**53).
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return rfc8785.dumps(value)


def digest_bytes(content: bytes) -> Digest:
    """Return the SHA-256 of *content* as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def digest_of(value: Any) -> Digest:
    """Return the digest of the canonical JSON of *value*."""
    return digest_bytes(canonical_json(value))
