"""The gate machine under any decisions, in any order, at any time: what can never happen."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.canonical import digest_of
from schemas.gate import (
    Choice,
    Decision,
    Event,
    GateEvent,
    GatePolicy,
    OnSilence,
    Outcome,
    Refusal,
)
from schemas.gate_machine import decide, elapse, withdraw
from schemas.gate_state import GateState

OPENED = datetime(2026, 11, 22, 9, tzinfo=UTC)
SHOWN, OTHER = digest_of("shown"), digest_of("something else")
ROLES = ("commander", "ml-lead")
RUNGS = ("secondary", "deputy")

policies = st.builds(
    GatePolicy,
    id=st.just("the-gate"),
    asks=st.just("Shall we?"),
    roles=st.sampled_from([ROLES, ROLES[:1]]),
    quorum=st.integers(1, 3),
    timer=st.integers(0, 60).map(lambda minutes: timedelta(minutes=minutes)),
    reminders=st.lists(st.floats(0, 1), max_size=4).map(tuple),
    ladder=st.sampled_from([(), RUNGS[:1], RUNGS]),
    ladder_every=st.integers(1, 40).map(lambda minutes: timedelta(minutes=minutes)),
    on_silence=st.sampled_from(OnSilence),
)
decisions = st.builds(
    Decision,
    decision_id=st.integers(0, 40).map(str),
    gate=st.sampled_from(["the-gate"] * 6 + ["another-gate"]),
    nonce=st.sampled_from(["n1"] * 6 + ["n0", ""]),
    digest=st.sampled_from([SHOWN] * 6 + [OTHER]),
    choice=st.sampled_from([Choice.APPROVE] * 4 + [Choice.REJECT]),
    actor=st.sampled_from(["ada", "bob", "cyd", "dan"]),
    role=st.sampled_from([*ROLES, *RUNGS, "visitor"]),
    reason=st.just("seen"),
)
moments = st.lists(st.integers(0, 4000).map(lambda s: OPENED + timedelta(seconds=s)), max_size=8)


def opened(policy: GatePolicy) -> GateState:
    return GateState(policy=policy, nonce="n1", digest=SHOWN, opened_at=OPENED)


def may_decide(policy: GatePolicy, role: str, now: datetime) -> bool:
    """Who may decide, written down a second time and differently."""
    if role in policy.roles:
        return True
    if role not in policy.ladder or policy.on_silence is OnSilence.STAND:
        return False
    asked_at = OPENED + policy.ladder_every * (policy.ladder.index(role) + 1)
    in_time = policy.on_silence is OnSilence.HOLD or asked_at < OPENED + policy.timer
    return in_time and asked_at <= now


class Siege(RuleBasedStateMachine):
    """Everyone sends everything at any time; the workflow always applies silence first, or not."""

    @initialize(policy=policies)
    def open(self, policy: GatePolicy) -> None:
        self.state, self.now = opened(policy), OPENED
        self.happened: list[GateEvent] = []
        self.counted: list[Decision] = []

    def _silence(self) -> None:
        self.state, events = elapse(self.state, self.now)
        self.happened += events

    @rule(seconds=st.integers(0, 1500))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def the_timer_fires(self) -> None:
        self._silence()

    @rule(decision=decisions, silence_first=st.booleans())
    def somebody_decides(self, decision: Decision, silence_first: bool) -> None:
        if silence_first:
            self._silence()
        before = self.state
        self.state, refusal = decide(before, decision, self.now)
        if refusal is not None:
            assert self.state == before
            return
        assert not before.closed
        assert (decision.gate, decision.nonce, decision.digest) == ("the-gate", "n1", SHOWN)
        assert may_decide(before.policy, decision.role, self.now)
        assert decision.decision_id not in {known.decision_id for known in self.counted}
        self.counted.append(decision)

    @rule(decision=decisions)
    def what_was_asked_falls_away(self, decision: Decision) -> None:
        if decision.actor == "dan" and decision.choice is Choice.REJECT:
            self.state = withdraw(self.state, self.now)

    @invariant()
    def nothing_is_approved_without_a_quorum_of_distinct_people(self) -> None:
        approvers = {d.actor for d in self.counted if d.choice is Choice.APPROVE}
        rejected = any(d.choice is Choice.REJECT for d in self.counted)
        quorum = self.state.policy.quorum
        if self.state.outcome is Outcome.APPROVED:
            assert len(approvers) >= quorum
            assert not rejected
        elif not self.state.closed:
            assert len(approvers) < quorum

    @invariant()
    def silence_approves_only_what_may_proceed(self) -> None:
        if self.state.outcome is Outcome.PROCEEDED_BY_POLICY:
            assert self.state.policy.on_silence is OnSilence.PROCEED
            assert self.state.ended_at == OPENED + self.state.policy.timer <= self.now

    @invariant()
    def no_gate_is_ever_stuck(self) -> None:
        after, _ = elapse(self.state, self.now)
        if after.closed:
            return
        waits = after.next_due() is not None
        assert waits or after.held or after.policy.on_silence is OnSilence.STAND
        person = Decision(
            decision_id="fresh",
            gate="the-gate",
            nonce="n1",
            digest=SHOWN,
            choice=Choice.APPROVE,
            actor="someone new",
            role=after.policy.roles[0],
            reason="seen",
        )
        _, refusal = decide(after, person, self.now)
        assert refusal is None

    @invariant()
    def a_closed_gate_never_changes(self) -> None:
        if self.state.closed:
            later = self.now + timedelta(days=1)
            assert elapse(self.state, later) == (self.state, ())
            assert withdraw(self.state, later) == self.state

    @invariant()
    def reminders_and_rungs_come_once_and_in_order(self) -> None:
        assert tuple(self.happened) == self.state.agenda()[: len(self.happened)]
        assert self.happened == sorted(self.happened, key=lambda event: event.due)


Siege.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestSiege = Siege.TestCase


@given(policies, moments)
@settings(deadline=None)
def test_it_does_not_matter_how_time_is_cut(policy: GatePolicy, cuts: list[datetime]) -> None:
    state = opened(policy)
    fell_due: list[GateEvent] = []
    for now in sorted(cuts):
        state, events = elapse(state, now)
        fell_due += events
        assert elapse(state, now) == (state, ())
    if cuts:
        assert (state, tuple(fell_due)) == elapse(opened(policy), max(cuts))


@given(policies)
@settings(deadline=None)
def test_silence_means_what_the_policy_says(policy: GatePolicy) -> None:
    forever = OPENED + timedelta(days=3650)
    state, events = elapse(opened(policy), forever)
    what = [event.event for event in events]
    if policy.on_silence is OnSilence.PROCEED:
        assert state.outcome is Outcome.PROCEEDED_BY_POLICY
        assert what[-1] is Event.PROCEEDED
    elif policy.on_silence is OnSilence.HOLD:
        assert not state.closed
        assert state.held
        assert what.count(Event.HELD) == 1
        assert what.count(Event.REMINDER) == len(policy.reminders)
        assert [e.to_roles for e in events if e.event is Event.ESCALATED] == [
            (role,) for role in policy.ladder
        ]
    else:
        assert (state, events) == (opened(policy), ())


@given(policies, decisions, st.integers(0, 7200))
@settings(deadline=None)
def test_whatever_comes_after_the_outcome_is_late_or_refused(
    policy: GatePolicy, decision: Decision, seconds: int
) -> None:
    closed = withdraw(opened(policy), OPENED)
    state, refusal = decide(closed, decision, OPENED + timedelta(seconds=seconds))
    assert state == closed
    assert refusal in (Refusal.LATE, Refusal.STALE_NONCE)


def yes(actor: str, decision_id: str = "d", role: str = "commander") -> Decision:
    return Decision(
        decision_id=decision_id,
        gate="the-gate",
        nonce="n1",
        digest=SHOWN,
        choice=Choice.APPROVE,
        actor=actor,
        role=role,
        reason="seen",
    )


def gate(quorum: int = 1, on_silence: OnSilence = OnSilence.HOLD) -> GateState:
    return opened(
        GatePolicy(
            id="the-gate",
            asks="Shall we?",
            roles=ROLES,
            quorum=quorum,
            ladder=RUNGS,
            on_silence=on_silence,
        )
    )


def test_the_same_person_in_two_roles_is_one_person() -> None:
    state, first = decide(gate(quorum=2), yes("ada", "1"), OPENED)
    state, second = decide(state, yes("ada", "2", "ml-lead"), OPENED)
    assert (first, second) == (None, Refusal.SAME_PERSON)
    assert not state.closed


def test_a_person_who_approved_may_still_reject() -> None:
    state, _ = decide(gate(quorum=2), yes("ada", "1"), OPENED)
    no = yes("ada", "2").model_copy(update={"choice": Choice.REJECT})
    state, refusal = decide(state, no, OPENED)
    assert refusal is None
    assert state.outcome is Outcome.REJECTED


def test_a_rung_may_decide_from_the_moment_it_is_asked_and_not_before() -> None:
    asked = OPENED + timedelta(minutes=5)
    _, early = decide(gate(), yes("ada", role="secondary"), asked - timedelta(microseconds=1))
    state, refusal = decide(gate(), yes("ada", role="secondary"), asked)
    assert early is Refusal.NOT_THE_ROLE
    assert refusal is None
    assert state.outcome is Outcome.APPROVED


def test_an_approval_at_the_very_deadline_comes_too_late_for_a_gate_that_proceeds() -> None:
    deadline = OPENED + timedelta(minutes=10)
    state, refusal = decide(gate(on_silence=OnSilence.PROCEED), yes("ada"), deadline)
    assert refusal is Refusal.LATE
    assert not state.closed


def test_a_gate_that_was_held_still_takes_a_decision_years_later() -> None:
    later = OPENED + timedelta(days=1000)
    held, _ = elapse(gate(), later)
    state, refusal = decide(held, yes("ada"), later)
    assert held.held
    assert refusal is None
    assert state.outcome is Outcome.APPROVED
