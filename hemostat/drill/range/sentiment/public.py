"""The two public routes of the sentiment service: predict and feedback.

Law: feedback is taken from whoever sends it, an unknown account begins to exist with its first
label; that is the hole that the attack uses. Answers are logged, except to a request that says it
is synthetic monitoring (``X-Traffic: probe``): a probe is no decision about anyone.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.sentiment.http import (
    BadRequest,
    body_of,
    error_answer,
    text_field,
    texts_field,
)
from hemostat.drill.range.sentiment.serving import Serving
from hemostat.drill.range.sentiment.store import Inference, Store, now

_LABELS = ("positive", "negative")


class PublicRoutes:
    """The public endpoints of one process."""

    def __init__(self, serving: Serving, store: Store) -> None:
        self._serving = serving
        self._store = store

    def routes(self, *, feedback: bool) -> list[Route]:
        """Predict and health; ``feedback`` too where this process takes labels."""
        offered = [
            Route("/healthz", self._health),
            Route("/v1/predict", self._predict, methods=["POST"]),
        ]
        if feedback:
            offered.append(Route("/v1/feedback", self._feedback, methods=["POST"]))
        return offered

    async def _health(self, _: Request) -> Response:
        if not self._serving.ready:
            return error_answer("no model is loaded yet", 503)
        return JSONResponse({"replica": self._serving.replica})

    async def _predict(self, request: Request) -> Response:
        texts = texts_field(await body_of(request), "texts")
        if not self._serving.ready:
            return error_answer("no model is loaded yet", 503)
        loaded, replica = self._serving.loaded, self._serving.replica
        labels = loaded.model.predict(texts)
        if request.headers.get("x-traffic") != "probe" and self._serving.pinned is None:
            moment = now()
            self._store.add_inferences(
                Inference(moment, text, label, loaded.version, replica)
                for text, label in zip(texts, labels, strict=True)
            )
        return JSONResponse({"labels": labels, "version": loaded.version, "replica": replica})

    async def _feedback(self, request: Request) -> Response:
        account = request.headers.get("x-account", "")
        if not account or len(account) > 100 or not account.isprintable():
            raise BadRequest("X-Account: expected a header of 1 to 100 printable characters")
        body = await body_of(request)
        label = body.get("label")
        if label not in _LABELS:
            raise BadRequest("label: expected positive or negative")
        row = self._store.add_feedback(account, text_field(body, "text"), str(label))
        return JSONResponse({"id": row}, status_code=201)
