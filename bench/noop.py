"""An adapter for every port of the playbook that does nothing: what is left is Hemostat and Temporal.

Its answers are those of a poisoned loop that yields at once: isolated, rolled back to version 3,
proven at every look. Only ``archive_journal`` writes, because the count of what was recorded is
read from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench.marks import MARKED, MarkSender
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.canonical import digest_bytes, digest_of
from schemas.evidence import EvidenceItem, Sealed
from schemas.ports import gateway, paging, probes, registry, serving, tickets, vault
from workers.connections import Connected, Connections
from workers.registry import AdapterType, AnyPort, all_ports

NAME: Final = "noop"
BEGAN: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSION: Final = "3"
MODEL: Final = digest_of("model 3")
CONFIG: Final = digest_of("configuration")

_ITEM: Final = EvidenceItem(
    digest=digest_of("sealed"),
    size=6,
    media_type="application/json",
    name="what was there",
    source="bench",
    method="noop/1",
    collected_at=BEGAN,
)
_SEALED: Final = Sealed(items=(_ITEM,))
_REPLICAS: Final = serving.Replicas(
    replicas=tuple(
        serving.Replica(name=name, reachable=True, version=VERSION, digest=MODEL)
        for name in ("r1", "r2")
    )
)
_SURVEY: Final = serving.FeedbackSurvey(
    rows=1000,
    accounts=300,
    volume_ratio=3.5,
    young_share=0.3,
    top_share=0.35,
    near_duplicate_share=0.25,
    suspicious_rows=0,
    first_suspicious_at=BEGAN,
)
_VERSIONS: Final = registry.ModelVersions(
    versions=tuple(
        registry.ModelVersion(
            version=version,
            training_cutoff=BEGAN - timedelta(days=days),
            artifact_digest=digest_of(f"model {version}"),
        )
        for version, days in (("3", 7), ("2", 30), ("1", 60))
    )
)
_RESCORED: Final = serving.AffectedDecisions(affected=40, rescored=40)


def _paged(request: Any) -> paging.Paged:
    return paging.Paged(dedup_key=request.dedup_key, status="success")


_ANSWERS: Final[Mapping[AnyPort, Callable[[Any], Frozen]]] = {
    gateway.isolate_endpoint: lambda r: gateway.Isolation(
        route=r.route, changed=True, config_before=CONFIG, config_after=CONFIG
    ),
    gateway.restore_endpoint: lambda r: gateway.Restoration(
        route=r.route, changed=True, config=CONFIG, exact=True
    ),
    gateway.admit_cohort: lambda r: gateway.Admission(
        route=r.route, changed=True, percent=r.percent, accounts=r.percent, config=CONFIG
    ),
    gateway.read_endpoint: lambda r: gateway.EndpointState(
        route=r.route, isolated_by=(), admitted=0, config=CONFIG
    ),
    gateway.seal_edge: lambda _: _SEALED,
    registry.read_alias: lambda _: registry.AliasState(version=VERSION, digest=MODEL),
    registry.list_versions: lambda _: _VERSIONS,
    registry.move_alias: lambda r: registry.AliasMove(before="5", after=r.to, changed=True),
    registry.move_alias_back: lambda r: registry.AliasMove(
        before=r.to, after=r.expect, changed=True
    ),
    registry.seal_registry: lambda _: _SEALED,
    serving.read_replicas: lambda _: _REPLICAS,
    serving.reload_replicas: lambda _: _REPLICAS,
    serving.pause_retraining: lambda _: serving.Retraining(paused=True, changed=True),
    serving.resume_retraining: lambda _: serving.Retraining(paused=False, changed=True),
    serving.read_retraining: lambda _: serving.Retraining(paused=True),
    serving.find_feedback: lambda _: serving.FeedbackFound(found=False),
    serving.read_feedback_offset: lambda _: serving.FeedbackOffset(count=1000, last_id=1000),
    serving.survey_feedback: lambda _: _SURVEY,
    serving.compare_with_shadow: lambda _: serving.ShadowComparison(
        n=600, champion_negative_share=0.62, shadow_negative_share=0.4, disagreement=0.24
    ),
    serving.evaluate_candidate: lambda r: serving.CandidateEvaluation(
        version=r.version, digest=MODEL, n=200, accuracy=0.96, negative_share=0.4
    ),
    serving.count_affected_decisions: lambda _: _RESCORED,
    serving.rescore_decisions: lambda _: _RESCORED,
    serving.retrain_without_poison: lambda _: serving.Retrained(
        version="6", digest=MODEL, dataset_digest=CONFIG, rows=900, dropped=120
    ),
    serving.seal_serving: lambda _: _SEALED,
    probes.probe_predictions: lambda _: probes.ProbeResult(
        status=200, n=200, accuracy=0.96, negative_share=0.4, versions=(VERSION,)
    ),
    probes.send_canary_feedback: lambda _: probes.CanaryResult(status=503),
    probes.seal_probes: lambda _: _SEALED,
    paging.page: _paged,
    paging.acknowledge_page: _paged,
    paging.resolve_page: _paged,
    tickets.open_ticket: lambda _: tickets.Ticket(id="1", number="INC0000001", changed=True),
    tickets.read_ticket: lambda _: tickets.TicketState(number="INC0000001", open=True),
    vault.verify_evidence: lambda r: vault.EvidenceVerified(checked=len(r.digests)),
}


class NoOp:
    """Answers at once; marks the calls that the load generator waits for."""

    def __init__(self, marks: MarkSender, journals: Path) -> None:
        self._marks = marks
        self._journals = journals

    async def aclose(self) -> None:
        """Nothing is open."""

    async def check(self) -> list[str]:
        """Nothing can be wrong."""
        return []

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Frozen]]:
        """The method for the port of this name: one answer of the table above."""
        port = next((port for port in _ANSWERS if port.name == name), None)
        if port is None:
            raise AttributeError(name)
        answer, marked = _ANSWERS[port], name in MARKED

        async def act(request: Any) -> Frozen:
            if marked:
                self._marks.send(request.incident, name)
            return answer(request)

        return act

    async def watch_alias(self, request: registry.WatchAlias) -> registry.AliasMoved:
        """Nothing is ever seen; it ends by being cancelled."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")

    async def archive_journal(self, request: vault.ArchiveJournal) -> vault.JournalArchived:
        """Kept in a file, by digest: the load generator counts the alerts in there."""
        segment = request.segment.encode()
        digest = digest_bytes(segment)
        await asyncio.to_thread((self._journals / digest).write_bytes, segment)
        return vault.JournalArchived(digest=digest)


class _Settings(Frozen):
    """It has none."""


def connections(marks: MarkSender, journals: Path) -> Connections:
    """The one connection of the benchmark, as ``workers.make_worker`` takes it."""

    def build(connection: Any, vault: Vault) -> NoOp:
        return NoOp(marks, journals)

    offered = [port for port in all_ports() if port in _ANSWERS or hasattr(NoOp, port.name)]
    kind = AdapterType(NAME, _Settings, build, {port: port.name for port in offered})
    return {NAME: Connected(NAME, kind, NoOp(marks, journals))}
