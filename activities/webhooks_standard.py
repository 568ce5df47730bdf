"""Gives situation reports to other systems as Standard Webhooks, signed with the standard's library.

Law: only the addresses that hemostat.toml lists are asked, by https or on this machine; no redirect
is followed, no proxy obeyed, and no body of an answer is read. The same revision of a report has
the same ``webhook-id`` however often it is sent, so a receiver recognises a repeat; who took it is
not sent it again by this process. A drill reaches only endpoints that are marked for drills. A
receiver that answers 2xx and drops what it got cannot be found out: there is nothing to read back.

Contract: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import binascii
import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator
from standardwebhooks.webhooks import Webhook

from activities.parts.http import Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name, iso
from schemas.errors import ConfigurationError, HemostatError, SystemRefused, SystemUnreachable
from schemas.ports.channels import Announce, Announced, publish_report
from schemas.ports.port import fulfils
from schemas.situation import SituationReport

EVENT: Final = "incident.reported"
"""The ``type`` of what is sent."""

_WHERE: Final = "the webhook endpoint"
_TIMEOUT_SECONDS: Final = 6.0
_GONE: Final = 410
_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a signing secret, as the standard wants them."""

_REMEMBERED: Final = 2_000

Url = Annotated[
    str,
    StringConstraints(
        max_length=1000,
        pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%/+-]*)?$",
    ),
]
"""No user, no query, no fragment: what opens an endpoint is the signature, not its address."""


class Endpoint(Frozen):
    """One receiver; ``old_secret`` signs as well while the receiver moves to a new secret."""

    url: Url
    secret: SecretRef
    old_secret: SecretRef | None = None
    drills: bool = False

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("an endpoint has https, or is on this machine")
        return self


class Connection(Frozen):
    """``[connections.NAME]``: who is told, by ``name``; ``public_url``, the gateway's, is filled in."""

    adapter: Literal["webhooks_standard"]
    endpoints: dict[Name, Endpoint] = Field(min_length=1, max_length=20)
    public_url: str = ""


class Webhooks:
    """The way to the receivers of one connection."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._ways = {
            name: Http(f"{_WHERE} {name}", endpoint.url, seconds=_TIMEOUT_SECONDS, keep_alive=False)
            for name, endpoint in connection.endpoints.items()
        }
        self._taken: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._gone: set[str] = set()
        """Who answered 410: not asked again until this process starts anew."""

    @fulfils(publish_report)
    async def publish_report(self, request: Announce) -> Announced:
        """Send it to every endpoint at once; who took it already is left out of a repeat."""
        said, drill = message_id(request), request.report.drill
        meant = [n for n, e in self._connection.endpoints.items() if e.drills or not drill]
        if not meant:
            return _withheld("no endpoint is marked for drills")
        to = [name for name in meant if name not in self._gone]
        if not to:
            return _withheld("every endpoint is gone (410)")
        due = [name for name in to if (name, said) not in self._taken]
        body = self._body(request)
        ended = await asyncio.gather(
            *(self._deliver(name, said, body) for name in due), return_exceptions=True
        )
        _raise_one([error for error in ended if isinstance(error, BaseException)])
        gone = len(meant) - len(to)
        left = f"{gone} of {len(meant)} endpoints are gone (410)" if gone else ""
        return Announced(message=said, changed=bool(due), withheld=left)

    async def check(self) -> list[str]:
        """Read the secrets; nothing is sent."""
        problems = []
        for name, endpoint in self._connection.endpoints.items():
            try:
                _signers(endpoint)
            except HemostatError as error:
                problems.append(f"the endpoint {name}: {error}")
        return problems

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(way.aclose() for way in self._ways.values()))

    async def _deliver(self, name: str, said: str, body: str) -> None:
        """One request; raises ``SystemUnreachable`` for what may pass, ``SystemRefused`` for not."""
        now = datetime.now(UTC)
        signers = _signers(self._connection.endpoints[name])
        headers = {
            "Content-Type": "application/json",
            "webhook-id": said,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(said, now, body) for signer in signers),
        }
        answer = await self._ways[name].ask(
            "POST",
            "",
            raw=body.encode(),
            headers=headers,
            expect=(*range(200, 300), _GONE),
            unread=True,
        )
        if answer.status == _GONE:
            self._gone.add(name)
            raise SystemRefused(
                "answered 410: it wants nothing any more",
                where=f"{_WHERE} {name}",
                next_step="take it out of hemostat.toml; until a restart it is not asked again.",
            )
        self._taken[name, said] = None
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)

    def _body(self, request: Announce) -> str:
        """What is sent: the same bytes for the same revision."""
        report, base = request.report, self._connection.public_url.rstrip("/")
        data = _told(report) | {"page": f"{base}/incidents/{request.incident}" if base else ""}
        at = max((line.at for line in report.lines), default=report.opened_at)
        shown = report.opened_at if report.discreet else at
        # Escaped to ASCII: no text from outside can be what UTF-8 cannot carry.
        return json.dumps({"type": EVENT, "timestamp": iso(shown), "data": data}, sort_keys=True)


def _withheld(why: str) -> Announced:
    return Announced(message="", changed=False, withheld=why)


def message_id(request: Announce) -> str:
    """Return the ``webhook-id``: the same for the same revision of the same incident's report."""
    said = f"{request.key}\n{request.report.revision}\n{request.report.discreet}"
    return f"msg_{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _told(report: SituationReport) -> dict[str, Any]:
    """Everything, or where somebody is excluded no more than that there is an incident."""
    only = {"incident", "revision", "drill", "discreet", "severity"} if report.discreet else None
    return report.model_dump(mode="json", include=only) | {"headline": report.headline()}


def _signers(endpoint: Endpoint) -> list[Webhook]:
    """Those who sign, with secrets that are read anew each time: a rotation needs no restart."""
    refs = [ref for ref in (endpoint.secret, endpoint.old_secret) if ref]
    return [Webhook(_key(ref)) for ref in refs]


def _key(ref: str) -> bytes:
    """The bytes of a secret. Errors name the reference and never the secret."""
    text = read_secret(ref).removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if _SHORTEST <= len(key) <= _LONGEST:
        return key
    raise ConfigurationError(
        f"the signing secret is not {_SHORTEST} to {_LONGEST} bytes in base64",
        where=ref,
        next_step="make one: echo whsec_$(openssl rand -base64 32)",
    )


def _raise_one(errors: Sequence[BaseException]) -> None:
    """Raise what may pass before what will not: then all of them are tried again."""
    for kind in (SystemUnreachable, BaseException):
        for error in errors:
            if isinstance(error, kind):
                raise error
