"""The admin endpoints of the moderation service: what an operator or a responder may do to it.

Law: bearer token on every route; what computes runs outside the event loop, so that uploads are
decided meanwhile; what has an effect is idempotent by its key or by what it asks for. Only two
routes give pictures out: to the people who audit, and to whoever seals an original by its digest.
"""

import asyncio
import base64
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.moderation.decisions import MODES, Decider
from hemostat.drill.range.moderation.http import (
    BadRequest,
    Handler,
    NotThere,
    admin_only,
    body_of,
    moment,
    text,
    texts,
)
from hemostat.drill.range.moderation.images import decode_all
from hemostat.drill.range.moderation.model import train
from hemostat.drill.range.moderation.patterns import analyse, cluster_of, misses_of
from hemostat.drill.range.moderation.sets import StickerSet, evaluate
from hemostat.drill.range.moderation.store import Store

QUEUE_CAPACITY = 600
_AUDIT_WINDOW = 1000
_TRANSFORM_WINDOW = 150
_NOT_REMOVED = "decision = 'safe' and removed = 0"


class AdminRoutes:
    """The admin endpoints."""

    def __init__(self, folder: Path, store: Store, decider: Decider) -> None:
        self._folder = folder
        self._store = store
        self._decider = decider
        self._training = asyncio.Lock()

    def routes(self, token: str) -> list[Route]:
        """All of them, behind *token*."""

        def route(path: str, handler: Handler, method: str = "GET") -> Route:
            return Route(path, admin_only(token, handler), methods=[method])

        return [
            route("/admin/mode", self._mode),
            route("/admin/mode", self._set_mode, "PUT"),
            route("/admin/canary", self._set_canary, "PUT"),
            route("/admin/promote", self._promote, "POST"),
            route("/admin/signals", self._signals),
            route("/admin/patterns", self._patterns, "POST"),
            route("/admin/audit/next", self._audit_next),
            route("/admin/audit", self._audit, "POST"),
            route("/admin/originals/{digest}", self._original),
            route("/admin/flagged", self._flagged),
            route("/admin/preserve", self._preserve, "POST"),
            route("/admin/approvals", self._approvals),
            route("/admin/rescan", self._rescan, "POST"),
            route("/admin/sets/{digest}", self._set),
            route("/admin/evaluate", self._evaluate, "POST"),
            route("/admin/retrain", self._retrain, "POST"),
        ]

    # Modes and versions

    async def _mode(self, _: Request) -> Response:
        return JSONResponse(self._decider.mode)

    async def _set_mode(self, request: Request) -> Response:
        body = await body_of(request)
        mode = text(body, "mode")
        if mode not in MODES:
            raise BadRequest(f"mode: expected one of {', '.join(MODES)}")
        changes: dict[str, Any] = {"mode": mode}
        if "blocklist" in body:
            changes["blocklist"] = texts(body, "blocklist")
        if mode == "auto":
            changes |= {"canary_version": None, "canary_percent": 0}
        return JSONResponse(self._decider.set_mode(**changes))

    async def _set_canary(self, request: Request) -> Response:
        body = await body_of(request)
        version, percent = text(body, "version"), body.get("percent")
        if not isinstance(percent, int) or not 0 <= percent <= 100:
            raise BadRequest("percent: expected 0 to 100")
        self._known(version)
        canary = version if percent else None
        return JSONResponse(self._decider.set_mode(canary_version=canary, canary_percent=percent))

    async def _promote(self, request: Request) -> Response:
        version = text(await body_of(request), "version")
        self._known(version)
        made = self._decider.set_mode(
            champion=version, mode="auto", canary_version=None, canary_percent=0
        )
        return JSONResponse(made)

    # What is known

    async def _signals(self, request: Request) -> Response:
        since = moment(request.query_params.get("since", "2000-01-01"), "since")
        return JSONResponse(await run_in_threadpool(self._signals_since, since))

    def _signals_since(self, since: str) -> dict[str, Any]:
        rows = self._store.rows
        audited = rows(
            "select verdict, content from items where decision = 'safe' and verdict is not null"
            " and at >= ? order by id desc limit ?",
            since,
            _AUDIT_WINDOW,
        )
        looked = rows(
            "select unstable, decision from items where at >= ? and decision = 'safe'"
            " order by id desc limit ?",
            since,
            _TRANSFORM_WINDOW,
        )
        missed = [row["content"] for row in audited if row["verdict"] == "explicit"]
        model = self._decider.model(self._decider.mode["champion"])
        cluster = cluster_of(misses_of(model, missed[::-1]))
        n = len(audited)
        return {
            "audit_n": n,
            "misses": len(missed),
            "fn_rate": len(missed) / n if n else 0.0,
            "transform_n": len(looked),
            "transform_disagree": sum(r["unstable"] for r in looked) / max(len(looked), 1),
            "cluster_items": cluster.items if cluster else 0,
            "cluster_hamming_max": cluster.hamming_max if cluster else 0,
            "cluster_phash": cluster.phash if cluster else None,
            "queue_depth": self._store.number(
                "select count(*) from items where decision = 'review' and verdict is null"
            ),
            "queue_capacity": QUEUE_CAPACITY,
            "flagged": self._store.number("select count(*) from items where flag is not null"),
            "version": self._decider.mode["champion"],
        }

    async def _patterns(self, request: Request) -> Response:
        since = moment((await body_of(request)).get("since"), "since")
        return JSONResponse(await run_in_threadpool(self._analyse, since))

    def _analyse(self, since: str) -> dict[str, Any]:
        missed = self._store.rows(
            "select content from items where decision = 'safe' and verdict = 'explicit'"
            " and at >= ? order by id",
            since,
        )
        uploads = self._store.rows(
            "select at, account, digest, content from items where at >= ? order by id", since
        )
        model = self._decider.model(self._decider.mode["champion"])
        return analyse(model, [row["content"] for row in missed], uploads)

    # People who audit

    async def _audit_next(self, _: Request) -> Response:
        rows = self._store.rows(
            "select id, content from items where verdict is null"
            " and decision in ('safe', 'review') order by decision = 'safe', id limit 100"
        )
        return JSONResponse(
            {
                "rows": [
                    {"id": row["id"], "content": base64.b64encode(row["content"]).decode()}
                    for row in rows
                ]
            }
        )

    async def _audit(self, request: Request) -> Response:
        verdicts = (await body_of(request)).get("verdicts")
        if not isinstance(verdicts, list):
            raise BadRequest("verdicts: expected a list")
        for given in verdicts:
            verdict = "explicit" if given["explicit"] else "safe"
            self._store.write(
                "update items set verdict = ?, flag = ? where id = ?",
                verdict,
                given.get("flag"),
                given["id"],
            )
        return JSONResponse({"taken": len(verdicts)})

    async def _original(self, request: Request) -> Response:
        found = self._store.rows(
            "select content, flag from items where digest = ? limit 1",
            request.path_params["digest"],
        )
        if not found:
            raise NotThere("no such item")
        if found[0]["flag"] is not None:
            raise BadRequest("a flagged item is given to nobody here")
        media = "image/x-portable-graymap"
        return Response(found[0]["content"], media_type=media)

    async def _flagged(self, _: Request) -> Response:
        rows = self._store.rows("select digest, at, flag, held from items where flag is not null")
        return JSONResponse({"rows": [{**dict(r), "held": bool(r["held"])} for r in rows]})

    async def _preserve(self, request: Request) -> Response:
        held = 0
        for digest in texts(await body_of(request), "digests"):
            held += self._store.write(
                "update items set held = 1, removed = 1 where digest = ?", digest
            )
        return JSONResponse({"held": held})

    # The sweep

    async def _approvals(self, request: Request) -> Response:
        asked = request.query_params
        return JSONResponse(self._swept(moment(asked.get("from"), "from"), asked.get("to")))

    def _swept(self, begin: str, end: Any) -> dict[str, int]:
        until = moment(end, "to")
        (row,) = self._store.rows(
            "select count(*) approved, coalesce(sum(rescanned), 0) rescanned,"
            " coalesce(sum(removed), 0) removed,"
            " coalesce(sum(verdict = 'explicit' and removed = 0), 0) left_over from items"
            " where decision = 'safe' and at >= ? and at <= ?",
            begin,
            until,
        )
        return dict(row)

    async def _rescan(self, request: Request) -> Response:
        body = await body_of(request)
        begin, end = moment(body.get("from"), "from"), moment(body.get("to"), "to")
        await run_in_threadpool(self._rescan_window, begin, end)
        return JSONResponse(self._swept(begin, end))

    def _rescan_window(self, begin: str, end: str) -> None:
        rows = self._store.rows(
            "select id, content, verdict from items where decision = 'safe' and rescanned = 0"
            " and at >= ? and at <= ?",
            begin,
            end,
        )
        if not rows:
            return
        pictures = decode_all([row["content"] for row in rows])
        caught = self._decider.cautious(pictures, self._decider.mode["champion"])
        for row, found in zip(rows, caught, strict=True):
            gone = bool(found) or row["verdict"] == "explicit"
            self._store.write(
                "update items set rescanned = 1, removed = max(removed, ?) where id = ?",
                gone,
                row["id"],
            )

    # Hardening

    async def _set(self, request: Request) -> Response:
        stickers = self._load_set(request.path_params["digest"])
        return JSONResponse(
            {
                "digest": stickers.digest,
                "validated_at": stickers.validated_at,
                "training": len(stickers.training),
                "held_out": len(stickers.held_out),
            }
        )

    async def _evaluate(self, request: Request) -> Response:
        body = await body_of(request)
        version, stickers = text(body, "version"), self._load_set(text(body, "set"))
        self._known(version)
        return JSONResponse(await run_in_threadpool(self._evaluated, version, stickers))

    def _evaluated(self, version: str, stickers: StickerSet) -> dict[str, Any]:
        before = self._decider.model(self._decider.mode["champion"])
        return evaluate(self._decider.model(version), before, stickers)

    async def _retrain(self, request: Request) -> Response:
        body = await body_of(request)
        key, stickers = f"retrain {text(body, 'key')}", self._load_set(text(body, "set"))
        async with self._training:  # the same key twice at once trains once
            version = self._store.get(key)
            if version is None:
                version = str(self._store.get("newest", 7) + 1)
                squares = stickers.training
                await run_in_threadpool(train, self._folder / "models", version, squares, 2)
                self._store.put("newest", int(version))
                self._store.put(key, version)
        return JSONResponse(await run_in_threadpool(self._evaluated, version, stickers))

    def _load_set(self, digest: str) -> StickerSet:
        stickers = StickerSet.load(self._folder / "sets", digest)
        if stickers is None:
            raise NotThere("there is no adversarial set with this digest")
        if stickers.validated_at is None:
            raise BadRequest("nobody has validated this set")
        return stickers

    def _known(self, version: str) -> None:
        try:
            self._decider.model(version)
        except OSError as error:
            raise NotThere("there is no such version") from error
