"""What stand-ins for a vendor's cloud share: TLS on loopback, honest until told to lie.

Law: a stand-in refuses what the vendor's published contract refuses, keeps state as the vendor
does, and counts effects apart from requests. Under ``/control`` it tells its state and takes lies.
"""

import argparse
import asyncio
import ssl
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.processes import LOOPBACK, ChildProcess
from schemas.base import iso

_READY_WITHIN: Final = timedelta(seconds=30)
_HANG: Final = timedelta(minutes=2)
"""Longer than any client of ours waits."""


class Lie(StrEnum):
    """How the next request with an effect is answered."""

    NO_EFFECT = "no-effect"
    """Success, and nothing was done."""
    ERROR = "error"
    """500, and nothing was done."""
    THROTTLE = "throttle"
    """429 with ``Retry-After``, and nothing was done."""
    HANG = "hang"
    """No answer, and it was done."""


@dataclass(frozen=True)
class Tls:
    """A throw-away authority (``ca``, PEM) and a certificate for loopback that it signed."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Write new files into *folder*; the authority's own key is never written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tls = cls.within(folder)
        authority = trustme.CA(organization_name="Hemostat range")
        issued = authority.issue_cert(LOOPBACK, "localhost")
        tls.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(tls.key)
        tls.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        authority.cert_pem.write_to_path(tls.ca)
        return tls

    @classmethod
    def within(cls, folder: Path) -> Self:
        """Where the files of *folder* are."""
        return cls(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")


class Lies:
    """The lies still to be told, in order, and every request with what it was answered."""

    def __init__(self) -> None:
        self._waiting: deque[Lie] = deque()
        self.requests: list[dict[str, Any]] = []

    async def answer(
        self, request: Request, act: Callable[[], Response], pretend: Callable[[], Response]
    ) -> Response:
        """Act and answer, unless a lie is due; *pretend* answers like *act* and does nothing."""
        lie = self._waiting.popleft() if self._waiting else None
        match lie:
            case Lie.NO_EFFECT:
                response = pretend()
            case Lie.ERROR:
                response = JSONResponse({"error": {"message": "lie: error"}}, status_code=500)
            case Lie.THROTTLE:
                response = JSONResponse(
                    {"error": {"message": "lie: throttle"}}, 429, {"Retry-After": "1"}
                )
            case _:
                response = act()
        self.record(request, response.status_code, lie)
        if lie is Lie.HANG:
            await asyncio.sleep(_HANG.total_seconds())
        return response

    def record(self, request: Request, status: int, lie: Lie | None = None) -> None:
        """Note one request; never its headers or body, which hold credentials."""
        self.requests.append(
            {
                "at": iso(datetime.now(UTC)),
                "method": request.method,
                "path": request.url.path,
                "status": status,
                "lie": lie,
            }
        )

    def control(self, state: Callable[[], dict[str, Any]]) -> list[Route]:
        """``GET /control/state`` tells *state* and requests, ``POST /control/lies`` takes lies."""

        async def tell(_: Request) -> Response:
            return JSONResponse({**state(), "requests": self.requests})

        async def take(request: Request) -> Response:
            self._waiting.extend(Lie(lie) for lie in await request.json())
            return JSONResponse({"waiting": list(self._waiting)})

        return [
            Route("/control/state", tell),
            Route("/control/lies", take, methods=["POST"]),
        ]


class Control:
    """The range's hand on a stand-in that runs in its own process."""

    def __init__(self, port: int, ca: Path) -> None:
        self.url = f"https://{LOOPBACK}:{port}"
        self.ca = ca
        self._http = httpx2.AsyncClient(
            base_url=f"{self.url}/control",
            verify=ssl.create_default_context(cafile=ca),
            trust_env=False,
            timeout=5,
        )

    async def state(self) -> dict[str, Any]:
        """What the stand-in has seen and done so far."""
        answer = await self._http.get("/state")
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    async def lie(self, *lies: Lie) -> None:
        """Have the next requests with an effect answered by these lies, one each."""
        (await self._http.post("/lies", json=list(lies))).raise_for_status()

    async def wait(self, server: ChildProcess) -> None:
        """Return when it answers. Raises ``ChildFailed`` when it ends or takes too long."""

        async def answers() -> bool:
            return bool(await self.state())

        await server.wait_ready(answers, _READY_WITHIN)

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()


async def start_standin(
    name: str, folder: Path, port: int, env: dict[str, str] | None = None
) -> tuple[ChildProcess, Control]:
    """Spawn the stand-in *name* on *port* with new TLS files in *folder*; ``Control.wait`` for it."""
    tls = Tls.make(folder)
    argv: list[str | Path] = [sys.executable, "-m", f"{__package__}.{name}"]
    argv += ["--port", str(port), "--folder", folder]
    child = await ChildProcess.start(name, argv, log=folder / f"{name}.log", env=env, stranger=True)
    return child, Control(port, tls.ca)


def serve(app: Starlette) -> None:
    """Serve *app* on the port and with the TLS files that the command line names, until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    tls = Tls.within(options.folder)
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=options.port,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
