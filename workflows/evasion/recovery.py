"""Back to the model: uploads are taken again, then a hardened version decides for more and more.

Each takes people who agree, none happens by silence, and a breach falls back by itself.
"""

from datetime import timedelta

from schemas.ports import gateway, moderation
from workflows.engine import do
from workflows.evasion import shows
from workflows.evasion.gates import ACCEPT_UPLOADS, RECOVER
from workflows.evasion.legal import Legal

SECOND_LOOKS = "Approve nothing that transforms decide otherwise"
FALLBACK = "Let fallback rules decide all uploads"
HOLD = "Hold all uploads"


class Recovery(Legal):
    """Everything that raises the risk again."""

    @property
    def holding(self) -> bool:
        """Whether uploads are held: nobody passes the edge then."""
        return self._id(HOLD) in self.record.steps

    async def recover(self, hardened: moderation.Hardened) -> None:
        """The hardened version decides for more and more accounts; a breach falls back."""
        p, version = self.parameters, hardened.version
        await self.accept_uploads()
        guard = shows.Rhythm(p.stage_looks, p.stage_look_every, timedelta(0))
        quiet = shows.Watchful(
            fn_rate_at_most=p.over_base * p.baseline_fn_rate,
            audit_floor=p.audit_floor,
            disagree_at_most=p.over_base * p.baseline_disagreement,
            transform_floor=p.transform_floor,
        )
        few = shows.few_evade(p.attack_success_at_most, p.fallback_budget)
        recovered = await self.restore_in_stages(
            "Let the hardened version decide",
            stages=p.stages,
            admit=lambda percent: do(
                moderation.admit_canary, moderation.AdmitCanary(version=version, percent=percent)
            ),
            guard=guard.of(few, shows.audits_stay_quiet(self.now, quiet)),
            fall_back=do(
                moderation.admit_canary, moderation.AdmitCanary(version=version, percent=0)
            ),
            closed=self.looks.of(shows.nothing_evades(p.fallback_budget)),
            finish=[do(moderation.promote_version, moderation.PromoteVersion(version=version))],
            finished=self.looks.of(
                shows.few_evade(p.attack_success_at_most, p.recovery_budget),
                shows.decided_by("auto", version),
            ),
            no_longer_watched="",
            lifts=FALLBACK,
            releases=(SECOND_LOOKS,),
            agree=RECOVER,
        )
        if recovered:
            self._lift(SECOND_LOOKS)

    async def accept_uploads(self) -> None:
        """If uploads are held: take them again, still under the fallback rules."""
        isolation = gateway.IsolateEndpoint(route=self.parameters.route)
        if not self.holding:
            return
        await self.restore_in_stages(
            "Take uploads again",
            stages=(),
            admit=lambda percent: do(
                gateway.admit_cohort, gateway.AdmitCohort(route=isolation.route, percent=percent)
            ),
            guard=self.looks.of(),
            fall_back=do(gateway.isolate_endpoint, isolation),
            finish=[do(gateway.restore_endpoint, isolation)],
            finished=self.looks.of(shows.nothing_evades(self.parameters.fallback_budget)),
            no_longer_watched="",
            lifts=HOLD,
            agree=ACCEPT_UPLOADS,
        )
