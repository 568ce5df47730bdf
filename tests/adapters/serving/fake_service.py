"""A model service in memory that offers the serving admin contract, and can be made to misbehave."""

from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class FakeService:
    """One replica, which is also its own shadow."""

    name: str = "r1"
    paused: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=lambda: ["good", "bad"])
    circles: bool = False
    forgets_a_label: bool = False
    evaluates: str | None = None
    rescored: dict[str, int] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/admin/model", self._model),
                Route("/admin/reload", self._model, methods=["POST"]),
                Route("/admin/retraining", self._retraining, methods=["GET", "PUT"]),
                Route("/admin/feedback", self._feedback),
                Route("/admin/feedback/offset", self._offset),
                Route("/admin/inferences", self._inferences),
                Route("/admin/evaluate", self._predict, methods=["POST"]),
                Route("/v1/predict", self._predict, methods=["POST"]),
                Route("/v1/feedback", self._take, methods=["POST"]),
            ]
        )

    async def _model(self, request: Request) -> Response:
        return JSONResponse({"replica": self.name, "version": "1", "digest": "sha256:m"})

    async def _retraining(self, request: Request) -> Response:
        if request.method == "PUT":
            self.paused = bool((await request.json())["paused"])
        return JSONResponse({"paused": self.paused})

    async def _feedback(self, request: Request) -> Response:
        after, limit = (int(request.query_params[name]) for name in ("after_id", "limit"))
        page = [row for row in self.rows if row["id"] > after][:limit]
        following = page[-1]["id"] if len(page) == limit else None
        self.asked.append(len(page))
        return JSONResponse({"rows": page, "next_after_id": 1 if self.circles else following})

    async def _offset(self, request: Request) -> Response:
        return JSONResponse({"count": len(self.rows), "last_id": len(self.rows)})

    async def _inferences(self, request: Request) -> Response:
        body = b'{"rows": [' + b",".join(b'{"text": "%s"}' % t.encode() for t in self.texts) + b"]}"
        return Response(body, media_type="application/json")

    async def _predict(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((dict(request.headers), body["texts"]))
        labels = ["negative" if "bad" in text else "positive" for text in body["texts"]]
        if self.forgets_a_label:
            labels.pop()
        version = self.evaluates or body.get("version", "1")
        return JSONResponse({"labels": labels, "version": version, "digest": "sha256:m"})

    async def _take(self, request: Request) -> Response:
        self.asked.append((dict(request.headers), await request.json()))
        return JSONResponse({"id": 1}, status_code=201)
