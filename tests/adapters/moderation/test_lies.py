"""The moderation adapter before a service that lies, hangs and babbles."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from activities.moderation_http import Connection, ModerationHttp
from activities.parts.sealed_originals import Restricted
from hemostat.vault import Vault
from schemas.canonical import digest_bytes, digest_of
from schemas.errors import (
    BadInput,
    ConfigurationError,
    ConflictingChange,
    EvidenceCorrupt,
    SystemRefused,
    SystemUnreachable,
)
from schemas.ports import moderation as ports
from tests.adapters.liar import Liar, Lie

PICTURES = b"\n".join(
    json.dumps({"content": base64.b64encode(f"picture {n}".encode()).decode()}).encode()
    for n in range(3)
)
MODE: dict[str, Any] = {
    "mode": "auto",
    "champion": "7",
    "canary_version": None,
    "canary_percent": 0,
    "blocklist": [],
}


class FakeModeration:
    """A moderation service in memory that can be made to misbehave."""

    def __init__(self) -> None:
        self.mode: dict[str, Any] = dict(MODE)
        self.deaf = False
        self.original = b"picture"
        self.wanted = digest_bytes(b"picture")
        self.set: str | None = None
        self.decision = "review"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/admin/mode", self._mode, methods=["GET", "PUT"]),
                Route("/admin/patterns", self._patterns, methods=["POST"]),
                Route("/admin/signals", self._signals),
                Route("/admin/flagged", self._flagged),
                Route("/admin/originals/{digest}", self._original),
                Route("/admin/retrain", self._retrain, methods=["POST"]),
                Route("/v1/moderate", self._moderate, methods=["POST"]),
            ]
        )

    async def _mode(self, request: Request) -> Response:
        if request.method == "PUT" and not self.deaf:
            self.mode |= await request.json()
        return JSONResponse(self.mode)

    async def _patterns(self, _: Request) -> Response:
        cluster = {"id": "p-1", "items": 3, "phash": "0" * 16, "hamming_max": 0}
        return JSONResponse({"misses": 3, "cluster": cluster, "digests": [self.wanted]})

    async def _signals(self, _: Request) -> Response:
        return JSONResponse({"any": "numbers"})

    async def _flagged(self, _: Request) -> Response:
        return JSONResponse({"rows": []})

    async def _original(self, _: Request) -> Response:
        return Response(self.original)

    async def _retrain(self, request: Request) -> Response:
        made = {"version": "8", "digest": "d", "n": 9, "attack_success": 0.0, "clean_drop": 0.0}
        made |= {"adaptive_attack_success": 0.0, "clean_accuracy": 1.0}
        return JSONResponse({**made, "set": self.set or (await request.json())["set"]})

    async def _moderate(self, _: Request) -> Response:
        return JSONResponse({"decision": self.decision, "version": "7"})


@pytest.fixture
def service() -> FakeModeration:
    return FakeModeration()


@pytest.fixture
async def liar(service: FakeModeration) -> AsyncIterator[Liar]:
    transport = httpx2.ASGITransport(app=service.app())
    async with Liar("http://service", transport) as lying:
        yield lying


@pytest.fixture
async def adapter(liar: Liar, tmp_path: Path) -> AsyncIterator[ModerationHttp]:
    (tmp_path / "set").write_bytes(PICTURES)
    (tmp_path / "token").write_text("s3cret-token\n")
    (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))
    made = ModerationHttp(
        Connection(
            adapter="moderation_http",
            service=liar.url,
            edge=liar.url,
            admin_token=f"file:{tmp_path / 'token'}",
            evidence_key=f"file:{tmp_path / 'key'}",
            adversarial_set=f"file:{tmp_path / 'set'}",
            adversarial_set_digest=digest_bytes(PICTURES),
            benign_set=f"file:{tmp_path / 'set'}",
            benign_set_digest=digest_bytes(PICTURES),
            timeout_seconds=0.5,
        ),
        Vault(tmp_path / "vault"),
    )
    yield made
    await made.aclose()


async def test_a_switch_without_effect_is_no_switch(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.deaf = True
    with pytest.raises(ConflictingChange):
        await adapter.set_moderation_mode(ports.SetMode(mode="review"))


@pytest.mark.parametrize(
    "lie", [lie for lie in Lie if lie not in (Lie.NONE, Lie.ACT_TWICE, Lie.ACT_THEN_SILENCE)]
)
async def test_no_lie_is_believed_and_none_is_repeated(
    adapter: ModerationHttp, liar: Liar, lie: Lie
) -> None:
    liar.lie = lambda _, __: lie
    with pytest.raises((SystemUnreachable, SystemRefused)) as error:
        await adapter.read_moderation(ports.ReadModeration())
    said = str(error.value)
    assert "attacker text" not in said
    assert "s3cret" not in said
    assert liar.url not in said


async def test_a_switch_that_was_not_answered_is_not_made_twice(
    adapter: ModerationHttp, liar: Liar
) -> None:
    liar.lie = lambda method, _: Lie.ACT_THEN_SILENCE if method == "PUT" else Lie.NONE
    with pytest.raises(SystemUnreachable):
        await adapter.set_moderation_mode(ports.SetMode(mode="review"))
    liar.lie = lambda _, __: Lie.NONE
    assert not (await adapter.set_moderation_mode(ports.SetMode(mode="review"))).changed
    assert len(liar.writes()) == 1


async def test_an_edge_that_refuses_passes_nothing_and_serves_nothing(
    adapter: ModerationHttp, liar: Liar
) -> None:
    liar.lie = lambda _, path: Lie.FAIL if path == "/v1/moderate" else Lie.NONE
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert (seen.refused, seen.passed, seen.kept_back) == (6, 0, 3)


async def test_probing_says_that_it_probes(adapter: ModerationHttp, liar: Liar) -> None:
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert (seen.adversarial, seen.benign, seen.passed) == (3, 3, 0)
    sent = {name.lower(): value for name, value in liar.headers[-1].items()}
    assert sent["x-traffic"] == "probe"
    assert "authorization" not in sent


async def test_an_original_that_is_not_what_its_hash_says_is_a_gap(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.original = b"something else"
    sealed = await adapter.seal_moderation(ports.SealModeration())
    assert [item.name for item in sealed.items] == ["moderation state and hash list"]
    assert [gap.reason for gap in sealed.gaps] == ["it is not what its hash says"]


async def test_a_version_trained_on_another_set_is_not_taken(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.set = digest_of("another")
    with pytest.raises(SystemUnreachable):
        await adapter.retrain_hardened(ports.RetrainHardened(set_digest=digest_of("it"), key="k"))


async def test_a_set_that_was_changed_is_not_used(adapter: ModerationHttp, tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(PICTURES + b"\n")
    with pytest.raises(ConfigurationError, match="digest"):
        await adapter.probe_sets(ports.ProbeSets())
    assert any("digest" in problem for problem in await adapter.check())


async def test_without_a_proper_key_nothing_is_locked(
    adapter: ModerationHttp, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("short")
    with pytest.raises(ConfigurationError, match="32 bytes"):
        await adapter.seal_moderation(ports.SealModeration())


def test_an_original_opens_with_its_key_and_as_itself_only() -> None:
    mine, other = Restricted(b"m" * 32), Restricted(b"o" * 32)
    locked = mine.lock(b"picture")
    assert b"picture" not in locked
    assert mine.open(locked, digest_bytes(b"picture")) == b"picture"
    for key, digest, blob in (
        (other, digest_bytes(b"picture"), locked),
        (mine, digest_bytes(b"another"), locked),
        (mine, digest_bytes(b"picture"), locked[:-1]),
        (mine, digest_bytes(b"picture"), b""),
    ):
        with pytest.raises(EvidenceCorrupt):
            key.open(blob, digest)


async def test_an_unknown_version_is_bad_input(adapter: ModerationHttp) -> None:
    with pytest.raises(BadInput):
        await adapter.admit_canary(ports.AdmitCanary(version="99", percent=1))
