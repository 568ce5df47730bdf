"""An identity provider of our own that can lie: it signs what a test tells it to, and knows PKCE."""

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

ISSUER = "https://id.example"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"})


@dataclass
class Provider:
    """Answers like a provider; what is set here it gets wrong on purpose."""

    discovery: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    """An ID token to give instead of an honest one."""
    keys: tuple[RSAKey | OctKey, ...] = (KEY,)
    status: int = 200
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def transport(self) -> httpx2.MockTransport:
        """How it is reached."""
        return httpx2.MockTransport(self._answer)

    def consent(self, address: str) -> dict[str, str]:
        """The person says yes: what the provider sends back with the browser."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = self.asked
        return {"code": code, "state": self.asked["state"]}

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.fetched.append(str(request.url))
        if request.url.path == "/.well-known/openid-configuration":
            document = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
                **self.discovery,
            }
            return httpx2.Response(200, json=document)
        if request.url.path == "/keys":
            public = [key.as_dict(private=False) for key in self.keys]
            return httpx2.Response(200, json={"keys": public})
        if request.url.path == "/token":
            return self._redeem(parse_qs(request.content.decode()))
        return httpx2.Response(404)

    def _redeem(self, form: dict[str, list[str]]) -> httpx2.Response:
        asked = self.codes.pop(form["code"][0], None)
        if asked is None:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"] or form["redirect_uri"][0] != asked["redirect_uri"]:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        token = self.token or self.honest(asked["nonce"], asked["client_id"])
        return httpx2.Response(self.status, json={"id_token": token, "token_type": "Bearer"})

    def honest(self, nonce: str, client: str, key: RSAKey | OctKey = KEY) -> str:
        """An ID token as it should be, but for what the test changes of it."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "s-1",
            "aud": client,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": "k1", **self.header}
        algorithms = [str(header["alg"])]
        return jwt.encode(header, claims, key, algorithms=algorithms)


def key_set() -> KeySet:
    """The provider's public keys."""
    return KeySet([KEY])
