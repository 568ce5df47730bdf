"""``[identity]`` of ``hemostat.toml``: who may sign in, how, and which keys speak to incidents.

Without the table nobody is asked to prove who they are. Private keys and secrets are references.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hemostat.settings.values import Duration, SecretRef
from schemas.base import Frozen, Name
from schemas.speakers import FRESH_FOR, STEP_UP_WITHIN, SpeakerKey

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""How a provider may sign. No ``none``, and nothing in which verifier and signer share a key."""


def _secure(url: str) -> str:
    """Return *url* without a slash at its end; only this machine is spoken to without TLS."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].partition(":")[0] if parts.netloc[:1] != "[" else "[::1]"
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        raise ValueError("it is https://, or http:// of this machine")
    if parts.query or parts.fragment or not parts.netloc or "@" in parts.netloc:
        raise ValueError("a plain address, without query, fragment or user")
    return url.rstrip("/")


class OidcTable(Frozen):
    """``[identity.oidc]``: the provider that people sign in at.

    ``person_claim`` holds the person's id; by default people are known by ``[identity.subjects]``
    alone, because what a provider lets people change themselves is no identity.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret: SecretRef | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    person_claim: str | None = None
    groups_claim: str = "groups"

    _address = field_validator("issuer")(_secure)


class IdentityTable(Frozen):
    """``[identity]``: the gateway's own key, other keys that speak, and how people sign in.

    ``url`` is the gateway as browsers reach it; with https its cookies are for https alone.
    ``groups_hold`` is for how long after a sign-in roles that come of a provider's groups are
    believed: what it says of them is heard at a sign-in alone.
    """

    key: SecretRef
    keys: tuple[SpeakerKey, ...] = ()
    url: str | None = None
    statement_fresh_for: Annotated[Duration, Field(gt=timedelta(0))] = FRESH_FOR
    step_up_within: Annotated[Duration, Field(gt=timedelta(0))] = STEP_UP_WITHIN
    session_idle: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=30)
    session_lasts: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(hours=12)
    token_lasts: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(hours=12)
    groups_hold: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(hours=4)
    local_accounts: bool = True
    oidc: OidcTable | None = None
    subjects: dict[Name, str] = {}
    groups: dict[str, tuple[Name, ...]] = {}
    auditors: tuple[Name, ...] = ()
    services: dict[Name, SecretRef] = {}

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else _secure(url)

    @field_validator("key")
    @classmethod
    def _a_file(cls, key: str) -> str:
        if not key.startswith("file:"):
            raise ValueError("a private key is a file of its own: file:PATH")
        return key

    @model_validator(mode="after")
    def _own_keys(self) -> Self:
        if len(set(self.subjects.values())) != len(self.subjects):
            raise ValueError("two people have the same subject")
        return self
