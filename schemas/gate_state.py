"""One opened gate: what it holds, what falls due while nobody answers, who may decide at it.

Pure: time and people come in as arguments. What changes it is ``schemas.gate_machine``.
"""

from datetime import datetime

from schemas.base import Digest, Frozen, Utc
from schemas.eligibility import Sitting, Standing, standings
from schemas.gate import (
    Choice,
    Decision,
    Event,
    Exclusion,
    GateEvent,
    GatePolicy,
    OnSilence,
    Outcome,
)
from schemas.roster import Roster


class Glass(Frozen):
    """Someone broke the glass at this gate and may decide alone until then."""

    person: str
    until: Utc


class GateState(Frozen):
    """One opened gate. Never edited: each function of this module returns the next state."""

    policy: GatePolicy
    nonce: str
    digest: Digest
    opened_at: Utc
    decisions: tuple[Decision, ...] = ()
    outcome: Outcome | None = None
    ended_at: Utc | None = None
    fired: int = 0
    """How many entries of ``agenda`` are behind us."""
    held: bool = False
    standings: tuple[Standing, ...] = ()
    """The right by which each of ``decisions`` was made, when it was made; where people are known."""
    withdrawn: tuple[str, ...] = ()
    """Ids of approvals that were taken back."""
    requesters: tuple[str, ...] = ()
    executors: tuple[str, ...] = ()
    forced: int = 0
    """How many rungs were asked, early or not, when the pool last was too small."""
    told: bool = False
    """Whether it was said that nobody is left."""
    glass: tuple[Glass, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether the gate has its outcome; nothing changes it any more."""
        return self.outcome is not None

    @property
    def stands(self) -> Outcome | None:
        """The outcome, or that it is held by policy; None while people still have time."""
        return self.outcome or (Outcome.HELD_BY_POLICY if self.held else None)

    @property
    def deadline(self) -> datetime | None:
        """When silence takes effect; None for a standing offer."""
        if self.policy.on_silence is OnSilence.STAND:
            return None
        return self.opened_at + self.policy.timer

    def rungs(self, now: datetime) -> tuple[str, ...]:
        """The rungs that were reached, by time or because the pool was too small."""
        by_time = [e for e in self.agenda() if e.event is Event.ESCALATED and e.due <= now]
        return self.policy.ladder[: max(len(by_time), self.forced)]

    def eligible(self, now: datetime) -> tuple[str, ...]:
        """The roles that may decide at *now*: the policy's and each rung that was reached."""
        return self.policy.roles + self.rungs(now)

    def seen_by(self, sitting: Sitting) -> Sitting:
        """Return *sitting* with those recused whom this gate's policy excludes."""
        exclude, recused = self.policy.exclude, set(sitting.recused)
        if Exclusion.REQUESTER in exclude:
            recused |= set(self.requesters)
        if Exclusion.EXECUTOR in exclude:
            recused |= set(self.executors)
        if Exclusion.CONFLICT in exclude:
            recused |= set(sitting.roster.conflicts)
        return sitting.model_copy(update={"recused": frozenset(recused)})

    def may_decide(self, sitting: Sitting, now: datetime) -> tuple[Standing, ...]:
        """Everyone who may decide at *now*, each with the right by which they do."""
        return standings(self.seen_by(sitting), self.eligible(now), self.policy.step_class, now)

    def approvals(self, sitting: Sitting | None = None) -> tuple[Decision, ...]:
        """The approvals that count: not taken back, and not by someone excluded since."""
        excluded = self.seen_by(sitting).excluded if sitting else frozenset()
        return tuple(
            d
            for d in self.decisions
            if d.choice is Choice.APPROVE
            and d.decision_id not in self.withdrawn
            and d.actor not in excluded
        )

    def agenda(self) -> tuple[GateEvent, ...]:
        """All that falls due while nobody answers, in order of time."""
        policy, end = self.policy, self.opened_at + self.policy.timer
        over = self.opened_at + policy.expires_after if policy.expires_after else None
        last = [GateEvent(event=Event.EXPIRED, due=over, to_roles=policy.roles)] if over else []
        if policy.on_silence is OnSilence.STAND:
            return tuple(last)
        due = [_reminder(self, share) for share in policy.reminders]
        due += [
            GateEvent(
                event=Event.ESCALATED,
                due=self.opened_at + policy.ladder_every * (rung + 1),
                to_roles=(role,),
            )
            for rung, role in enumerate(policy.ladder)
        ]
        proceeds = policy.on_silence is OnSilence.PROCEED
        if proceeds:
            due = [event for event in due if event.due < end]
        silence = Event.PROCEEDED if proceeds else Event.HELD
        due.append(GateEvent(event=silence, due=end, to_roles=policy.roles))
        return tuple(sorted(due + last, key=lambda event: event.due))

    def next_due(
        self, sitting: Sitting | None = None, now: datetime | None = None
    ) -> datetime | None:
        """When ``elapse`` has something to do next; None when nothing is left.

        With people, also when somebody next comes or goes after *now*.
        """
        if self.closed:
            return None
        agenda = self.agenda()
        due = [agenda[self.fired].due] if self.fired < len(agenda) else []
        if sitting and now and self.policy.on_silence is not OnSilence.STAND:
            change = sitting.roster.next_change(now)
            due += [change] if change else []
        return min(due, default=None)


def _reminder(state: GateState, share: float) -> GateEvent:
    due = state.opened_at + state.policy.timer * share
    return GateEvent(event=Event.REMINDER, due=due, to_roles=state.policy.roles)


def with_ladders(policy: GatePolicy, roster: Roster) -> GatePolicy:
    """Return *policy* with the ladders of its roles after its own."""
    tables = [roster.roles[role] for role in policy.roles if role in roster.roles]
    rungs = dict.fromkeys([*policy.ladder, *(rung for table in tables for rung in table.ladder)])
    ladder = tuple(rung for rung in rungs if rung not in policy.roles)
    return policy.model_copy(update={"ladder": ladder})
