"""Feedback poisoning: an attacker's feedback turns a model against benign input.

Read ``respond`` aloud: it is the procedure. What each step must show stands below it. Thresholds
are proposals, tunable per service in hemostat.toml; technique ids are of MITRE ATLAS 2026.09.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from schemas.base import Frozen, Percent, Share, iso
from schemas.containment_rule import ContainmentRuling, Scores, isolate_first
from schemas.evidence import Sealed
from schemas.gate import GatePolicy, OnSilence
from schemas.incident import Phase, Resolution, Severity
from schemas.ports import gateway, paging, probes, registry, serving, tickets, vault
from schemas.step import StepClass
from workflows.engine import Act, Check, Playbook, Proof, Stands, StepGivenUp, checks, do, playbook
from workflows.engine.agreement import each_of

ACKNOWLEDGE = GatePolicy(
    id="acknowledge",
    asks="A model may be poisoned through its feedback. Containment has begun. Take the incident?",
    roles=("ml-on-call",),
    timer=timedelta(minutes=15),
    ladder=("ml-secondary", "commander"),
)
CONFIRM_KNOWN_GOOD = GatePolicy(
    id="confirm-known-good",
    asks="Roll back to this version?",
    roles=("ml-on-call", "commander"),
    on_silence=OnSilence.PROCEED,
)
PUT_BACK = GatePolicy(
    id="put-alias-back",
    asks="Something moved the model alias while the incident is open. Put it back?",
    roles=("ml-on-call", "commander"),
    timer=timedelta(minutes=5),
    on_silence=OnSilence.PROCEED,
)
RESCORE = each_of(
    id="rescore-decisions",
    asks="Score the affected decisions again?",
    roles=("service-owner", "ml-lead"),
    step_class=StepClass.DESTROY,
    timer=timedelta(hours=24),
    ladder=("commander",),
)
RETRAIN = each_of(
    id="retrain-without-poison",
    asks="Drop the suspicious feedback and train anew? (Check first: an Art. 73(6) AI Act hold.)",
    roles=("data-owner", "ml-lead"),
    step_class=StepClass.DESTROY,
    timer=timedelta(hours=24),
    ladder=("commander",),
)
REENABLE = each_of(
    id="re-enable-feedback",
    asks="Open the feedback again, in stages?",
    roles=("commander", "ml-lead"),
    step_class=StepClass.RESTORE,
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
)
CLOSE = GatePolicy(
    id="close-incident",
    asks="Close the incident? The post-mortem is due within five business days.",
    roles=("commander",),
    timer=timedelta(hours=24),
)


class Parameters(Frozen):
    """What a service says about itself for this playbook."""

    model: str
    alias: str = "champion"
    feedback_route: str = "feedback"
    baseline_negative_share: Share
    baseline_accuracy: Share
    rise: float = 0.40
    """A relative rise of the negative share that is not noise any more."""
    accuracy_margin: Share = 0.01
    negative_share_margin: float = 0.10
    shadow_disagreement: Share = 0.15
    young: timedelta = timedelta(days=7)
    window: timedelta = timedelta(hours=24)
    candidates: int = 5
    looks: int = 3
    look_every: timedelta = timedelta(seconds=30)
    look_within: timedelta = timedelta(minutes=10)
    stages: tuple[Percent, ...] = (1, 10, 50, 100)
    stage_looks: int = 60
    stage_look_every: timedelta = timedelta(minutes=1)


ISOLATE = "Isolate the feedback endpoint"
ROLL_BACK = "Roll the model back"
ALIAS_STAYS = "the alias stays"


@playbook(
    id="feedback-poisoning",
    title="Feedback-loop poisoning of a model",
    capabilities=(gateway, paging, probes, registry, serving, tickets, vault),
    parameters=Parameters,
    atlas=("AML.T0020", "AML.T0031", "AML.T0059", "AML.T0046", "AML.T0018.000"),
    csf=("RS.MA-02", "RS.AN-03", "RS.AN-06", "RS.AN-07", "RS.MI-01", "RS.MI-02", "RC.RP"),
)
class FeedbackPoisoning(Playbook[Parameters]):
    """Poisoned feedback turns a model against benign input."""

    async def respond(self) -> Resolution:
        """Contain, prove, find the cause, roll back, correct, clean, re-enable, close."""
        self.record.grade(Severity.SEV2, "integrity of a model in production is in doubt")
        self.call(ACKNOWLEDGE, "A model may be poisoned through its feedback")
        self.seal(*self.volatile_evidence())

        isolated = await self.may_contain(self.rule())
        if isolated:
            await self.isolate_feedback()
        if self.world_changed(await self.compare_with_shadow()):
            return await self.stand_down()
        if not isolated and await self.may_contain(self.rule(shadow_agrees=False)):
            await self.isolate_feedback()  # the alert called it benign, our own look does not

        poisoned_since = await self.beginning_of_the_poison()
        known_good = await self.choose_known_good(poisoned_since)
        if known_good is not None:
            await self.roll_back(known_good)

        self.notify(poisoned_since)
        self.record.enter(Phase.ERADICATION)
        await self.rescore_decisions(poisoned_since)
        clean = await self.retrain_without_poison(poisoned_since)

        await self.re_enable_feedback(resume_retraining=clean)
        await self.agreed_to_close(CLOSE, {"severity": self.record.severity.value})
        return Resolution.RESOLVED

    # 3 Seal volatile evidence

    def volatile_evidence(self) -> list[Act[Any, Sealed]]:
        """What will be gone soon: configuration, alias and lineage, live sample, probe answers."""
        p = self.parameters
        return [
            do(gateway.seal_edge, gateway.SealEdge()),
            do(registry.seal_registry, registry.SealRegistry(model=p.model, alias=p.alias)),
            do(serving.seal_serving, serving.SealServing(window=p.window)),
            do(probes.seal_probes, probes.SealProbes()),
        ]

    # 4 Isolate the feedback endpoint

    def rule(self, *, shadow_agrees: bool = True) -> ContainmentRuling:
        """Isolate first? Scored from the numbers that the monitor measured.

        *shadow_agrees*: whether to believe a monitor that says so.
        """
        alert = self.intake.first_firing()
        measured = alert.evidence if alert else {}
        rise = measured.get("rise")
        agrees = shadow_agrees and measured.get("shadow_agrees", 0.0) >= 1.0
        harm = 2 if rise is None else (3 if rise > 1.0 else 2 if rise > self.parameters.rise else 1)
        scores = Scores(
            harm=harm, uncertainty=1 if agrees else 2, business_cost=1, irreversibility=0
        )
        return isolate_first(scores, cause_is_benign=agrees, inputs={**measured})

    async def isolate_feedback(self) -> None:
        """Close the feedback route, stop retraining and promotion."""
        isolation = gateway.IsolateEndpoint(route=self.parameters.feedback_route)
        await self.contain(
            ISOLATE,
            do(gateway.isolate_endpoint, isolation),
            do(serving.pause_retraining, serving.PauseRetraining()),
            proof=self.looks(*checks.loop_stands_still(self.nonce), checks.predictions_answer()),
            undo=[
                do(serving.resume_retraining, serving.PauseRetraining()),
                do(gateway.restore_endpoint, isolation),
            ],
            undo_proof=self.looks(
                checks.route_is_open(self.incident, self.parameters.feedback_route),
                checks.predictions_answer(),
            ),
            stands=Stands(),
        )

    # The world may have changed, not the model

    async def compare_with_shadow(self) -> serving.ShadowComparison | None:
        """Ask the known-good shadow about the same live texts."""
        act = do(serving.compare_with_shadow, serving.CompareWithShadow())
        return await self.try_to_observe("Compare with the shadow model", act)

    def world_changed(self, seen: serving.ShadowComparison | None) -> bool:
        """Whether the shadow rises too: then what people write changed, and nothing is poisoned."""
        if seen is None:
            return False
        p = self.parameters
        rises = seen.shadow_negative_share > p.baseline_negative_share * (1 + p.rise / 2)
        return rises and seen.disagreement < p.shadow_disagreement

    async def stand_down(self) -> Resolution:
        """Take the isolation back and leave a low-severity ticket: no rollback."""
        self.record.grade(Severity.SEV4, "the shadow model says the same: the world changed")
        await self.take_back_all("the shadow model says the same")
        self.ticket("drift", "Input drifted: the known-good model says the same")
        return Resolution.BENIGN_CHANGE

    # 5 Choose known-good: by lineage and by trial, never "the previous version"

    async def beginning_of_the_poison(self) -> datetime:
        """When the first suspicious feedback came, a lower bound; else a window before the alert."""
        p = self.parameters
        request = serving.SurveyFeedback(window=p.window, young=p.young)
        looked = do(serving.survey_feedback, request)
        seen = await self.try_to_observe("Survey the feedback", looked)
        alert = self.intake.first_firing()
        began = (alert.started_at or alert.received_at) if alert else self.record.opened_at
        return (seen and seen.first_suspicious_at) or began - p.window

    async def choose_known_good(self, poisoned_since: datetime) -> registry.ModelVersion | None:
        """The newest version trained before the poison that passes the probes in isolation."""
        p = self.parameters
        since = poisoned_since if self.follows("only-versions-before-the-poison") else None
        older = registry.ListVersions(model=p.model, before=since)
        listed = await self.try_to_observe("List the versions", do(registry.list_versions, older))
        versions = listed.versions if listed else ()
        before = [v for v in versions if v.trained_before(poisoned_since)]
        for version in before[: p.candidates]:
            trial = serving.EvaluateCandidate(version=version.version)
            try:
                tried = await self.try_to_observe(
                    f"Try version {version.version} in isolation",
                    do(serving.evaluate_candidate, trial),
                )
            except StepGivenUp:  # in an incident that opened before this could be
                tried = None
            if tried is None:  # it cannot even be tried: the next one may be
                continue
            same_bytes = version.artifact_digest in (None, tried.digest)
            if same_bytes and tried.accuracy >= p.baseline_accuracy - p.accuracy_margin:
                shown: dict[str, JsonValue] = {
                    "poisoned_since": iso(poisoned_since),
                    "version": version.model_dump(mode="json"),
                    "trial": tried.model_dump(mode="json"),
                }
                if await self.choose(
                    f"Confirm version {version.version}", CONFIRM_KNOWN_GOOD, shown
                ):
                    return version
        self.page_commander("known-good", "No known-good version to roll back to")
        return None

    # 6 Roll back

    async def roll_back(self, good: registry.ModelVersion) -> None:
        """Move the alias, make every replica load it, prove each, then watch the alias."""
        p = self.parameters
        read = registry.ReadAlias(model=p.model, alias=p.alias)
        now = await self.observe("Read the alias", do(registry.read_alias, read))
        move, reload, proof = self.rollback(now.version or "", good)
        await self.contain(
            ROLL_BACK,
            move,
            reload,
            proof=proof,
            undo=[do(registry.move_alias_back, move.request), reload],
            undo_proof=self.looks(
                checks.alias_names(p.model, p.alias, move.request.expect),
                checks.every_replica_serves(move.request.expect, now.digest),
                checks.predictions_answer(),
            ),
            stands=Stands(by=self.looks(*proof.checks[1:])),  # the alias itself has its own watch
        )
        watch = registry.WatchAlias(model=p.model, alias=p.alias, expected=good.version)

        async def moved(seen: registry.AliasMoved) -> Act[Any, registry.AliasMoved] | None:
            return await self.alias_was_moved(seen, good)

        self.watch(ALIAS_STAYS, do(registry.watch_alias, watch), moved)

    def rollback(
        self, found: str, good: registry.ModelVersion
    ) -> tuple[Act[registry.MoveAlias, registry.AliasMove], Act[Any, serving.Replicas], Proof]:
        """Point the alias at *good*, make every replica load it, and what then must be seen."""
        p = self.parameters
        move = registry.MoveAlias(model=p.model, alias=p.alias, expect=found, to=good.version)
        proof = self.looks(
            checks.alias_names(p.model, p.alias, good.version),
            checks.every_replica_serves(good.version, good.artifact_digest),
            checks.probes_recovered(good.version, self.health()),
        )
        reload = do(serving.reload_replicas, serving.ReloadReplicas())
        return do(registry.move_alias, move), reload, proof

    async def alias_was_moved(
        self, seen: registry.AliasMoved, good: registry.ModelVersion
    ) -> Act[Any, registry.AliasMoved] | None:
        """Someone moved the alias: page, and put it back unless people say no."""
        p = self.parameters
        self.unproven(ROLL_BACK, "the alias was moved while the incident is open")
        self.page_commander(f"alias-moved-{self.attempts(ROLL_BACK)}", "The model alias was moved")
        if not await self.agrees(PUT_BACK, {"found": seen.found, "expected": good.version}):
            return None
        move, reload, proof = self.rollback(seen.found or "", good)
        await self.contain_again(ROLL_BACK, move, reload, proof=proof)
        again = registry.WatchAlias(model=p.model, alias=p.alias, expected=good.version)
        return do(registry.watch_alias, again)

    # 7 to 9 Notify, correct what was decided, clean and retrain

    def notify(self, poisoned_since: datetime) -> None:
        """Tell the ML team where to look for the root cause; the ticket is read back."""
        self.ticket("root-cause", f"Poisoned feedback since {iso(poisoned_since)}")

    async def rescore_decisions(self, poisoned_since: datetime) -> None:
        """Score again what was decided from poisoned scores."""
        window = {"start": poisoned_since, "end": self.moment("rescore until")}
        affected = await self.try_to_observe(
            "Count the affected decisions",
            do(serving.count_affected_decisions, serving.DecisionWindow(**window)),
        )
        if affected is not None and affected.affected == 0:
            return
        again = serving.RescoreDecisions(**window)
        await self.destroy(
            "Rescore the affected decisions",
            do(serving.rescore_decisions, again),
            agree=RESCORE,
            proof=lambda _: self.looks(checks.all_are_rescored(serving.DecisionWindow(**window))),
        )

    async def retrain_without_poison(self, poisoned_since: datetime) -> bool:
        """Drop the suspicious feedback and train anew; registered, not promoted."""
        request = serving.RetrainWithout(since=poisoned_since, young=self.parameters.young)
        retrained = await self.destroy(
            "Retrain without the poison",
            do(serving.retrain_without_poison, request),
            agree=RETRAIN,
            proof=lambda made: self.looks(checks.candidate_passes(made.version, self.health())),
        )
        return retrained is not None

    # 10 Re-enable

    async def re_enable_feedback(self, *, resume_retraining: bool) -> None:
        """Open the feedback in stages under guard; the loop only if it is clean again."""
        p = self.parameters
        isolation = gateway.IsolateEndpoint(route=p.feedback_route)
        finish: list[Act[Any, Any]] = [do(gateway.restore_endpoint, isolation)]
        if resume_retraining:
            finish.insert(0, do(serving.resume_retraining, serving.PauseRetraining()))
        await self.restore_in_stages(
            "Re-enable the feedback",
            stages=p.stages,
            admit=lambda percent: do(
                gateway.admit_cohort,
                gateway.AdmitCohort(route=p.feedback_route, percent=percent),
            ),
            guard=Proof(
                [
                    checks.probes_hold(self.health()),
                    checks.feedback_looks_genuine(self.now, p.young),
                ],
                polls=p.stage_looks,
                every=p.stage_look_every,
                within=timedelta(0),
            ),
            fall_back=do(gateway.isolate_endpoint, isolation),
            finish=finish,
            finished=self.looks(
                checks.route_is_open(self.incident, p.feedback_route),
                checks.probes_hold(self.health()),
            ),
            no_longer_watched=ALIAS_STAYS,  # a clean loop promotes again
            lifts=ISOLATE,
            releases=(ROLL_BACK,),
            agree=REENABLE,
            closed=self.looks(*checks.loop_stands_still(self.nonce), checks.predictions_answer()),
        )

    # What must be shown

    def looks(self, *checks: Check[Any, Any]) -> Proof:
        """The service's own rhythm of looking."""
        p = self.parameters
        return Proof(checks, polls=p.looks, every=p.look_every, within=p.look_within)

    def health(self) -> checks.Health:
        """What the probe set must answer: as before the incident, within the margins."""
        p = self.parameters
        return checks.Health(
            accuracy_at_least=p.baseline_accuracy - p.accuracy_margin,
            negative_share=p.baseline_negative_share,
            negative_share_within=p.baseline_negative_share * p.negative_share_margin,
        )
