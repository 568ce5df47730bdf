"""The gate machine with people: roles, deputies, delegations, suspects, broken glass, withdrawal.

The siege sends everything in any order, and judges by rules that are written down a second time.
"""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.canonical import digest_of
from schemas.eligibility import Sitting
from schemas.gate import Choice, Decision, Event, GatePolicy, OnSilence, Outcome
from schemas.gate_machine import (
    answerable,
    break_glass,
    decide,
    elapse,
    reconsider,
    take_back,
)
from schemas.gate_state import GateState
from schemas.roster import BREAK_GLASS, BreakGlass, Delegation, Person, Role, Roster, Span
from schemas.severity import Severity
from schemas.step import StepClass

OPENED = datetime(2026, 11, 22, 9, tzinfo=UTC)
SHOWN = digest_of("shown")
PEOPLE = ("p1", "p2", "p3", "p4", "p5", "p6")
ROLES = ("commander", "ml-lead", "exec")
SEVERITY = Severity.SEV2


def minutes(count: int) -> datetime:
    return OPENED + timedelta(minutes=count)


spans = st.tuples(st.integers(-50, 100), st.integers(1, 90)).map(
    lambda at: Span(since=minutes(at[0]), until=minutes(at[0] + at[1]))
)
some = st.sampled_from([(), *((p,) for p in PEOPLE), *permutations(PEOPLE, 2)])
holding = st.sampled_from([*((p,) for p in PEOPLE), *permutations(PEOPLE, 2)])
roles = st.builds(Role, primary=holding, deputies=some)
delegations = st.builds(
    lambda pair, role, classes, span: Delegation(
        of=pair[0],
        to=pair[1],
        roles=(role,),
        classes=classes,
        since=span.since,
        until=span.until,
    ),
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(
        lambda two: two[0] != two[1]
    ),
    st.sampled_from(ROLES),
    st.sampled_from([(), (StepClass.DESTROY,), (StepClass.CONTAIN,)]),
    spans,
)
rosters = st.builds(
    Roster,
    people=st.fixed_dictionaries(
        {p: st.builds(Person, away=st.lists(spans, max_size=1).map(tuple)) for p in PEOPLE}
    ),
    roles=st.fixed_dictionaries(dict.fromkeys(ROLES, roles)),
    delegations=st.lists(delegations, max_size=2).map(tuple),
    conflicts=some,
    break_glass=st.builds(BreakGlass, people=some),
)
policies = st.builds(
    GatePolicy,
    id=st.just("the-gate"),
    asks=st.just("Shall we?"),
    roles=st.sampled_from([ROLES[:2], ROLES[:1]]),
    quorum=st.integers(2, 3),
    all_roles=st.booleans(),
    ladder=st.sampled_from([(), ("exec",)]),
    ladder_every=st.just(timedelta(minutes=20)),
    timer=st.just(timedelta(minutes=45)),
    on_silence=st.sampled_from([OnSilence.HOLD, OnSilence.STAND]),
    expires_after=st.sampled_from([None, timedelta(minutes=90)]),
    step_class=st.just(StepClass.DESTROY),
)
people = st.sampled_from(PEOPLE)


class Insiders(RuleBasedStateMachine):
    """Everyone in the roster, and some who are not, tries everything at any time."""

    @initialize(policy=policies, roster=rosters)
    def open(self, policy: GatePolicy, roster: Roster) -> None:
        self.roster, self.now, self.serial = roster, OPENED, 0
        self.suspects: frozenset[str] = frozenset()
        self.state = GateState(policy=policy, nonce="n1", digest=SHOWN, opened_at=OPENED)
        self.glass: dict[str, datetime] = {}
        self.alone = False
        self.told: list[Event] = []
        self._people_change()

    def sitting(self) -> Sitting:
        return Sitting(roster=self.roster, severity=SEVERITY, suspects=self.suspects)

    def _people_change(self) -> None:
        self.state = reconsider(self.state, self.now, self.sitting())
        self.state, events = elapse(self.state, self.now, self.sitting())
        self.told += [event.event for event in events]

    def _rights(self, person: str) -> set[str]:
        """The roles in which a person may decide now, written down a second time."""
        out = self.suspects | set(self.roster.conflicts)
        if person in out:
            return set()
        rights: set[str] = set()
        for role in self.state.eligible(self.now):
            table = self.roster.roles[role]
            holders = [p for p in table.primary if p not in out]
            dark = all(any(a.covers(self.now) for a in self.roster.people[p].away) for p in holders)
            passed = any(
                d.to == person
                and d.of in holders
                and role in d.roles
                and d.classes in ((), (StepClass.DESTROY,))
                and d.since <= self.now < d.until
                for d in self.roster.delegations
            )
            if person in holders or (dark and person in table.deputies) or passed:
                rights.add(role)
        return rights

    @rule(count=st.integers(0, 30))
    def time_passes(self, count: int) -> None:
        self.now += timedelta(minutes=count)
        self._people_change()

    @rule(person=people, role=st.sampled_from([*ROLES, BREAK_GLASS]), no=st.integers(0, 9))
    def somebody_decides(self, person: str, role: str, no: int) -> None:
        self.serial += 1
        decision = Decision(
            decision_id=str(self.serial),
            gate="the-gate",
            nonce="n1",
            digest=SHOWN,
            choice=Choice.REJECT if no == 0 else Choice.APPROVE,
            actor=person,
            role=role,
            reason="seen",
        )
        before, rights = self.state, self._rights(person)
        glass = self.glass.get(person, OPENED) > self.now
        self.state, refusal = decide(before, decision, self.now, self.sitting())
        if refusal is not None:
            assert self.state == before
            return
        assert not before.closed
        assert person not in self.suspects
        if role == BREAK_GLASS:
            assert glass
            self.alone = True
        else:
            assert role in rights
        assert self.state.standings[-1].person == person
        again, late = decide(self.state, decision, self.now, self.sitting())
        assert again == self.state
        assert late is not None

    @rule(person=people)
    def somebody_breaks_the_glass(self, person: str) -> None:
        self.state, refusal = break_glass(self.state, person, self.now, self.sitting())
        if refusal is None:
            assert person in self.roster.break_glass.people
            assert person not in self.suspects
            self.glass[person] = self.now + timedelta(minutes=60)

    @rule(person=people, back=st.integers(0, 2))
    def somebody_takes_back(self, person: str, back: int) -> None:
        before = self.state
        self.state, refusal = take_back(before, str(max(self.serial - back, 0)), person)
        if refusal is not None:
            assert self.state == before
            return
        assert self.state.outcome is None
        self.alone = False
        self._people_change()

    @rule(person=people)
    def a_suspect_is_named(self, person: str) -> None:
        self.suspects |= self.roster.with_delegates(frozenset({person}))
        self._people_change()

    @invariant()
    def it_is_approved_only_by_those_who_may(self) -> None:
        if self.state.outcome is not Outcome.APPROVED or self.alone:
            return
        policy, given = self.state.policy, self.state.approvals(self.sitting())
        assert not {d.actor for d in given} & (self.suspects | set(self.roster.conflicts))
        assert len({d.actor for d in given}) == len(given) >= policy.quorum
        if policy.all_roles:
            jokers = set(self.state.rungs(self.now))
            assert any(
                all(
                    d.role == role or d.role in jokers
                    for d, role in zip(order, policy.roles, strict=False)
                )
                for order in permutations(given)
            )

    @invariant()
    def no_gate_is_stuck(self) -> None:
        """It can be answered, or everyone on the ladder was asked and it was said."""
        state = self.state
        if state.closed or state.policy.on_silence is OnSilence.STAND:
            return
        if not answerable(state, self.now, self.sitting()):
            assert state.told
            assert Event.NOBODY_LEFT in self.told
            assert state.rungs(self.now) == state.policy.ladder

    @invariant()
    def a_suspect_is_in_no_listing(self) -> None:
        listed = {standing.person for standing in self.state.may_decide(self.sitting(), self.now)}
        assert not listed & self.suspects


Insiders.TestCase.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
TestInsiders = Insiders.TestCase
