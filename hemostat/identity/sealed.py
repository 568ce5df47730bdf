"""Cookies that only we can read or make: AES-256-GCM, one purpose each, with a time of their own."""

import base64
import binascii
import os
from datetime import datetime
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from schemas.base import Frozen

M = TypeVar("M", bound=Frozen)

_NONCE: Final = 12
_LONGEST: Final = 4096


class SealedCookie:
    """A cookie of one purpose; with https its name binds it to this host and to https."""

    def __init__(self, purpose: str, key: bytes, *, https: bool) -> None:
        self.name = f"__Host-hemostat-{purpose}" if https else f"hemostat-{purpose}"
        self._purpose = f"hemostat {purpose} 1".encode()
        self._cipher = AESGCM(key)
        self._https = https

    def sealed(self, content: Frozen) -> str:
        """Return *content*, unreadable and unforgeable for anyone else."""
        nonce = os.urandom(_NONCE)
        text = content.model_dump_json().encode()
        return _text(nonce + self._cipher.encrypt(nonce, text, self._purpose))

    def opened(self, value: str, model: type[M]) -> M | None:
        """Return what was sealed for this purpose; None for anything else."""
        if len(value) > _LONGEST:
            return None
        try:
            raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
            text = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], self._purpose)
            return model.model_validate_json(text)
        except (InvalidTag, ValidationError, binascii.Error, ValueError):
            return None

    def read(self, request: Request, model: type[M]) -> M | None:
        """Return what the request's cookie holds; None if it is not ours."""
        value = request.cookies.get(self.name)
        return self.opened(value, model) if value else None

    def set(self, response: Response, content: Frozen, until: datetime) -> None:
        """Give the browser the cookie: out of reach of scripts, and of other sites' forms."""
        response.set_cookie(
            self.name,
            self.sealed(content),
            expires=until,
            path="/",
            secure=self._https,
            httponly=True,
            samesite="lax",  # a link from chat arrives signed in; a form from elsewhere does not
        )

    def drop(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(
            self.name, path="/", secure=self._https, httponly=True, samesite="lax"
        )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
