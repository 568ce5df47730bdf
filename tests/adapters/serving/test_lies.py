"""The serving and probes adapters before a service that lies, hangs and babbles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from activities.parts import serving_client
from activities.probes_http import Connection as ProbesConnection
from activities.probes_http import ProbesHttp
from activities.serving_http import Connection, ServingHttp
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import (
    BadInput,
    ConfigurationError,
    ConflictingChange,
    HemostatError,
    SystemRefused,
    SystemUnreachable,
)
from schemas.ports.probes import ProbePredictions, SendCanaryFeedback
from schemas.ports.serving import (
    CompareWithShadow,
    EvaluateCandidate,
    PauseRetraining,
    ReadFeedbackOffset,
    ReadReplicas,
    ReloadReplicas,
    RetrainWithout,
    SealServing,
    SurveyFeedback,
)
from tests.adapters.liar import Liar, Lie
from tests.adapters.serving.fake_service import FakeService

PROBES = b'{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}\n'
TOKEN = "s3cret-token"


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def liar(service: FakeService) -> AsyncIterator[Liar]:
    transport = httpx2.ASGITransport(app=service.app())
    async with Liar("http://service", transport) as lying:
        yield lying


def connection(tmp_path: Path, replica: str) -> Connection:
    (tmp_path / "probes").write_bytes(PROBES)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return Connection(
        adapter="serving_http",
        replicas={"r1": replica},
        shadow=replica,
        admin_token=f"file:{tmp_path / 'token'}",
        probe_set=f"file:{tmp_path / 'probes'}",
        probe_set_digest=digest_bytes(PROBES),
        timeout_seconds=3,
    )


@pytest.fixture
async def serving(liar: Liar, tmp_path: Path) -> AsyncIterator[ServingHttp]:
    adapter = ServingHttp(connection(tmp_path, liar.url), Vault(tmp_path / "vault"))
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def probes(liar: Liar, tmp_path: Path) -> AsyncIterator[ProbesHttp]:
    (tmp_path / "probes").write_bytes(PROBES)
    adapter = ProbesHttp(
        ProbesConnection(
            adapter="probes_http",
            edge=liar.url,
            probe_set=f"file:{tmp_path / 'probes'}",
            probe_set_digest=digest_bytes(PROBES),
            canary_account="canary",
            timeout_seconds=3,
        ),
        Vault(tmp_path / "vault"),
    )
    yield adapter
    await adapter.aclose()


def feedback(number: int, text: str = "fine text") -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "id": number,
        "at": at.isoformat(),
        "account": f"member-{number}",
        "account_created_at": "2020-01-01T00:00:00Z",
        "text": text,
        "label": "positive",
    }


Attempt = Callable[[ServingHttp], Awaitable[object]]

ATTEMPTS: list[Attempt] = [
    lambda s: s.reload_replicas(ReloadReplicas()),
    lambda s: s.pause_retraining(PauseRetraining()),
    lambda s: s.read_feedback_offset(ReadFeedbackOffset()),
    lambda s: s.survey_feedback(SurveyFeedback()),
    lambda s: s.compare_with_shadow(CompareWithShadow()),
    lambda s: s.evaluate_candidate(EvaluateCandidate(version="1")),
    lambda s: s.retrain_without_poison(RetrainWithout(since=datetime.now(UTC))),
]


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (Lie.FAIL, SystemUnreachable),
        (Lie.BUSY, SystemUnreachable),
        (Lie.GARBAGE, SystemUnreachable),
        (Lie.OTHER_SHAPE, SystemUnreachable),
        (Lie.REDIRECT, SystemRefused),
    ],
)
async def test_a_broken_service_is_an_error_of_ours_that_quotes_nothing(
    serving: ServingHttp, liar: Liar, lie: Lie, error: type[HemostatError]
) -> None:
    liar.lie = lambda method, path: lie
    for attempt in ATTEMPTS:
        with pytest.raises(error) as raised:
            await attempt(serving)
        assert "attacker" not in repr(raised.value)
        assert TOKEN not in repr(raised.value)
    assert await serving.check()


@pytest.mark.parametrize("lie", [Lie.DRIP, Lie.ACT_THEN_SILENCE])
async def test_a_service_that_never_finishes_is_unreachable(
    serving: ServingHttp, liar: Liar, lie: Lie
) -> None:
    liar.lie = lambda method, path: lie
    async with asyncio.timeout(20):  # allowed are three seconds
        replicas = await serving.read_replicas(ReadReplicas())
    assert [replica.reachable for replica in replicas.replicas] == [False]


async def test_an_answer_without_end_is_refused(serving: ServingHttp, liar: Liar) -> None:
    liar.lie = lambda method, path: Lie.OVERSIZED
    with pytest.raises(SystemRefused):
        await serving.read_feedback_offset(ReadFeedbackOffset())


async def test_the_token_goes_to_the_service_only(serving: ServingHttp, liar: Liar) -> None:
    await serving.read_replicas(ReadReplicas())
    assert liar.headers[-1]["Authorization"] == f"Bearer {TOKEN}"


async def test_a_pause_without_an_effect_is_not_believed(serving: ServingHttp, liar: Liar) -> None:
    liar.lie = lambda method, path: Lie.NO_EFFECT if method == "PUT" else Lie.NONE
    with pytest.raises(ConflictingChange):
        await serving.pause_retraining(PauseRetraining())


async def test_an_answer_lost_after_the_pause_does_not_pause_twice(
    serving: ServingHttp, liar: Liar, service: FakeService
) -> None:
    liar.lie = lambda method, path: Lie.ACT_THEN_SILENCE if method == "PUT" else Lie.NONE
    with pytest.raises(SystemUnreachable):
        await serving.pause_retraining(PauseRetraining())
    assert service.paused
    assert not (await serving.pause_retraining(PauseRetraining())).changed
    assert len(liar.writes()) == 1


async def test_a_process_that_says_it_is_another_replica_proves_nothing(
    serving: ServingHttp, service: FakeService
) -> None:
    service.name = "r2"
    with pytest.raises(BadInput):
        await serving.read_replicas(ReadReplicas())
    assert len(await serving.check()) == 1


async def test_feedback_is_read_page_by_page(serving: ServingHttp, service: FakeService) -> None:
    service.rows = [feedback(number) for number in range(1, 1202)]
    survey = await serving.survey_feedback(SurveyFeedback())
    assert survey.rows == 1201
    assert service.asked == [500, 500, 201]


async def test_pages_in_circles_end_as_an_error(serving: ServingHttp, service: FakeService) -> None:
    service.rows = [feedback(number) for number in range(1, 1202)]
    service.circles = True
    with pytest.raises(SystemUnreachable):
        await serving.survey_feedback(SurveyFeedback())


async def test_more_rows_than_are_read_is_a_declared_gap(
    serving: ServingHttp, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_client, "MOST_ROWS", 1000)
    service.rows = [feedback(number) for number in range(1, 1202)]
    sealed = await serving.seal_serving(SealServing())
    assert [gap.name for gap in sealed.gaps] == ["feedback"]
    assert sealed.items[-1].name == "feedback to row 1000"


async def test_one_part_that_fails_is_a_gap_and_the_rest_is_sealed(
    serving: ServingHttp, liar: Liar, service: FakeService
) -> None:
    service.rows = [feedback(1)]
    liar.lie = lambda method, path: Lie.FAIL if "inferences" in path else Lie.NONE
    sealed = await serving.seal_serving(SealServing())
    assert [gap.name for gap in sealed.gaps] == ["live sample"]
    assert "attacker" not in sealed.gaps[0].reason
    assert len(sealed.items) == 5


async def test_what_was_read_before_the_reading_failed_is_sealed(
    serving: ServingHttp, service: FakeService
) -> None:
    service.rows = [feedback(number) for number in range(1, 1202)]
    service.circles = True
    sealed = await serving.seal_serving(SealServing())
    assert [gap.name for gap in sealed.gaps] == ["feedback"]
    assert sealed.items[-1].name == "feedback to row 1000"


async def test_half_a_surrogate_pair_from_a_stranger_spoils_no_answer(
    serving: ServingHttp, service: FakeService
) -> None:
    service.texts = ["bad \\ud800 half", "good"]
    compared = await serving.compare_with_shadow(CompareWithShadow(sample=2))
    assert (compared.n, compared.champion_negative_share) == (2, 0.5)


async def test_predictions_say_that_they_are_no_traffic(
    serving: ServingHttp, service: FakeService
) -> None:
    await serving.compare_with_shadow(CompareWithShadow(sample=2))
    headers, _ = service.asked[-1]
    assert headers["x-traffic"] == "probe"


async def test_a_service_without_live_texts_compares_nothing(
    serving: ServingHttp, service: FakeService
) -> None:
    service.texts = []
    compared = await serving.compare_with_shadow(CompareWithShadow())
    assert (compared.n, compared.disagreement) == (0, 0.0)


async def test_a_label_too_few_is_no_answer(
    serving: ServingHttp, probes: ProbesHttp, service: FakeService
) -> None:
    service.forgets_a_label = True
    for attempt in (
        serving.compare_with_shadow(CompareWithShadow()),
        serving.evaluate_candidate(EvaluateCandidate(version="1")),
        probes.probe_predictions(ProbePredictions()),
    ):
        with pytest.raises(SystemUnreachable):
            await attempt


async def test_another_version_than_the_asked_one_is_no_evaluation(
    serving: ServingHttp, service: FakeService
) -> None:
    service.evaluates = "2"
    with pytest.raises(SystemUnreachable):
        await serving.evaluate_candidate(EvaluateCandidate(version="1"))


async def test_a_probe_set_of_another_digest_is_not_used(
    serving: ServingHttp, probes: ProbesHttp, liar: Liar, tmp_path: Path
) -> None:
    (tmp_path / "probes").write_bytes(PROBES.replace(b"bad", b"sad"))
    with pytest.raises(ConfigurationError):
        await serving.evaluate_candidate(EvaluateCandidate(version="1"))
    with pytest.raises(ConfigurationError):
        await probes.probe_predictions(ProbePredictions())
    assert liar.requests == []
    assert len(await serving.check()) == 1
    assert len(await probes.check()) == 1


@pytest.mark.parametrize(
    ("lie", "status"),
    [(Lie.FAIL, 500), (Lie.BUSY, 429), (Lie.NOT_FOUND, 404), (Lie.REDIRECT, 302)],
)
async def test_whatever_status_the_edge_answers_is_a_finding(
    probes: ProbesHttp, liar: Liar, lie: Lie, status: int
) -> None:
    liar.lie = lambda method, path: lie
    assert (await probes.probe_predictions(ProbePredictions())).status == status
    assert (await probes.send_canary_feedback(SendCanaryFeedback(text="x"))).status == status
    assert len(await probes.check()) == 1


async def test_the_canary_comes_from_its_account(probes: ProbesHttp, service: FakeService) -> None:
    assert (await probes.send_canary_feedback(SendCanaryFeedback(text="x"))).status == 201
    headers, body = service.asked[-1]
    assert headers["x-account"] == "canary"
    assert body == {"text": "x", "label": "positive"}
    assert "authorization" not in headers


def test_a_secret_in_plain_text_is_no_connection(tmp_path: Path) -> None:
    good = connection(tmp_path, "http://127.0.0.1:1").model_dump()
    changes: list[dict[str, Any]] = [
        {"admin_token": TOKEN},
        {"replicas": {"r1": "http://user:secret@host"}},
        {"replicas": {}},
        {"unknown": 1},
    ]
    for change in changes:
        with pytest.raises(ValidationError):
            Connection.model_validate({**good, **change})
