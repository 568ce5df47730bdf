"""Passwords and one-time secrets: made by the system's dice, kept as scrypt, compared evenly."""

import base64
import hashlib
import hmac
import os
import secrets
from typing import Final

SHORTEST: Final = 12
"""Characters of a password; there is no other rule (NIST SP 800-63B)."""
LONGEST: Final = 256
_N, _R, _P, _LENGTH = 2**15, 8, 1, 32
_MEMORY: Final = 64 * 1024 * 1024


def one_time_secret() -> str:
    """Return a new secret, 100 bits, in groups that people can type."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def hashed(secret: str) -> str:
    """Return what is kept of *secret*."""
    salt = os.urandom(16)
    digest = _scrypt(secret, salt, _N, _R, _P)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join(("scrypt", str(_N), str(_R), str(_P), *encoded))


def matches(secret: str, kept: str) -> bool:
    """Whether *secret* is the one of which *kept* is kept; takes as long whether or not."""
    _, n, r, p, salt, digest = kept.split("$")
    given = _scrypt(secret[: LONGEST + 1], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(given, base64.b64decode(digest)) and len(secret) <= LONGEST


NOBODYS: Final = "scrypt$32768$8$1$" + "$".join(
    base64.b64encode(part).decode() for part in (bytes(16), bytes(32))
)
"""What the secret of an unknown account is compared with, so that both take as long."""


def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=n, r=r, p=p, dklen=_LENGTH, maxmem=_MEMORY)
