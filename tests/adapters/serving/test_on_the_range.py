"""The serving and probes adapters against the real sentiment service behind the real edge.

One range for all tests, in their order: what the later ones kill, nobody misses.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from activities.gateway_caddy import Connection as CaddyConnection
from activities.gateway_caddy import GatewayCaddy
from activities.probes_http import Connection as ProbesConnection
from activities.probes_http import ProbesHttp
from activities.registry_mlflow import Connection as MlflowConnection
from activities.registry_mlflow import RegistryMlflow
from activities.serving_http import Connection, ServingHttp
from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.poisoning.range import Range
from hemostat.drill.range.population import CANARY_ACCOUNT
from hemostat.vault import Vault
from schemas.errors import BadInput, SystemUnreachable
from schemas.ports.gateway import IsolateEndpoint
from schemas.ports.probes import ProbePredictions, SealProbes, SendCanaryFeedback
from schemas.ports.registry import MoveAlias, ReadAlias
from schemas.ports.serving import (
    CompareWithShadow,
    DecisionWindow,
    EvaluateCandidate,
    FindFeedback,
    PauseRetraining,
    ReadFeedbackOffset,
    ReadReplicas,
    ReadRetraining,
    ReloadReplicas,
    RescoreDecisions,
    RetrainWithout,
    SealServing,
    SurveyFeedback,
)

pytestmark = [pytest.mark.real, pytest.mark.slow]

POISON = 40


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[Range]:
    async with Range(retrain_every=3600) as running:
        yield running


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
async def serving(target: Range, vault: Vault) -> AsyncIterator[ServingHttp]:
    adapter = ServingHttp(
        Connection(
            adapter="serving_http",
            replicas=target.replica_urls,
            shadow=target.shadow_url,
            admin_token=f"file:{target.admin_token_file}",
            probe_set=f"file:{target.probe_path}",
            probe_set_digest=target.probe_digest,
        ),
        vault,
    )
    yield adapter
    await adapter.aclose()


@pytest.fixture(scope="module")
async def probes(target: Range, vault: Vault) -> AsyncIterator[ProbesHttp]:
    adapter = ProbesHttp(
        ProbesConnection(
            adapter="probes_http",
            edge=target.edge_url,
            probe_set=f"file:{target.probe_path}",
            probe_set_digest=target.probe_digest,
            canary_account=CANARY_ACCOUNT,
        ),
        vault,
    )
    yield adapter
    await adapter.aclose()


@pytest.fixture(scope="module")
async def registry(target: Range, vault: Vault) -> AsyncIterator[RegistryMlflow]:
    adapter = RegistryMlflow(
        MlflowConnection(adapter="registry_mlflow", url=target.mlflow_url), vault
    )
    yield adapter
    await adapter.aclose()


async def test_a_healthy_range_passes_every_check(
    serving: ServingHttp, probes: ProbesHttp, registry: RegistryMlflow
) -> None:
    assert [*await serving.check(), *await probes.check(), *await registry.check()] == []


async def test_every_replica_serves_the_champion_with_its_registered_digest(
    target: Range, serving: ServingHttp, registry: RegistryMlflow
) -> None:
    champion = await registry.read_alias(ReadAlias(model=target.model, alias=target.alias))
    replicas = await serving.read_replicas(ReadReplicas())
    assert champion.version == target.known_good
    assert champion.digest is not None
    assert replicas.all_serve(champion.version, champion.digest)
    assert [replica.name for replica in replicas.replicas] == ["r1", "r2"]


async def test_replicas_load_another_version_only_when_told_to(
    target: Range, serving: ServingHttp, registry: RegistryMlflow, probes: ProbesHttp
) -> None:
    move = MoveAlias(key="k", model=target.model, alias=target.alias, expect="3", to="2")
    await registry.move_alias(move)
    assert (await serving.read_replicas(ReadReplicas())).all_serve("3", None)
    reloaded = await serving.reload_replicas(ReloadReplicas(key="k"))
    assert reloaded.all_serve("2", None)
    assert (await probes.probe_predictions(ProbePredictions())).versions == ("2",)
    await registry.move_alias_back(move)
    assert (await serving.reload_replicas(ReloadReplicas(key="k"))).all_serve("3", None)


async def test_retraining_is_paused_and_resumed_once(serving: ServingHttp) -> None:
    pause = PauseRetraining(key="k")
    assert (await serving.pause_retraining(pause)).changed
    assert (await serving.read_retraining(ReadRetraining())).paused
    assert not (await serving.pause_retraining(pause)).changed
    assert (await serving.resume_retraining(pause)).changed
    assert not (await serving.read_retraining(ReadRetraining())).paused
    assert not (await serving.resume_retraining(pause)).changed


async def test_a_canary_is_found_in_the_label_store_unless_the_route_is_closed(
    target: Range, serving: ServingHttp, probes: ProbesHttp, vault: Vault
) -> None:
    async def found(text: str) -> bool:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return (await serving.find_feedback(FindFeedback(text_sha256=digest))).found

    before = await serving.read_feedback_offset(ReadFeedbackOffset())
    assert (await probes.send_canary_feedback(SendCanaryFeedback(text="canary 1"))).status == 201
    assert await found("canary 1")
    after = await serving.read_feedback_offset(ReadFeedbackOffset())
    assert after.count > before.count
    assert after.last_id > before.last_id
    gateway = GatewayCaddy(
        CaddyConnection(adapter="gateway_caddy", admin=target.caddy_admin_url), vault
    )
    isolate = IsolateEndpoint(incident="inc", key="k", route="feedback")
    await gateway.isolate_endpoint(isolate)
    assert (await probes.send_canary_feedback(SendCanaryFeedback(text="canary 2"))).status == 503
    assert not await found("canary 2")
    assert (await probes.probe_predictions(ProbePredictions())).status == 200
    assert (await gateway.restore_endpoint(isolate)).exact
    await gateway.aclose()


async def test_the_probe_set_is_measured_through_the_edge_and_sealed(
    target: Range, probes: ProbesHttp, vault: Vault
) -> None:
    result = await probes.probe_predictions(ProbePredictions())
    assert (result.status, result.n, result.versions) == (200, 200, ("3",))
    assert result.accuracy > 0.9
    assert 0.05 < result.negative_share < 0.5
    (item,) = (await probes.seal_probes(SealProbes())).items
    sealed = json.loads(vault.read(item.digest))
    assert [text for text, _ in sealed["answers"]] == [row.text for row in target.probe]
    assert (sealed["status"], sealed["probe_set"]) == (200, target.probe_digest)


async def test_a_candidate_is_tried_in_isolation(target: Range, serving: ServingHttp) -> None:
    evaluation = await serving.evaluate_candidate(EvaluateCandidate(version="1"))
    assert (evaluation.version, evaluation.n) == ("1", 200)
    assert evaluation.accuracy > 0.9
    assert (await serving.read_replicas(ReadReplicas())).all_serve("3", None)
    with pytest.raises(BadInput):
        await serving.evaluate_candidate(EvaluateCandidate(version="99"))


async def test_champion_and_shadow_agree_while_they_are_the_same(serving: ServingHttp) -> None:
    compared = await serving.compare_with_shadow(CompareWithShadow(sample=300))
    assert compared.n == 300
    assert compared.disagreement == 0.0
    assert compared.champion_negative_share == compared.shadow_negative_share > 0


async def test_decisions_are_counted_and_scored_again_once(serving: ServingHttp) -> None:
    end = datetime.now(UTC)
    start = end - timedelta(hours=2)
    counted = await serving.count_affected_decisions(DecisionWindow(start=start, end=end))
    assert counted.affected > 0
    assert counted.rescored == 0
    rescore = RescoreDecisions(key="k", start=start, end=end)
    done = await serving.rescore_decisions(rescore)
    assert (done.affected, done.rescored) == (counted.affected, counted.affected)
    assert await serving.rescore_decisions(rescore) == done


async def test_a_campaign_leaves_its_marks_and_is_left_out_of_a_retraining(
    target: Range, serving: ServingHttp, registry: RegistryMlflow
) -> None:
    calm = await serving.survey_feedback(SurveyFeedback(window=timedelta(days=30)))
    assert calm.rows > 0
    assert (calm.suspicious_rows, calm.first_suspicious_at) == (0, None)
    began = datetime.now(UTC)
    async with httpx2.AsyncClient(base_url=target.edge_url, trust_env=False) as edge:
        for number, bad in enumerate(corpus.poison(POISON, 1, originals=4)):
            account = {"X-Account": f"mule-{number % 20}"}
            body = {"text": bad.text, "label": bad.label}
            (await edge.post("/v1/feedback", json=body, headers=account)).raise_for_status()
    marks = await serving.survey_feedback(SurveyFeedback(window=timedelta(days=30)))
    assert marks.suspicious_rows == POISON
    assert marks.rows >= calm.rows + POISON
    assert marks.near_duplicate_share > calm.near_duplicate_share
    assert marks.first_suspicious_at is not None
    assert began <= marks.first_suspicious_at <= datetime.now(UTC)
    retrain = RetrainWithout(key="k", since=marks.first_suspicious_at)
    made = await serving.retrain_without_poison(retrain)
    assert made.dropped == POISON
    assert await serving.retrain_without_poison(retrain) == made
    champion = await registry.read_alias(ReadAlias(model=target.model, alias=target.alias))
    assert champion.version == "3"  # registered, never promoted
    assert int(made.version) > 3


async def test_everything_of_the_service_is_sealed(serving: ServingHttp, vault: Vault) -> None:
    sealed = await serving.seal_serving(SealServing(window=timedelta(days=1)))
    assert not sealed.gaps
    names = [item.name for item in sealed.items]
    assert names[:-1] == [
        "model of replica r1",
        "model of replica r2",
        "model of shadow model",
        "label store",
        "retraining",
        "live sample",
    ]
    lines = vault.read(sealed.items[-1].digest).splitlines()
    assert len(lines) >= POISON
    assert {"id", "at", "account", "text", "label"} <= json.loads(lines[0]).keys()


async def test_a_replica_that_is_gone_is_told_and_the_other_one_answers(
    target: Range, serving: ServingHttp
) -> None:
    await target.kill("r1")
    replicas = await serving.read_replicas(ReadReplicas())
    assert [(replica.name, replica.reachable) for replica in replicas.replicas] == [
        ("r1", False),
        ("r2", True),
    ]
    assert not replicas.all_serve("3", None)
    with pytest.raises(SystemUnreachable):
        await serving.reload_replicas(ReloadReplicas(key="k"))
    assert (await serving.read_feedback_offset(ReadFeedbackOffset())).count > 0
    sealed = await serving.seal_serving(SealServing(window=timedelta(hours=1)))
    assert [gap.name for gap in sealed.gaps] == ["model of replica r1"]
    assert len(await serving.check()) == 1


async def test_what_the_edge_refuses_is_a_finding(target: Range, probes: ProbesHttp) -> None:
    await target.kill("r2")
    result = await probes.probe_predictions(ProbePredictions())
    assert (result.status, result.n) in {(502, 0), (503, 0)}
    assert len(await probes.check()) == 1


async def test_an_edge_that_is_gone_is_unreachable(target: Range, probes: ProbesHttp) -> None:
    await target.kill("caddy")
    with pytest.raises(SystemUnreachable):
        await probes.probe_predictions(ProbePredictions())
    with pytest.raises(SystemUnreachable):
        await probes.send_canary_feedback(SendCanaryFeedback(text="nobody hears this"))


async def test_a_service_that_is_gone_seals_nothing(target: Range, serving: ServingHttp) -> None:
    await target.kill("shadow")
    with pytest.raises(SystemUnreachable):
        await serving.seal_serving(SealServing())
