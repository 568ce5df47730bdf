"""A world for playbooks: one object that fulfils every port, keeps state, and can lie or fail.

It stands for the systems outside, so that tests of decisions need none. What the real systems do
is tested in tests/adapters and tests/real; what matters here is what a playbook does about it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clocks_calendar import LibraryCalendar
from schemas.canonical import canonical_json, digest_of
from schemas.clocks.arithmetic import Due
from schemas.clocks.readings import due_by_calendar
from schemas.evidence import EvidenceItem, Sealed
from schemas.ports import clocks, gateway, paging, probes, registry, serving, tickets, vault
from schemas.ports.port import Port
from workers.together import looking

POISONED_SINCE = datetime(2026, 11, 20, 12, tzinfo=UTC)


def digest_for(version: str) -> str:
    """The artifact digest of a version."""
    return digest_of(f"model {version}")


@dataclass
class World:
    """The service, its gateway, registry, pager, tickets and vault."""

    isolated: dict[str, int] = field(default_factory=dict)
    """Route to the percent of trusted accounts let through."""
    alias: str = "5"
    loaded: dict[str, str] = field(default_factory=lambda: {"r1": "5", "r2": "5"})
    paused: bool = False
    shadow_rises: bool = False
    suspicious: int = 120
    bad_versions: frozenset[str] = frozenset({"4", "5"})
    rescored: bool = False
    affected: int = 40
    ticket_numbers: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    page_requests: list[paging.Page] = field(default_factory=list)
    journals: dict[str, str] = field(default_factory=dict)
    """Archived segments by digest."""
    effects: Counter[str] = field(default_factory=Counter)
    """How often the outside was really changed, by what."""
    calls: Counter[str] = field(default_factory=Counter)
    keys: dict[str, set[str]] = field(default_factory=dict)
    fail: dict[str, int] = field(default_factory=dict)
    """Port name to how many of its next calls fail as unreachable (-1: all)."""
    lie: set[str] = field(default_factory=set)
    """Ports that answer well and do nothing."""
    refuse: set[str] = field(default_factory=set)
    """Ports that refuse for good."""
    stall: dict[str, asyncio.Event] = field(default_factory=dict)
    """Ports that answer only when their event is set."""
    deeds: list[str] = field(default_factory=list)
    """What was really changed, in order."""
    labels: set[str] = field(default_factory=set)
    """The SHA-256 of the feedback texts that came through."""
    breach: int = 0
    """How many suspicious rows come in while a cohort is let in."""
    survey_windows: list[timedelta] = field(default_factory=list)
    alias_changed: asyncio.Event = field(default_factory=asyncio.Event)

    def ports(self) -> list[Port[Any, Any]]:
        """What this world can do."""
        modules = (clocks, gateway, paging, probes, registry, serving, tickets, vault)
        return [v for m in modules for v in vars(m).values() if isinstance(v, Port)]

    def activities(self) -> list[Callable[..., Awaitable[Any]]]:
        """One activity per port, and the one that makes several looks."""
        ports = self.ports()
        acts = [self._activity(port) for port in ports]
        return [*acts, looking(ports, acts)]

    def _activity(self, port: Port[Any, Any]) -> Callable[..., Awaitable[Any]]:
        async def act(request: Any) -> Any:
            self.calls[port.name] += 1
            if getattr(request, "key", ""):
                self.keys.setdefault(port.name, set()).add(request.key)
            if port.name in self.stall:
                await self.stall[port.name].wait()
            if port.name in self.refuse:
                raise ApplicationError("refused", type="SystemRefused", non_retryable=True)
            if self.fail.get(port.name):
                self.fail[port.name] -= 1
                raise ApplicationError("down", type="SystemUnreachable")
            answer = getattr(self, port.name)(request)
            return await answer if asyncio.iscoroutine(answer) else answer

        act.__annotations__ = {"request": port.request, "return": port.result}
        return activity.defn(name=port.name)(act)

    def change(self, port: str, what: str) -> bool:
        """Count an effect unless this port lies; return whether it happens."""
        if port in self.lie:
            return False
        self.effects[what] += 1
        self.deeds.append(what)
        return True

    def someone_moves_the_alias(self, version: str) -> None:
        """Not us."""
        self.alias = version
        self.alias_changed.set()

    # gateway

    def isolate_endpoint(self, request: gateway.IsolateEndpoint) -> gateway.Isolation:
        changed = self.isolated.get(request.route) != 0
        if changed and self.change("isolate_endpoint", "isolate"):
            self.isolated[request.route] = 0
        return gateway.Isolation(
            route=request.route,
            changed=changed,
            config_before=digest_of("open"),
            config_after=digest_of("closed"),
        )

    def restore_endpoint(self, request: gateway.IsolateEndpoint) -> gateway.Restoration:
        changed = request.route in self.isolated
        if changed and self.change("restore_endpoint", "restore"):
            del self.isolated[request.route]
        return gateway.Restoration(
            route=request.route, changed=changed, config=digest_of("open"), exact=True
        )

    def admit_cohort(self, request: gateway.AdmitCohort) -> gateway.Admission:
        changed = self.isolated.get(request.route) != request.percent
        if changed and self.change("admit_cohort", f"admit {request.percent}"):
            self.isolated[request.route] = request.percent
        return gateway.Admission(
            route=request.route,
            changed=changed,
            percent=request.percent,
            accounts=request.percent,
            config=digest_of(request.percent),
        )

    def read_endpoint(self, request: gateway.ReadEndpoint) -> gateway.EndpointState:
        closed = request.route in self.isolated
        return gateway.EndpointState(
            route=request.route,
            isolated_by=(request.incident,) if closed else (),
            admitted=self.isolated.get(request.route, 0),
            config=digest_of("any"),
        )

    def seal_edge(self, request: gateway.SealEdge) -> Sealed:
        return self.sealed("edge configuration")

    # registry

    def read_alias(self, request: registry.ReadAlias) -> registry.AliasState:
        return registry.AliasState(version=self.alias, digest=digest_for(self.alias))

    def list_versions(self, request: registry.ListVersions) -> registry.ModelVersions:
        ages = {"5": -1.0, "4": 1.0, "3": 7.0, "2": 30.0, "1": 60.0}
        return registry.ModelVersions(
            versions=tuple(
                registry.ModelVersion(
                    version=version,
                    training_cutoff=POISONED_SINCE - timedelta(days=days)
                    if version not in ("5", "4")
                    else POISONED_SINCE + timedelta(hours=2),
                    artifact_digest=digest_for(version),
                )
                for version, days in ages.items()
            )
        )

    def move_alias(self, request: registry.MoveAlias) -> registry.AliasMove:
        return self._move("move_alias", request.expect, request.to)

    def move_alias_back(self, request: registry.MoveAlias) -> registry.AliasMove:
        return self._move("move_alias_back", request.to, request.expect)

    def _move(self, port: str, expect: str, to: str) -> registry.AliasMove:
        before = self.alias
        if before == to:
            return registry.AliasMove(before=expect, after=to, changed=False)
        if before != expect:
            raise ApplicationError("conflict", type="ConflictingChange")
        if self.change(port, "move alias"):
            self.alias = to
            self.alias_changed.set()
        return registry.AliasMove(before=before, after=to, changed=True)

    async def watch_alias(self, request: registry.WatchAlias) -> registry.AliasMoved:
        while self.alias == request.expected:
            activity.heartbeat()
            self.alias_changed.clear()
            try:
                await asyncio.wait_for(self.alias_changed.wait(), 0.2)
            except TimeoutError:
                continue
        return registry.AliasMoved(found=self.alias)

    def seal_registry(self, request: registry.SealRegistry) -> Sealed:
        return self.sealed("registry")

    # serving

    def read_replicas(self, request: serving.ReadReplicas) -> serving.Replicas:
        return serving.Replicas(
            replicas=tuple(
                serving.Replica(name=n, reachable=True, version=v, digest=digest_for(v))
                for n, v in self.loaded.items()
            )
        )

    def reload_replicas(self, request: serving.ReloadReplicas) -> serving.Replicas:
        if set(self.loaded.values()) != {self.alias} and self.change("reload_replicas", "reload"):
            self.loaded = dict.fromkeys(self.loaded, self.alias)
        return self.read_replicas(serving.ReadReplicas())

    def pause_retraining(self, request: serving.PauseRetraining) -> serving.Retraining:
        changed = not self.paused
        if changed and self.change("pause_retraining", "pause"):
            self.paused = True
        return serving.Retraining(paused=self.paused, changed=changed)

    def resume_retraining(self, request: serving.PauseRetraining) -> serving.Retraining:
        changed = self.paused
        if changed and self.change("resume_retraining", "resume"):
            self.paused = False
        return serving.Retraining(paused=self.paused, changed=changed)

    def read_retraining(self, request: serving.ReadRetraining) -> serving.Retraining:
        return serving.Retraining(paused=self.paused)

    def find_feedback(self, request: serving.FindFeedback) -> serving.FeedbackFound:
        return serving.FeedbackFound(found=request.text_sha256 in self.labels)

    def read_feedback_offset(self, request: serving.ReadFeedbackOffset) -> serving.FeedbackOffset:
        grows = 0 if "feedback" in self.isolated else self.calls["read_feedback_offset"]
        return serving.FeedbackOffset(count=1000 + grows, last_id=1000 + grows)

    def survey_feedback(self, request: serving.SurveyFeedback) -> serving.FeedbackSurvey:
        suspicious = self.suspicious if request.window >= timedelta(hours=20) else 0
        if self.isolated.get("feedback", 0) > 0:
            self.survey_windows.append(request.window)
            suspicious = self.breach
        return serving.FeedbackSurvey(
            rows=1000,
            accounts=300,
            volume_ratio=3.5,
            young_share=0.3,
            top_share=0.35,
            near_duplicate_share=0.25,
            suspicious_rows=suspicious,
            first_suspicious_at=POISONED_SINCE if suspicious else None,
        )

    def compare_with_shadow(self, request: serving.CompareWithShadow) -> serving.ShadowComparison:
        return serving.ShadowComparison(
            n=600,
            champion_negative_share=0.62,
            shadow_negative_share=0.61 if self.shadow_rises else 0.40,
            disagreement=0.02 if self.shadow_rises else 0.24,
        )

    def evaluate_candidate(self, request: serving.EvaluateCandidate) -> serving.CandidateEvaluation:
        bad = request.version in self.bad_versions
        return serving.CandidateEvaluation(
            version=request.version,
            digest=digest_for(request.version),
            n=200,
            accuracy=0.6 if bad else 0.96,
            negative_share=0.7 if bad else 0.4,
        )

    def count_affected_decisions(
        self, request: serving.DecisionWindow
    ) -> serving.AffectedDecisions:
        done = self.affected if self.rescored else 0
        return serving.AffectedDecisions(affected=self.affected, rescored=done)

    def rescore_decisions(self, request: serving.RescoreDecisions) -> serving.AffectedDecisions:
        if not self.rescored and self.change("rescore_decisions", "rescore"):
            self.rescored = True
        return serving.AffectedDecisions(affected=self.affected, rescored=self.affected)

    def retrain_without_poison(self, request: serving.RetrainWithout) -> serving.Retrained:
        if "6" not in self.loaded.values():
            self.change("retrain_without_poison", "retrain")
        return serving.Retrained(
            version="6",
            digest=digest_for("6"),
            dataset_digest=digest_of("data"),
            rows=900,
            dropped=120,
        )

    def seal_serving(self, request: serving.SealServing) -> Sealed:
        return self.sealed("live sample")

    # probes

    def probe_predictions(self, request: probes.ProbePredictions) -> probes.ProbeResult:
        if self.isolated.get("predict") == 0:
            return probes.ProbeResult(status=429, n=0, accuracy=0.0, negative_share=0.0)
        served = sorted(set(self.loaded.values()))
        bad = bool(set(served) & self.bad_versions)
        return probes.ProbeResult(
            status=200,
            n=200,
            accuracy=0.6 if bad else 0.96,
            negative_share=0.7 if bad else 0.4,
            versions=tuple(served),
        )

    def send_canary_feedback(self, request: probes.SendCanaryFeedback) -> probes.CanaryResult:
        if "feedback" in self.isolated:
            return probes.CanaryResult(status=503)
        self.labels.add(sha256(request.text.encode()).hexdigest())
        return probes.CanaryResult(status=201)

    def seal_probes(self, request: probes.SealProbes) -> Sealed:
        return self.sealed("probe answers")

    # pager, tickets, vault

    def page(self, request: paging.Page) -> paging.Paged:
        self.page_requests.append(request)
        if request.dedup_key not in self.pages and self.change("page", "page"):
            self.pages[request.dedup_key] = "triggered"
        return paging.Paged(dedup_key=request.dedup_key, status="success")

    def acknowledge_page(self, request: paging.PageKey) -> paging.Paged:
        self.pages[request.dedup_key] = "acknowledged"
        return paging.Paged(dedup_key=request.dedup_key, status="success")

    def resolve_page(self, request: paging.PageKey) -> paging.Paged:
        self.pages[request.dedup_key] = "resolved"
        return paging.Paged(dedup_key=request.dedup_key, status="success")

    def open_ticket(self, request: tickets.OpenTicket) -> tickets.Ticket:
        changed = request.correlation not in self.ticket_numbers
        if changed and self.change("open_ticket", "ticket"):
            self.ticket_numbers[request.correlation] = f"INC{len(self.ticket_numbers) + 1:07d}"
        number = self.ticket_numbers.get(request.correlation, "INC0")
        return tickets.Ticket(id=number, number=number, changed=changed)

    def read_ticket(self, request: tickets.ReadTicket) -> tickets.TicketState:
        number = self.ticket_numbers.get(request.correlation)
        return tickets.TicketState(number=number, open=number is not None)

    def compute_due(self, request: clocks.ComputeDue) -> Due:
        return due_by_calendar(
            request.definition, request.facts, request.countries, LibraryCalendar()
        )

    def verify_evidence(self, request: vault.VerifyEvidence) -> vault.EvidenceVerified:
        return vault.EvidenceVerified(checked=len(request.digests))

    def archive_journal(self, request: vault.ArchiveJournal) -> vault.JournalArchived:
        digest = digest_of(request.segment)
        self.journals[digest] = request.segment
        return vault.JournalArchived(digest=digest)

    def sealed(self, name: str) -> Sealed:
        return Sealed(
            items=(
                EvidenceItem(
                    digest=digest_of(name),
                    size=len(canonical_json(name)),
                    media_type="application/json",
                    name=name,
                    source="world",
                    method="fake/1",
                    collected_at=datetime(2026, 11, 22, tzinfo=UTC),
                ),
            )
        )
