"""A model service that offers the serving admin contract on each of its replicas.

Law: effects are idempotent at the service, by their key or by what they ask for; what is as
wanted already is left alone. Texts are from strangers: they are counted, sealed and shown to
models, and to nobody else.
"""

import asyncio
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from activities.parts import serving_answers as said
from activities.parts.feedback_survey import Survey
from activities.parts.http import Address, Answer, FileRef
from activities.parts.probe_set import ProbeSet, negative_share
from activities.parts.serving_client import ServingClient
from activities.parts.serving_evidence import seal_service
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Digest, Frozen, Name
from schemas.errors import (
    ConflictingChange,
    HemostatError,
    SystemUnreachable,
)
from schemas.evidence import Sealed
from schemas.ports.port import fulfils
from schemas.ports.serving import (
    AffectedDecisions,
    CandidateEvaluation,
    CompareWithShadow,
    DecisionWindow,
    EvaluateCandidate,
    FeedbackFound,
    FeedbackOffset,
    FeedbackSurvey,
    FindFeedback,
    PauseRetraining,
    ReadFeedbackOffset,
    ReadReplicas,
    ReadRetraining,
    ReloadReplicas,
    Replica,
    Replicas,
    RescoreDecisions,
    Retrained,
    Retraining,
    RetrainWithout,
    SealServing,
    ShadowComparison,
    SurveyFeedback,
    compare_with_shadow,
    count_affected_decisions,
    evaluate_candidate,
    find_feedback,
    pause_retraining,
    read_feedback_offset,
    read_replicas,
    read_retraining,
    reload_replicas,
    rescore_decisions,
    resume_retraining,
    retrain_without_poison,
    seal_serving,
    survey_feedback,
)


class Connection(Frozen):
    """``[connections.NAME]``: each replica's own address, and the shadow's.

    ``headers`` go with predictions, so that the service does not count them as decisions.
    """

    adapter: Literal["serving_http"]
    replicas: dict[Name, Address] = Field(min_length=1)
    shadow: Address
    admin_token: SecretRef
    probe_set: FileRef
    probe_set_digest: Digest
    headers: dict[str, str] = {"X-Traffic": "probe"}
    timeout_seconds: float = Field(default=5, gt=0)


class ServingHttp:
    """The replicas of one service and its shadow."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._service = ServingClient(
            connection.replicas,
            connection.shadow,
            authorization=lambda: f"Bearer {read_secret(connection.admin_token)}",
            headers=connection.headers,
            seconds=connection.timeout_seconds,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    async def check(self) -> list[str]:
        """Say what does not answer, answers as another replica, or has no sound probe set."""
        looks = [self._service.loaded(name) for name in self._service.replicas]
        shadow = self._service.shadow.ask("GET", "/admin/model")
        outcomes = await asyncio.gather(*looks, shadow, return_exceptions=True)
        problems = [str(outcome) for outcome in outcomes if isinstance(outcome, HemostatError)]
        try:
            self._probe_set()
        except HemostatError as error:
            problems.append(str(error))
        return problems

    @fulfils(read_replicas)
    async def read_replicas(self, request: ReadReplicas) -> Replicas:
        """Ask all at once; one that does not answer is listed as unreachable."""
        replicas = await asyncio.gather(*map(self._replica, self._service.replicas))
        return Replicas(replicas=tuple(replicas))

    @fulfils(reload_replicas)
    async def reload_replicas(self, request: ReloadReplicas) -> Replicas:
        """Reload all at once; an error unless each one answered, after all have been asked."""
        outcomes = await asyncio.gather(
            *(self._service.loaded(name, reload=True) for name in self._service.replicas),
            return_exceptions=True,
        )
        loaded = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            loaded.append(_reachable(outcome))
        return Replicas(replicas=tuple(loaded))

    @fulfils(pause_retraining)
    async def pause_retraining(self, request: PauseRetraining) -> Retraining:
        """Pause it, unless it is paused already."""
        return await self._set_paused(True)

    @fulfils(resume_retraining)
    async def resume_retraining(self, request: PauseRetraining) -> Retraining:
        """Let it run again, unless it does already."""
        return await self._set_paused(False)

    @fulfils(read_retraining)
    async def read_retraining(self, request: ReadRetraining) -> Retraining:
        """Ask whether it is paused."""
        return Retraining(paused=await self._service.paused())

    @fulfils(find_feedback)
    async def find_feedback(self, request: FindFeedback) -> FeedbackFound:
        """Look one text up by its digest."""
        params = {"text_sha256": request.text_sha256}
        answer = await self._service.any("GET", "/admin/feedback/contains", params=params)
        return FeedbackFound(found=answer.parse(said.Contains).found)

    @fulfils(read_feedback_offset)
    async def read_feedback_offset(self, request: ReadFeedbackOffset) -> FeedbackOffset:
        """Read the label store's size and last id."""
        offset = (await self._service.any("GET", "/admin/feedback/offset")).parse(said.Offset)
        return FeedbackOffset(count=offset.count, last_id=offset.last_id)

    @fulfils(survey_feedback)
    async def survey_feedback(self, request: SurveyFeedback) -> FeedbackSurvey:
        """Read the window and the one before it, for the ratio and for an earlier onset."""
        now = datetime.now(UTC)
        survey = Survey(now - request.window, request.young)
        async for page in self._service.feedback(now - 2 * request.window):
            for row in page.parse(said.FeedbackPage).rows:
                survey.add(row)
        return survey.result()

    @fulfils(compare_with_shadow)
    async def compare_with_shadow(self, request: CompareWithShadow) -> ShadowComparison:
        """Ask a replica and the shadow, both now, for the newest live texts."""
        answer = await self._service.inferences(request.sample)
        texts = [row.text for row in answer.parse(said.Inferences).rows[: request.sample]]
        champion = await self._service.predict(await self._service.live(), texts)
        shadow = await self._service.predict(self._service.shadow, texts)
        differ = sum(ours != theirs for ours, theirs in zip(champion, shadow, strict=True))
        return ShadowComparison(
            n=len(texts),
            champion_negative_share=negative_share(champion),
            shadow_negative_share=negative_share(shadow),
            disagreement=differ / len(texts) if texts else 0.0,
        )

    @fulfils(evaluate_candidate)
    async def evaluate_candidate(self, request: EvaluateCandidate) -> CandidateEvaluation:
        """Have the shadow process load the version beside its own and label the probe set."""
        probe_set = self._probe_set()
        labels, digest = await self._service.evaluate(request.version, probe_set.texts)
        return CandidateEvaluation(
            version=request.version,
            digest=digest,
            n=len(labels),
            accuracy=probe_set.accuracy(labels),
            negative_share=negative_share(labels),
        )

    @fulfils(count_affected_decisions)
    async def count_affected_decisions(self, request: DecisionWindow) -> AffectedDecisions:
        """Count the decisions of the window, and those of them scored again."""
        answer = await self._service.any("GET", "/admin/decisions", params=_window(request))
        return _affected(answer)

    @fulfils(rescore_decisions)
    async def rescore_decisions(self, request: RescoreDecisions) -> AffectedDecisions:
        """Score them again; the service does it once for a key."""
        content = {**_window(request), "key": request.key}
        replica = await self._service.live()
        return _affected(
            await replica.ask("POST", "/admin/decisions/rescore", content=content, seconds=280)
        )

    @fulfils(retrain_without_poison)
    async def retrain_without_poison(self, request: RetrainWithout) -> Retrained:
        """Leave out every account that was young when it gave feedback since *since*."""
        suspects: set[str] = set()
        async for page in self._service.feedback(request.since):
            rows = page.parse(said.FeedbackPage).rows
            suspects.update(row.account for row in rows if row.is_young(request.young))
        content = {
            "key": request.key,
            "exclude_accounts": sorted(suspects),
            "register_only": True,
        }
        replica = await self._service.live()
        answer = await replica.ask("POST", "/admin/retrain", content=content, seconds=1500)
        return Retrained(**answer.parse(said.RetrainedAnswer).model_dump())

    @fulfils(seal_serving)
    async def seal_serving(self, request: SealServing) -> Sealed:
        """Seal part by part: what cannot be had is a gap, nothing at all is an error."""
        since = datetime.now(UTC) - request.window
        return await seal_service(self._service, self._vault, since)

    async def _replica(self, name: str) -> Replica:
        try:
            return _reachable(await self._service.loaded(name))
        except SystemUnreachable:
            return Replica(name=name, reachable=False)

    async def _set_paused(self, wanted: bool) -> Retraining:
        if await self._service.paused() == wanted:
            return Retraining(paused=wanted)
        if await self._service.set_paused(wanted) != wanted:
            raise ConflictingChange(
                "the service took the change, and does not show it", where="model service"
            )
        return Retraining(paused=wanted, changed=True)

    def _probe_set(self) -> ProbeSet:
        return ProbeSet.load(self.connection.probe_set, self.connection.probe_set_digest)


def _reachable(loaded: said.LoadedModel) -> Replica:
    return Replica(
        name=loaded.replica, reachable=True, version=loaded.version, digest=loaded.digest
    )


def _window(request: DecisionWindow | RescoreDecisions) -> dict[str, str]:
    return {"from": request.start.isoformat(), "to": request.end.isoformat()}


def _affected(answer: Answer) -> AffectedDecisions:
    decisions = answer.parse(said.Decisions)
    return AffectedDecisions(affected=decisions.affected, rescored=decisions.rescored)
