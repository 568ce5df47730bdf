"""Who sent it: a bearer token, compared in constant time with each token that is live."""

import hashlib
import hmac
from collections.abc import Sequence

from schemas.alert import Authenticity


class BearerTokens:
    """The live tokens of one source; two during a rotation."""

    def __init__(self, source: str, tokens: Sequence[str]) -> None:
        self._source = source
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    def verify(self, authorization: str | None) -> Authenticity | None:
        """Return how the header proves the sender, None if it does not.

        Every token is compared, by digest: the time taken tells neither length nor which.
        """
        scheme, _, token = (authorization or "").partition(" ")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        matching = [hmac.compare_digest(given, digest) for digest in self._digests]
        if scheme.lower() != "bearer" or not any(matching):
            return None
        number = matching.index(True) + 1
        return Authenticity(scheme="bearer", key_id=f"{self._source}/{number}")
