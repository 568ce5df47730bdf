"""The trust file: whom an auditor believes, and for which time. Nothing else is believed.

It comes to the auditor on another way than the packs. A key that was retired signs nothing after
that moment. One that was compromised is worth nothing from then on, and what it signed before
counts only with a timestamp from outside that says so: whoever has the key can write any date.
"""

import base64
from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from schemas.audit.signing import Kid, Moment, kid_of
from schemas.audit.strict import NotStrict, lenient_json
from schemas.base import Frozen
from schemas.errors import ConfigurationError


class TrustedKey(Frozen):
    """One key of a sealer: its raw public half in base64, and when it was to be believed."""

    kid: Kid
    public: str
    since: Moment
    retired: Moment | None = None
    compromised: Moment | None = None

    @model_validator(mode="after")
    def _is_its_name(self) -> "TrustedKey":
        if kid_of(self.raw) != self.kid:
            raise ValueError("the key is not the one that its kid names")
        return self

    @property
    def raw(self) -> bytes:
        """The public key."""
        return base64.b64decode(self.public, validate=True)


class Authority(Frozen):
    """A timestamp authority by its root certificate (PEM); asked for by the sealer from ``since``."""

    certificate: str
    since: Moment

    @model_validator(mode="after")
    def _is_a_certificate(self) -> "Authority":
        # Most trust files name no authority, and it takes long to load.
        from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - as said above

        load_pem_x509_certificate(self.certificate.encode())
        return self


class Standing(StrEnum):
    """What a key is worth at a moment."""

    GOOD = "good"
    EARLY = "early"
    RETIRED = "retired"
    COMPROMISED = "compromised"


class Trust(Frozen):
    """The whole file."""

    format: Literal["hemostat-trust/1"] = "hemostat-trust/1"
    keys: tuple[TrustedKey, ...] = Field(min_length=1)
    authorities: tuple[Authority, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Trust":
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise ValueError("a key is listed twice: it is not clear what it is worth")
        return self

    def key(self, kid: str) -> TrustedKey | None:
        """Return the key that *kid* names, if it is trusted at all."""
        return next((key for key in self.keys if key.kid == kid), None)


def standing(key: TrustedKey, at: str) -> Standing:
    """Return what *key* is worth for a signature made at *at*."""
    if at < key.since:
        return Standing.EARLY
    if key.retired is not None and at > key.retired:
        return Standing.RETIRED  # also where it is compromised: no timestamp brings it back
    return Standing.GOOD if key.compromised is None else Standing.COMPROMISED


def read_trust(text: bytes, where: str) -> Trust:
    """Return the trust file in *text*; ``ConfigurationError`` says what is wrong with it."""
    try:
        return Trust.model_validate(lenient_json(text))
    except NotStrict as error:
        what = str(error)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    raise ConfigurationError(
        f"the trust file cannot be used: {what}",
        where=where,
        next_step="`hemostat audit keys` writes one; fetch it on another way than the pack.",
    )
