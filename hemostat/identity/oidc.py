"""OpenID Connect with any provider: authorization code with PKCE, the ID token checked in full.

What is checked: issuer (exactly ours, also in the discovery document and the answer), signature by
a key of the provider under an algorithm that is allowed here and fits that key, audience, authorized
party, times, nonce. The browser's part is bound to one sign-in by state and verifier, both sealed
in its cookie.
"""

import asyncio
import base64
import hashlib
import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from hemostat.settings.identity import LOOPBACK_HOSTS, OidcTable
from hemostat.settings.values import read_secret
from schemas.base import Frozen
from schemas.errors import NotHeld, SystemUnreachable

_WITHIN_SECONDS: Final = 5.0
_LARGEST: Final = 512 * 1024
_LEEWAY: Final = 60
_KEYS_AGAIN_AFTER: Final = 60.0
"""Seconds until keys are fetched again for a token that none of the known ones signed."""


class SignInRefused(NotHeld):
    """The provider's answer does not prove who somebody is."""

    def __init__(self, what: str) -> None:
        super().__init__(what, where="the identity provider", next_step="sign in again.")


class Provider(BaseModel):
    """What of a discovery document is used."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class SignIn(Frozen):
    """One sign-in under way; it never leaves the browser's sealed cookie."""

    state: str
    nonce: str
    verifier: str
    began: int
    afresh: bool = False


class Proven(Frozen):
    """What an ID token says of its subject."""

    subject: str
    person: str | None
    groups: tuple[str, ...]
    authenticated_at: datetime
    afresh_at: datetime | None
    """When the person proved it to the provider, if that says so."""


class Oidc:
    """One provider."""

    def __init__(
        self,
        table: OidcTable,
        redirect: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._table = table
        self._redirect = redirect
        self._transport = transport
        self._provider: Provider | None = None
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._fetching = asyncio.Lock()

    @staticmethod
    def begin(*, afresh: bool = False) -> SignIn:
        """Return a new sign-in; *afresh* makes the provider ask the person again."""
        return SignIn(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            began=int(time.time()),
            afresh=afresh,
        )

    async def address(self, sign_in: SignIn) -> str:
        """Return where the browser goes."""
        provider = await self._discovered()
        challenge = hashlib.sha256(sign_in.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._table.client_id,
            "redirect_uri": self._redirect,
            "scope": " ".join(self._table.scopes),
            "state": sign_in.state,
            "nonce": sign_in.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if sign_in.afresh else {}),
        }
        joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
        return provider.authorization_endpoint + joint + urlencode(query)

    async def finish(self, sign_in: SignIn, answer: dict[str, str]) -> Proven:
        """Return who signed in, by what the browser brought back; raises ``SignInRefused``."""
        if not secrets.compare_digest(answer.get("state", "").encode(), sign_in.state.encode()):
            raise SignInRefused("this answer belongs to another sign-in")
        provider = await self._discovered()
        named = answer.get("iss")
        if named is None and provider.authorization_response_iss_parameter_supported:
            raise SignInRefused("the answer does not name its issuer")
        if named not in (None, provider.issuer):  # RFC 9207: another provider's answer
            raise SignInRefused("the answer is another provider's")
        if "error" in answer or not answer.get("code"):
            raise SignInRefused("the provider did not sign you in")
        token = await self._redeem(provider, answer["code"], sign_in)
        return self._proven(await self._claims(provider, token), sign_in)

    async def _redeem(self, provider: Provider, code: str, sign_in: SignIn) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "client_id": self._table.client_id,
            "code_verifier": sign_in.verifier,
        }
        headers: dict[str, str] = {}
        if self._table.client_secret is not None:
            secret = read_secret(self._table.client_secret)
            if "client_secret_basic" in provider.token_endpoint_auth_methods_supported:
                pair = f"{quote(self._table.client_id, '')}:{quote(secret, '')}"
                headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            else:
                form["client_secret"] = secret
        answer = await self._json("POST", provider.token_endpoint, data=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("the provider gave no ID token")
        return token

    async def _claims(self, provider: Provider, token: str) -> dict[str, Any]:
        try:
            keys = await self._known_keys(provider)
            try:
                decoded = self._decoded(token, keys)
            except (JoseError, ValueError):
                again = await self._known_keys(provider, anew=True)
                if again is keys:
                    raise
                decoded = self._decoded(token, again)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInRefused("the ID token's signature does not hold") from error
        return dict(decoded.claims)

    def _decoded(self, token: str, keys: KeySet) -> jwt.Token:
        # The library refuses an algorithm that is not in the list, and one that the key is not for.
        return jwt.decode(token, keys, algorithms=list(self._table.algorithms))

    def _proven(self, claims: dict[str, Any], sign_in: SignIn) -> Proven:
        now, client = int(time.time()), self._table.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party = claims.get("azp")
        expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
        checks = {
            "issuer": claims.get("iss") == self._issuer(),
            "audience": client in audiences,
            "authorized party": party == client if len(audiences) > 1 else party in (None, client),
            "end": expires is not None and now < expires + _LEEWAY,
            "time": issued is not None and issued <= now + _LEEWAY,
            "nonce": claims.get("nonce") == sign_in.nonce,
            "subject": isinstance(claims.get("sub"), str) and bool(claims["sub"]),
        }
        wrong = [name for name, holds in checks.items() if not holds]
        if wrong:
            raise SignInRefused(f"the ID token's {', '.join(wrong)} is not right")
        proved = _seconds(claims.get("auth_time"))
        if sign_in.afresh and (proved is None or proved < sign_in.began - _LEEWAY):
            raise SignInRefused("the provider did not ask you again")
        person = claims.get(self._table.person_claim) if self._table.person_claim else None
        groups = claims.get(self._table.groups_claim)
        return Proven(
            subject=claims["sub"],
            person=person if isinstance(person, str) else None,
            groups=tuple(str(group) for group in groups) if isinstance(groups, list) else (),
            authenticated_at=datetime.now(UTC),
            afresh_at=None if proved is None else datetime.fromtimestamp(min(proved, now), UTC),
        )

    def _issuer(self) -> str | None:
        return self._provider.issuer if self._provider else None

    async def _discovered(self) -> Provider:
        async with self._fetching:
            if self._provider is None:
                found = await self._json(
                    "GET", f"{self._table.issuer}/.well-known/openid-configuration"
                )
                try:
                    provider = Provider.model_validate(found)
                except ValidationError as error:
                    raise SignInRefused("the provider's configuration is not complete") from error
                if provider.issuer.rstrip("/") != self._table.issuer:
                    raise SignInRefused("the provider says that it is another one")
                for url in (
                    provider.authorization_endpoint,
                    provider.token_endpoint,
                    provider.jwks_uri,
                ):
                    _insist_on_tls(url)
                self._provider = provider
            return self._provider

    async def _known_keys(self, provider: Provider, *, anew: bool = False) -> KeySet:
        async with self._fetching:
            recently = time.monotonic() - self._fetched < _KEYS_AGAIN_AFTER
            if self._keys is None or (anew and not recently):
                found = await self._json("GET", provider.jwks_uri)
                listed = found.get("keys")
                # Only what can verify and not sign as well: no shared secret is ever a key here.
                public = [key for key in listed or [] if key.get("kty") in ("RSA", "EC", "OKP")]
                self._keys = KeySet.import_key_set({"keys": public})
                self._fetched = time.monotonic()
            return self._keys

    async def _json(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        """Ask the provider; no redirect is followed, no proxy of the environment used."""
        try:
            async with (
                httpx2.AsyncClient(
                    transport=self._transport, trust_env=False, timeout=_WITHIN_SECONDS
                ) as http,
                http.stream(method, url, follow_redirects=False, **how) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _LARGEST:
                        raise SignInRefused("the provider's answer is too long")
        except httpx2.HTTPError as error:
            raise SystemUnreachable(
                f"the identity provider does not answer ({type(error).__name__})",
                where=self._table.issuer,
                next_step="try again; local accounts work without it.",
            ) from error
        if answer.status_code != 200:
            raise SignInRefused(f"the provider answered {answer.status_code}")
        try:
            found = httpx2.Response(200, content=body).json()
        except ValueError as error:
            raise SignInRefused("the provider's answer is no JSON") from error
        if not isinstance(found, dict):
            raise SignInRefused("the provider's answer is no object")
        return found


def _seconds(value: object) -> float | None:
    """Return a moment in seconds since 1970; None for what is no such number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < 2**40 else None


def _insist_on_tls(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and (parts.hostname or "") in ("::1", *LOOPBACK_HOSTS)
    ):
        raise SignInRefused("the provider names an address without TLS")
