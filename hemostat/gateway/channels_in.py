"""What channels say back: ``POST /pagerduty/webhooks/{source}`` and ``POST /slack/interactions``.

Law: bytes are verified before they are parsed, nothing from outside is echoed, a sender is not
asked to repeat what never changes anything, and whoever is not known by name acknowledges nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.gateway.alerts import AlertsIn, LiveSource, Unverified
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.gateway.pagerduty import Refused as NotPagerDuty
from hemostat.gateway.pagerduty import event_in, ours_in
from hemostat.gateway.slack import Refused as NotSlack
from hemostat.gateway.slack import SlackSignatures, acknowledgements
from hemostat.keys import SigningKey
from hemostat.settings import Settings, read_secret
from schemas.errors import BadInput

_SLACK_BODY: Final = 256 * 1024

Handler = Callable[[Request], Awaitable[Response]]
Body = Callable[[Request, int], Awaitable[bytes]]


class NoSuchChannel(BadInput):
    """Nothing in hemostat.toml listens here."""


class ChannelsIn:
    """The routes; *body* reads a request within bounds, *guarded* answers whatever is raised.

    With the gateway's *key* an incident can tell what came through here from what did not.
    """

    def __init__(
        self,
        settings: Settings,
        signals: IncidentSignals,
        alerts: AlertsIn,
        *,
        body: Body,
        guarded: Callable[[Handler], Handler],
        key: SigningKey | None = None,
    ) -> None:
        self._signals = signals
        self._key = key
        self._alerts = alerts
        self._body = body
        self._guarded = guarded
        people = settings.people.items()
        self._by_slack = {person.slack: name for name, person in people if person.slack}
        self._by_pagerduty = {p.pagerduty: name for name, p in people if p.pagerduty}
        secret = settings.gateway.slack_signing_secret
        self._slack = SlackSignatures(read_secret(secret)) if secret else None

    def routes(self) -> list[Route]:
        """What is served."""
        pagerduty, slack = self._guarded(self._pagerduty), self._guarded(self._slack_interaction)
        return [
            Route("/pagerduty/webhooks/{source}", pagerduty, methods=["POST"]),
            Route("/slack/interactions", slack, methods=["POST"]),
        ]

    async def _pagerduty(self, request: Request) -> Response:
        source = self._alerts.source(request.path_params["source"])
        if source is None or source.webhooks is None:
            raise NoSuchChannel("there is no such source", where="path")
        body = await self._body(request, source.max_body)
        now = datetime.now(UTC)
        try:
            auth = source.webhooks.verify(request.headers, body)
        except NotPagerDuty as refusal:
            raise Unverified(
                str(refusal), where="X-PagerDuty-Signature", next_step="check the secret."
            ) from None
        event = event_in(body)
        if event is None:
            raise BadInput("this is no event", where="body", next_step="send PagerDuty's V3 body.")
        if source.webhooks.was_taken(event["id"]):
            return JSONResponse({"status": "known"}, status_code=202)
        answer = await self._page_of_ours(source, event)
        if answer is None:
            media_type = request.headers.get("content-type", "")[:100]
            accepted = await self._alerts.accept(
                source, body, media_type, auth=auth, received_at=now
            )
            answer = JSONResponse({"incidents": accepted}, status_code=202)
        source.webhooks.take(event["id"])
        return answer

    async def _page_of_ours(self, source: LiveSource, event: dict[str, object]) -> Response | None:
        """Take what it says of a page that we sent; None if it is about something else."""
        ours = ours_in(event, self._by_pagerduty)
        if ours is None:
            return None
        told = ours.answer is not None and await self._signals.answer_running(
            ours.incident, ours.answer, self._key
        )
        return JSONResponse({"status": "told" if told else "ours"}, status_code=202)

    async def _slack_interaction(self, request: Request) -> Response:
        if self._slack is None:
            raise NoSuchChannel("Slack is not connected", where="path")
        body, now = await self._body(request, _SLACK_BODY), datetime.now(UTC)
        try:
            self._slack.verify(request.headers, body, now)
        except NotSlack as refusal:
            raise Unverified(
                str(refusal), where="X-Slack-Signature", next_step="check the signing secret."
            ) from None
        for incident, answer in acknowledgements(body, self._by_slack):
            if answer.person is not None:
                await self._signals.answer_running(incident, answer, self._key)
        self._slack.spend(request.headers, now)
        return Response(status_code=200)
