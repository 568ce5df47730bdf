"""The floor: workflows that do the same and keep no journal, no gates, no proofs and no standing.

``BareResponse`` makes the calls of an undisturbed feedback-poisoning response: the same requests
to the same ports, in the same order, beside each other where the playbook's are, with the same
sleeps between looks, and waits for the same signals. It checks nothing that it is answered.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityCancellationType

from schemas.incident import Severity
from schemas.ports import gateway, paging, probes, registry, serving, tickets, vault
from schemas.ports.port import Port, Request

RESPONSE = "bare-response"
ALERTS = "bare-alerts"

AGREEMENTS = (
    ("acknowledge", 1),
    ("confirm-known-good", 1),
    ("rescore-decisions", 2),
    ("retrain-without-poison", 2),
    ("re-enable-feedback", 2),
    ("close-incident", 1),
)
"""The gates of the playbook, and how many signals each of them takes."""

VERSION = "3"
ROUTE = "feedback"
MODEL = {"model": "sentiment", "alias": "champion"}


@workflow.defn(name=RESPONSE)
class BareResponse:
    """An undisturbed response, as barely as Temporal lets one write it."""

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        self._looks = int(given["looks"])
        self._stage_looks = int(given["stage_looks"])
        self._every = timedelta(seconds=given["every"])
        self._address = {"connection": "noop", "incident": workflow.info().workflow_id}
        self._signals: dict[str, int] = {}
        self._waiting: list[str] = []

    @workflow.signal(name="alert")
    def _alert(self, batch: dict[str, Any]) -> None:
        """It started us; nothing more is made of it."""

    @workflow.signal(name="decide")
    def _decide(self, decision: dict[str, Any]) -> None:
        gate = str(decision["gate"])
        self._signals[gate] = self._signals.get(gate, 0) + 1

    @workflow.query(name="incident")
    def _incident(self) -> list[str]:
        return self._waiting

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        """Respond."""
        called = asyncio.create_task(self._call())
        sealed = asyncio.create_task(self._seal())
        await self._do(gateway.isolate_endpoint, gateway.IsolateEndpoint(route=ROUTE))
        await self._do(serving.pause_retraining, serving.PauseRetraining())
        await self._isolation_holds()
        await self._do(serving.compare_with_shadow, serving.CompareWithShadow())
        await self._do(serving.survey_feedback, serving.SurveyFeedback())
        await self._do(registry.list_versions, registry.ListVersions(model="sentiment"))
        evaluate = serving.EvaluateCandidate(version=VERSION)
        await self._do(serving.evaluate_candidate, evaluate)
        await self._agreed("confirm-known-good")
        watch = await self._roll_back()
        ticket = asyncio.create_task(self._ticket())
        await self._rescore()
        await sealed
        await self._agreed("retrain-without-poison")
        await self._do(serving.retrain_without_poison, serving.RetrainWithout(since=workflow.now()))
        await self._look((serving.evaluate_candidate, evaluate))
        await self._re_enable(watch)
        await self._agreed("close-incident")
        await workflow.wait([called, ticket])
        key = paging.PageKey(dedup_key=self._address["incident"])
        await self._do(paging.resolve_page, key)

    async def _call(self) -> None:
        incident = self._address["incident"]
        page = paging.Page(
            dedup_key=incident,
            role="ml-on-call",
            summary=f"A model may be poisoned through its feedback [{incident}]",
            severity=Severity.SEV2,
        )
        paged = asyncio.create_task(self._do(paging.page, page))
        await self._agreed("acknowledge")
        await paged
        await self._do(paging.acknowledge_page, paging.PageKey(dedup_key=incident))

    async def _seal(self) -> None:
        await asyncio.gather(
            self._do(gateway.seal_edge, gateway.SealEdge()),
            self._do(registry.seal_registry, registry.SealRegistry(**MODEL)),
            self._do(serving.seal_serving, serving.SealServing()),
            self._do(probes.seal_probes, probes.SealProbes()),
        )
        digest = "sha256:" + "0" * 64
        await self._do(vault.verify_evidence, vault.VerifyEvidence(digests=(digest,)))

    async def _isolation_holds(self) -> None:
        await self._look(
            (probes.send_canary_feedback, probes.SendCanaryFeedback(text="canary")),
            (serving.find_feedback, serving.FindFeedback(text_sha256="0" * 64)),
            (serving.read_feedback_offset, serving.ReadFeedbackOffset()),
            (serving.read_retraining, serving.ReadRetraining()),
            (probes.probe_predictions, probes.ProbePredictions()),
        )

    async def _roll_back(self) -> "asyncio.Task[Any]":
        alias = registry.ReadAlias(**MODEL)
        await self._do(registry.read_alias, alias)
        move = registry.MoveAlias(**MODEL, expect=VERSION, to=VERSION)
        await self._do(registry.move_alias, move)
        await self._do(serving.reload_replicas, serving.ReloadReplicas())
        await self._look(
            (registry.read_alias, alias),
            (serving.read_replicas, serving.ReadReplicas()),
            (probes.probe_predictions, probes.ProbePredictions()),
        )
        watch = registry.WatchAlias(**MODEL, expected=VERSION)
        return asyncio.create_task(self._do(registry.watch_alias, watch))

    async def _ticket(self) -> None:
        correlation = f"{self._address['incident']}/root-cause"
        await self._do(
            tickets.open_ticket,
            tickets.OpenTicket(
                correlation=correlation,
                title="Poisoned feedback",
                body=f"Incident {self._address['incident']}.",
                severity=Severity.SEV2,
            ),
        )
        await self._do(tickets.read_ticket, tickets.ReadTicket(correlation=correlation))

    async def _rescore(self) -> None:
        span = {"start": workflow.now(), "end": workflow.now()}
        count = serving.DecisionWindow(**span)
        await self._do(serving.count_affected_decisions, count)
        await self._agreed("rescore-decisions")
        await self._do(serving.rescore_decisions, serving.RescoreDecisions(**span))
        await self._look((serving.count_affected_decisions, count))

    async def _re_enable(self, watch: "asyncio.Task[Any]") -> None:
        await self._agreed("re-enable-feedback")
        for percent in (1, 10, 50, 100):
            await self._do(gateway.admit_cohort, gateway.AdmitCohort(route=ROUTE, percent=percent))
            await self._look(
                (probes.probe_predictions, probes.ProbePredictions()),
                (serving.survey_feedback, serving.SurveyFeedback()),
                times=self._stage_looks,
            )
        watch.cancel()
        with suppress(ActivityError):  # it ends by being cancelled
            await watch
        await self._do(serving.resume_retraining, serving.PauseRetraining())
        await self._do(gateway.restore_endpoint, gateway.IsolateEndpoint(route=ROUTE))
        await self._look(
            (gateway.read_endpoint, gateway.ReadEndpoint(route=ROUTE)),
            (probes.probe_predictions, probes.ProbePredictions()),
        )

    async def _agreed(self, gate: str) -> None:
        self._waiting.append(gate)
        needed = dict(AGREEMENTS)[gate]
        await workflow.wait_condition(lambda: self._signals.get(gate, 0) >= needed)
        self._waiting.remove(gate)

    async def _look(self, *asks: tuple[Port[Any, Any], Request], times: int | None = None) -> None:
        for look in range(times or self._looks):
            if look:
                await workflow.sleep(self._every)
            await self._all(asks)

    async def _all(self, asks: Sequence[tuple[Port[Any, Any], Request]]) -> None:
        await asyncio.gather(*(self._do(port, request) for port, request in asks))

    async def _do(self, port: Port[Any, Any], request: Request) -> Any:
        return await workflow.execute_activity(
            port.name,
            request.model_copy(update=self._address),
            result_type=port.result,
            start_to_close_timeout=port.attempt_within,
            heartbeat_timeout=port.heartbeat_within,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


@workflow.defn(name=ALERTS)
class BareAlerts:
    """Counts signals: the least that one can make of ten thousand alerts."""

    @workflow.init
    def __init__(self, count: int) -> None:
        self._count = count
        self._over = False

    @workflow.signal(name="alert")
    def _alert(self, batch: dict[str, Any]) -> None:
        self._count += 1

    @workflow.query(name="count")
    def _counted(self) -> int:
        return self._count

    @workflow.run
    async def run(self, count: int) -> None:
        """Count, in as many runs as the server suggests."""
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        workflow.continue_as_new(self._count)
