"""The moderation adapter before a service that lies, hangs and babbles."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.testing import ActivityEnvironment

from activities.moderation_http import Connection, ModerationHttp
from activities.parts.sealed_originals import Restricted
from hemostat.vault import Vault
from schemas.canonical import digest_bytes, digest_of
from schemas.errors import (
    BadInput,
    ConfigurationError,
    ConflictingChange,
    EvidenceCorrupt,
    NotWatching,
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
        self.keeps_blocklist = True
        self.closed = False
        self.accounts: list[str] = []
        self.evaluates: str | None = None
        self.validated_at = datetime.now(UTC)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/admin/mode", self._mode, methods=["GET", "PUT"]),
                Route("/admin/patterns", self._patterns, methods=["POST"]),
                Route("/admin/signals", self._signals),
                Route("/admin/flagged", self._flagged),
                Route("/admin/originals/{digest}", self._original),
                Route("/admin/retrain", self._retrain, methods=["POST"]),
                Route("/admin/evaluate", self._retrain, methods=["POST"]),
                Route("/admin/sets/{digest}", self._set),
                Route("/v1/moderate", self._moderate, methods=["POST"]),
            ]
        )

    async def _mode(self, request: Request) -> Response:
        if request.method == "PUT" and not self.deaf:
            wanted = await request.json()
            self.mode |= wanted if self.keeps_blocklist else {"mode": wanted["mode"]}
        return JSONResponse(self.mode)

    async def _patterns(self, _: Request) -> Response:
        cluster = {"id": "p-1", "items": 3, "phash": "0" * 16, "hamming_max": 0}
        found = {"misses": 3, "cluster": cluster, "digests": [self.wanted]}
        return JSONResponse({**found, "accounts": self.accounts})

    async def _signals(self, _: Request) -> Response:
        return JSONResponse({"any": "numbers"})

    async def _flagged(self, _: Request) -> Response:
        return JSONResponse({"rows": []})

    async def _original(self, _: Request) -> Response:
        return Response(self.original)

    async def _retrain(self, request: Request) -> Response:
        version = self.evaluates or (await request.json()).get("version", "8")
        made = {"version": version, "digest": "d", "n": 9, "attack_success": 0.0, "clean_drop": 0.0}
        made |= {"adaptive_attack_success": 0.0, "clean_accuracy": 1.0}
        return JSONResponse({**made, "set": self.set or (await request.json())["set"]})

    async def _set(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        found = {"digest": digest, "training": 24, "held_out": 8}
        return JSONResponse({**found, "validated_at": self.validated_at.isoformat()})

    async def _moderate(self, _: Request) -> Response:
        answer = {"decision": self.decision, "version": "7"}
        return JSONResponse(answer, status_code=503 if self.closed else 200)


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


async def test_a_switch_that_forgets_the_blocklist_is_no_switch(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.keeps_blocklist = False
    with pytest.raises(ConflictingChange):
        await adapter.set_moderation_mode(ports.SetMode(mode="fallback", blocklist=("0" * 16,)))


async def test_an_evaluation_of_another_version_is_none(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    asked = ports.EvaluateHardened(version="8", set_digest=digest_of("it"))
    assert (await adapter.evaluate_hardened(asked)).version == "8"
    service.evaluates = "7"  # a stale cache: what it says of the old one is no word on the new one
    with pytest.raises(SystemUnreachable, match="another version"):
        await adapter.evaluate_hardened(asked)


async def test_a_set_that_is_validated_tomorrow_was_validated_by_nobody(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    asked = ports.FindAdversarialSet(digest=digest_of("it"))
    assert (await adapter.find_adversarial_set(asked)).usable
    service.validated_at = datetime.now(UTC) + timedelta(days=1)
    assert not (await adapter.find_adversarial_set(asked)).usable


async def test_accounts_that_are_too_many_to_name_are_counted(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.accounts = [f"guest-{n}" for n in range(812)]
    found = await adapter.identify_pattern(ports.IdentifyPattern())
    assert (len(found.accounts), found.more_accounts) == (500, 312)


@pytest.mark.parametrize("lie", [Lie.FAIL, Lie.GARBAGE, Lie.DRIP])
async def test_a_service_that_stays_silent_is_not_called_watched(
    adapter: ModerationHttp, liar: Liar, lie: Lie
) -> None:
    liar.lie = lambda _, __: lie
    soon = timedelta(seconds=0.2)
    adapter.connection = adapter.connection.model_copy(
        update={"blind_after": soon, "watch_seconds": 0.05}
    )
    with pytest.raises(NotWatching, match="could not be looked at"):
        await ActivityEnvironment().run(adapter.watch_flagged, ports.WatchFlagged())


async def test_sets_that_can_show_little_are_told_before_an_incident(
    adapter: ModerationHttp,
) -> None:
    few, fewer, same = [p for p in await adapter.check() if "set" in p]
    assert few.startswith("The adversarial set has 3 pictures")
    assert fewer.startswith("The benign set has 3 pictures")
    assert same.startswith("A picture is in the adversarial and in the benign set")


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
    assert seen.held == 0


async def test_an_edge_that_holds_everyone_is_told_from_one_that_refuses_the_probe(
    adapter: ModerationHttp, service: FakeModeration
) -> None:
    service.closed = True
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert (seen.refused, seen.held, seen.passed) == (6, 6, 0)


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
