"""The admin endpoints of the sentiment service: what an operator or a responder may do to it.

Law: bearer token on every route; what blocks runs outside the event loop, so that predictions go
on; what has an effect is idempotent by its key. A pause that was answered holds: no retraining
effect is under way when ``PUT /admin/retraining`` returns.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.sentiment.http import (
    BadRequest,
    Handler,
    admin_only,
    body_of,
    number_query,
    text_field,
    texts_field,
)
from hemostat.drill.range.sentiment.registry import DATASET_DIGEST, RETRAIN_KEY, ModelVersion
from hemostat.drill.range.sentiment.serving import Serving
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Store, timestamp
from hemostat.drill.range.sentiment.training import assemble, fit, register

_BATCH = 1000

T = TypeVar("T")


class AdminRoutes:
    """The admin endpoints of one process."""

    def __init__(self, settings: SentimentSettings, serving: Serving, store: Store) -> None:
        self._settings = settings
        self._serving = serving
        self._store = store

    def routes(self) -> list[Route]:
        """Those that this process offers: a pinned one evaluates, the others serve and learn."""
        token = self._settings.admin_token()

        def route(path: str, handler: Handler, method: str = "GET") -> Route:
            return Route(path, admin_only(token, handler), methods=[method])

        offered = [
            route("/admin/model", self._model),
            route("/admin/reload", self._reload, "POST"),
        ]
        if self._serving.pinned is not None:
            return [*offered, route("/admin/evaluate", self._evaluate, "POST")]
        return [
            *offered,
            route("/admin/retraining", self._retraining),
            route("/admin/retraining", self._set_retraining, "PUT"),
            route("/admin/feedback/offset", self._offset),
            route("/admin/feedback/contains", self._contains),
            route("/admin/feedback", self._feedback),
            route("/admin/inferences", self._inferences),
            route("/admin/decisions", self._decisions),
            route("/admin/decisions/rescore", self._rescore, "POST"),
            route("/admin/retrain", self._retrain, "POST"),
        ]

    async def _model(self, _: Request) -> Response:
        return JSONResponse(self._serving.describe())

    async def _reload(self, _: Request) -> Response:
        await run_in_threadpool(self._serving.reload)
        return JSONResponse(self._serving.describe())

    async def _retraining(self, _: Request) -> Response:
        return JSONResponse(asdict(self._store.retraining()))

    async def _set_retraining(self, request: Request) -> Response:
        paused = (await body_of(request)).get("paused")
        if not isinstance(paused, bool):
            raise BadRequest("paused: expected true or false")
        state = await self._with_store(lambda store: store.set_paused(paused))
        return JSONResponse(asdict(state))

    async def _offset(self, _: Request) -> Response:
        return JSONResponse(self._store.feedback_offset())

    async def _contains(self, request: Request) -> Response:
        wanted = request.query_params.get("text_sha256", "").lower()
        if len(wanted) != 64:
            raise BadRequest("text_sha256: expected 64 hexadecimal digits")
        return JSONResponse({"found": self._store.contains_text(wanted)})

    async def _feedback(self, request: Request) -> Response:
        limit = max(1, number_query(request, "limit", 1000, 10_000))
        since = request.query_params.get("since")
        rows = self._store.feedback(
            since=_moment("since", since) if since else "",
            after_id=number_query(request, "after_id", 0, 10**12),
            limit=limit,
        )
        following = rows[-1].id if len(rows) == limit else None
        return JSONResponse({"rows": [asdict(r) for r in rows], "next_after_id": following})

    async def _inferences(self, request: Request) -> Response:
        rows = self._store.inferences(number_query(request, "limit", 1000, 10_000))
        return JSONResponse({"rows": [asdict(row) for row in rows]})

    async def _decisions(self, request: Request) -> Response:
        asked = request.query_params
        begin, end = _moment("from", asked.get("from")), _moment("to", asked.get("to"))
        affected, rescored = self._store.decisions(begin, end)
        return JSONResponse({"affected": affected, "rescored": rescored})

    async def _rescore(self, request: Request) -> Response:
        body = await body_of(request)
        begin, end = _moment("from", body.get("from")), _moment("to", body.get("to"))
        key = f"rescore:{text_field(body, 'key')}"
        return JSONResponse(await self._with_store(lambda s: self._do_rescore(s, begin, end, key)))

    def _do_rescore(self, store: Store, begin: str, end: str, key: str) -> dict[str, Any]:
        done = store.answer_of(key)
        if done is not None:
            return done
        loaded = self._serving.loaded
        while batch := store.unscored(begin, end, _BATCH):
            labels = loaded.model.predict([text for _, text in batch])
            rows = [(row, label) for (row, _), label in zip(batch, labels, strict=True)]
            store.rescore(rows, loaded.version)
        affected, rescored = store.decisions(begin, end)
        answer = {"affected": affected, "rescored": rescored, "version": loaded.version}
        store.remember(key, answer)
        return answer

    async def _retrain(self, request: Request) -> Response:
        body = await body_of(request)
        key, accounts = text_field(body, "key"), body.get("exclude_accounts", [])
        if not isinstance(accounts, list) or not all(isinstance(a, str) for a in accounts):
            raise BadRequest("exclude_accounts: expected a list of strings")
        if body.get("register_only") is not True:
            raise BadRequest("register_only: expected true; promoting is not offered here")
        return JSONResponse(await self._with_store(lambda s: self._do_retrain(s, key, accounts)))

    def _do_retrain(self, store: Store, key: str, accounts: list[str]) -> dict[str, Any]:
        with store.retraining_lock():  # two requests with one key: the second finds the first's
            done = store.answer_of(f"retrain:{key}")
            if done is not None:
                return done
            store.exclude(accounts, key)
            dataset = assemble(self._settings, store, datetime.now(UTC))
            made = self._registered(key) or register(
                self._serving.registry,
                fit(self._settings, dataset),
                parent=self._serving.loaded.version,
                retrain_key=key,
            )
            answer = {
                "version": made.version,
                "digest": made.digest,
                "dataset_digest": made.tags[DATASET_DIGEST],
                "rows": len(dataset.rows),
                "dropped": dataset.dropped,
            }
            store.remember(f"retrain:{key}", answer)
            return answer

    def _registered(self, key: str) -> ModelVersion | None:
        """What an earlier try registered before it died."""
        return self._serving.registry.find(RETRAIN_KEY, key)

    async def _evaluate(self, request: Request) -> Response:
        body = await body_of(request)
        version, texts = text_field(body, "version", longest=20), texts_field(body, "texts")
        if not version.isdecimal():
            raise BadRequest("version: expected the number of a version")
        return JSONResponse(await run_in_threadpool(self._do_evaluate, version, texts))

    def _do_evaluate(self, version: str, texts: list[str]) -> dict[str, Any]:
        serving = self._serving
        candidate = serving.load(serving.registry.version(version))
        labels = candidate.model.predict(texts)
        return {"version": candidate.version, "digest": candidate.digest, "labels": labels}

    async def _with_store(self, work: Callable[[Store], T]) -> T:
        """Run ``work`` outside the event loop, on a connection of its own."""
        return await run_in_threadpool(partial(self._run, work))

    def _run(self, work: Callable[[Store], T]) -> T:
        with closing(Store(Path(self._settings.database))) as store:
            return work(store)


def _moment(name: str, given: object) -> str:
    """``given`` as the database writes moments; a zone is required."""
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest(f"{name}: expected an ISO 8601 time with its zone")
    return timestamp(moment)
