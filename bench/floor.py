"""The floor's HTTP process: bare handlers on the server that the gateway uses too, uvicorn.

``/accept`` answers 202 and nothing else. ``/start`` starts the bare response of a parsed body.
``/script`` starts a scripted
response of a playbook. ``/signal`` sends each alert as its own signal-with-start. None of them checks a token, keeps the
body, normalises, routes, or knows a duplicate. ``/page`` answers with the bytes it was sent before,
as a page. ``/decide`` signals a bare workflow and asks it whether that arrived.
"""

import json
import os
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from bench.bare import ALERTS, RESPONSE
from bench.scripted import SCRIPTED
from bench.worker import QUEUE
from hemostat.temporal import connect

_clients: Final[list[Client]] = []


async def _client() -> Client:
    if not _clients:
        _clients.append(await connect(identity="bench-floor"))
    return _clients[0]


async def accept(request: Request) -> Response:
    """Read the body, answer."""
    await request.body()
    return JSONResponse({}, status_code=202)


async def start(request: Request) -> Response:
    """Start one bare response, named by the path."""
    body: dict[str, Any] = json.loads(await request.body())
    client = await _client()
    name = request.path_params["id"]
    given = {**json.loads(os.environ["BENCH_RHYTHM"]), "alert": body}
    await client.start_workflow(RESPONSE, given, id=name, task_queue=QUEUE)
    return JSONResponse({"id": name}, status_code=202)


async def script(request: Request) -> Response:
    """Start one scripted response, named by the path."""
    json.loads(await request.body())
    client = await _client()
    name, playbook = request.path_params["id"], request.path_params["playbook"]
    await client.start_workflow(SCRIPTED, playbook, id=name, task_queue=QUEUE)
    return JSONResponse({"id": name}, status_code=202)


async def signal(request: Request) -> Response:
    """Signal the one counting workflow, and start it if need be."""
    body: dict[str, Any] = json.loads(await request.body())
    client = await _client()
    await client.start_workflow(
        ALERTS,
        0,
        id=request.path_params["id"],
        task_queue=QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="alert",
        start_signal_args=[body],
    )
    return JSONResponse({}, status_code=202)


async def page(request: Request) -> Response:
    """Answer with a page: the one that was asked for with."""
    return HTMLResponse(await request.body())


async def decide(request: Request) -> Response:
    """Signal, and answer once the workflow has it."""
    body: dict[str, Any] = json.loads(await request.body())
    handle = (await _client()).get_workflow_handle(request.path_params["id"])
    await handle.signal("alert", body)
    counted: int = await handle.query("count")
    return JSONResponse({"taken": counted})


if __name__ == "__main__":
    app = Starlette(
        routes=[
            Route("/accept", accept, methods=["POST"]),
            Route("/start/{id}", start, methods=["POST"]),
            Route("/script/{playbook}/{id}", script, methods=["POST"]),
            Route("/signal/{id}", signal, methods=["POST"]),
            Route("/page", page, methods=["POST"]),
            Route("/decide/{id}", decide, methods=["POST"]),
        ]
    )
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
