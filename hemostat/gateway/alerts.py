"""From the verified bytes of a delivery to its incidents: normalise, keep, route, hand over.

The bytes go to the vault before Temporal hears of the alert. A vault that cannot be written to
does not keep an alert from its incident (containment waits for no evidence): the batch then says
that the body is missing.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hemostat.gateway.bearer import BearerTokens
from hemostat.gateway.delivery import Delivery
from hemostat.gateway.intake import Intake
from hemostat.gateway.pagerduty import PagerDutyWebhooks
from hemostat.gateway.routing import Destination, destination_of, route_of
from hemostat.gateway.sealed import SealedWebhooks, seal_of
from hemostat.gateway.signed import Refused, SignedReports
from hemostat.gateway.sources import SourceKind, source_kind
from hemostat.keys import speakers_of
from hemostat.settings import Settings, Source, read_secret
from hemostat.settings.problems import InvalidSettings
from hemostat.vault import Vault
from schemas.alert import Alert, Authenticity, RawRef
from schemas.canonical import digest_bytes
from schemas.errors import BadInput, ConfigurationError, HemostatError

_SEAL_WITHIN_SECONDS: Final = 1.0
"""With the patience of the intake it stays below the 3 s in which senders expect an answer."""

_log = logging.getLogger(__name__)


class Unverified(BadInput):
    """The sender did not prove to be the source."""


@dataclass(frozen=True)
class LiveSource:
    """One source, its secrets read."""

    name: str
    table: Source
    kind: SourceKind
    tokens: BearerTokens
    signed: SignedReports | SealedWebhooks | None
    """Where a signature covers the body, so the body is read first: people's, or a vendor's."""
    webhooks: PagerDutyWebhooks | None
    """PagerDuty's: it posts to a path of its own."""
    max_body: int

    @property
    def has_token(self) -> bool:
        """Whether a bearer token is asked for; with a signature beside it, both must hold."""
        return bool(self.table.token) or self.signed is None

    def verify(self, authorization: str | None) -> Authenticity:
        """Return how the sender proved itself, or raise ``Unverified``."""
        auth = self.tokens.verify(authorization)
        if auth is None:
            raise Unverified(
                "the bearer token is missing or wrong",
                where="Authorization",
                next_step="send one of the tokens that hemostat.toml names for this source.",
            )
        return auth

    def verify_signed(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Authenticity:
        """Return how what was signed proves its sender, or raise ``Unverified``."""
        try:
            if self.signed is None:
                raise Refused("nobody may sign for this source")
            return self.signed.verify(headers, body, now)
        except Refused as refusal:
            if isinstance(self.signed, SealedWebhooks):
                where, hint = "headers", "give the sender the secret of this source, and the time."
            else:
                where, hint = "X-Report-Signature", "sign it anew, with the time."
            raise Unverified(str(refusal), where=where, next_step=hint) from None


def _live(settings: Settings, name: str, table: Source) -> LiveSource:
    """Return the source, ready; ``ConfigurationError`` with its line if it cannot be."""
    kind = source_kind(table.kind, settings.where("sources", name, "kind"))
    try:
        secrets = [read_secret(ref) for ref in table.token]
        reporters = {who: read_secret(ref) for who, ref in table.reporters.items()}
        signing = [read_secret(ref) for ref in table.secret]
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the token of source {name!r}, {error.where}: {error.what}",
            where=settings.where("sources", name, "token"),
            next_step=error.next_step,
        ) from error
    limit = int(table.max_body or settings.gateway.max_body)
    signed: SignedReports | SealedWebhooks | None = None
    webhooks = None
    if reporters:
        signed = SignedReports(name, reporters)
    elif signing and (read_seal := seal_of(kind)):
        signed = SealedWebhooks(name, read_seal, signing)
    elif signing:
        webhooks = PagerDutyWebhooks(name, signing)
    return LiveSource(name, table, kind, BearerTokens(name, secrets), signed, webhooks, limit)


class AlertsIn:
    """Takes deliveries of all configured sources."""

    def __init__(self, settings: Settings, intake: Intake, vault: Vault) -> None:
        self._settings = settings
        self._intake = intake
        self._vault = vault
        self._speakers = speakers_of(settings)
        self._sources: dict[str, LiveSource] = {}
        problems: list[ConfigurationError] = []
        for name, table in settings.sources.items():
            try:
                self._sources[name] = _live(settings, name, table)
            except ConfigurationError as error:
                problems.append(error)
        if problems:
            raise InvalidSettings(problems)

    def source(self, name: str) -> LiveSource | None:
        """Return the source of this name, None if there is none."""
        return self._sources.get(name)

    async def accept(
        self,
        source: LiveSource,
        body: bytes,
        media_type: str,
        *,
        auth: Authenticity,
        received_at: datetime,
        headers: Mapping[str, str] | None = None,
    ) -> list[dict[str, str | int]]:
        """Return each incident that now has alerts of this delivery, and what became of them.

        *headers* are the request's, their names in lower case.
        """
        raw = RawRef(digest=digest_bytes(body), size=len(body), media_type=media_type)
        delivery = Delivery(
            source=source.name,
            kind=source.table.kind,
            body=body,
            received_at=received_at,
            default_severity=source.table.default_severity,
            auth=auth,
            raw=raw,
            headers={n: v for n, v in (headers or {}).items() if n.startswith("ce-")},
        )
        normalised = source.kind.normalise(delivery)
        groups = self._route(source, normalised.alerts)
        unsealed = bool(groups) and not await self._seal(source, body, raw)
        statuses = await asyncio.gather(
            *(
                self._intake.accept(normalised.delivery_key, destination, alerts, unsealed=unsealed)
                for destination, alerts in groups
            )
        )
        return [
            {
                "id": destination.incident,
                "playbook": destination.opening.playbook,
                "service": destination.opening.service.name,
                "alerts": len(alerts),
                "status": status.value,
            }
            for (destination, alerts), status in zip(groups, statuses, strict=True)
        ]

    def _route(
        self, source: LiveSource, alerts: Sequence[Alert]
    ) -> list[tuple[Destination, list[Alert]]]:
        """What goes where; what no route knows is left out where the source says so."""
        groups: dict[str, tuple[Destination, list[Alert]]] = {}
        for alert in alerts:
            if source.table.unrouted == "ignore" and route_of(self._settings, alert) is None:
                continue
            destination = destination_of(self._settings, alert, self._speakers)
            groups.setdefault(destination.incident, (destination, []))[1].append(alert)
        return list(groups.values())

    async def _seal(self, source: LiveSource, body: bytes, raw: RawRef) -> bool:
        """Put the body into the vault; return whether it is there."""
        try:
            async with asyncio.timeout(_SEAL_WITHIN_SECONDS):
                await self._vault.put(
                    body,
                    media_type=raw.media_type,
                    name="alert body",
                    source=source.name,
                    method="POST /alerts",
                )
        except TimeoutError:
            _log.error("the alert body %s could not be sealed in time", raw.digest)
            return False
        except HemostatError as error:
            _log.error("the alert body %s could not be sealed: %s", raw.digest, error)
            return False
        return True
