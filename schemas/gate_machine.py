"""The gate: a pure state machine that turns decisions, silence and people into one outcome.

Time and identity come in as arguments, so the same machine runs in the workflow, in property tests
and in the offline verifier. A decision counts only for the gate, the nonce and the digest of what
was shown; each ruling says why a decision did not count. Where people are declared, a ``Sitting``
says who they are; without one, actor and role are what the caller says of itself.
"""

from datetime import datetime
from typing import Any

from schemas.eligibility import Claim, Sitting, Standing, suffices
from schemas.gate import Choice, Decision, Event, GateEvent, OnSilence, Outcome, Refusal
from schemas.gate_state import GateState, Glass
from schemas.roster import BREAK_GLASS, GLASS_AT_MOST


def decide(
    state: GateState, decision: Decision, now: datetime, sitting: Sitting | None = None
) -> tuple[GateState, Refusal | None]:
    """Apply *decision*; return the next state and, if it changed nothing, why.

    Where silence proceeds, a decision at the deadline or after it is late, whether or not
    ``elapse`` was called first; so is one at a gate that has expired.
    """
    refusal = _refuse(state, decision, now)
    standing: Standing | None = None
    if refusal is None and sitting is not None:
        standing = _standing(state, decision, now, sitting)
        if standing is None:
            known = decision.actor in state.seen_by(sitting).recused - sitting.suspects
            refusal = Refusal.EXCLUDED if known else Refusal.NOT_THE_ROLE
    elif refusal is None and decision.role not in state.eligible(now):
        refusal = Refusal.NOT_THE_ROLE
    if refusal is None and _has_spoken(state, decision):
        refusal = Refusal.SAME_PERSON
    if refusal is not None:
        return state, refusal
    changes: dict[str, Any] = {"decisions": (*state.decisions, decision)}
    if standing is not None:
        changes["standings"] = (*state.standings, standing)
    state = state.model_copy(update=changes)
    if decision.choice is Choice.REJECT:
        return _end(state, Outcome.REJECTED, now), None
    alone = standing is not None and standing.claim is Claim.BREAK_GLASS
    if alone or _agreed(state, now, sitting):
        return _end(state, Outcome.APPROVED, now), None
    return state, None


def _end(state: GateState, outcome: Outcome, at: datetime) -> GateState:
    return state.model_copy(update={"outcome": outcome, "ended_at": at})


def _refuse(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """Why *decision* does not count, whoever made it, or None if it may."""
    if decision.gate != state.policy.id or decision.nonce != state.nonce:
        return Refusal.STALE_NONCE
    if any(decision.decision_id == known.decision_id for known in state.decisions):
        return Refusal.DUPLICATE
    if state.closed or _time_is_over(state, now):
        return Refusal.LATE
    return Refusal.OTHER_EXHIBIT if decision.digest != state.digest else None


def _standing(
    state: GateState, decision: Decision, now: datetime, sitting: Sitting
) -> Standing | None:
    """By what right its actor makes *decision*; None: by none."""
    person, role = decision.actor, decision.role
    if role == BREAK_GLASS:
        excluded = state.seen_by(sitting).excluded
        broken = any(glass.person == person and now < glass.until for glass in state.glass)
        if not broken or person in excluded or decision.choice is not Choice.APPROVE:
            return None
        return Standing(person=person, role=role, claim=Claim.BREAK_GLASS)
    able = state.may_decide(sitting, now)
    return next((s for s in able if (s.person, s.role) == (person, role)), None)


def _has_spoken(state: GateState, decision: Decision) -> bool:
    """Whether this approval comes from someone whose approval stands already."""
    if decision.choice is Choice.REJECT or decision.role == BREAK_GLASS:
        return False
    spoken = {
        d.actor if state.policy.distinct_persons else (d.actor, d.role) for d in state.approvals()
    }
    actor, role = decision.actor, decision.role
    return (actor if state.policy.distinct_persons else (actor, role)) in spoken


def _agreed(
    state: GateState,
    now: datetime,
    sitting: Sitting | None,
    also: tuple[tuple[str, str], ...] = (),
) -> bool:
    """Whether the approvals that count, and *also* these, satisfy the policy."""
    policy = state.policy
    given = [(d.actor, d.role) for d in state.approvals(sitting)]
    return suffices(
        [*given, *also],
        roles=policy.roles,
        stand_ins=state.rungs(now),
        quorum=policy.quorum,
        all_roles=policy.all_roles,
        distinct_persons=policy.distinct_persons,
    )


def _time_is_over(state: GateState, now: datetime) -> bool:
    policy, expires = state.policy, state.policy.expires_after
    if expires is not None and now >= state.opened_at + expires:
        return True
    proceeds = policy.on_silence is OnSilence.PROCEED
    return proceeds and state.deadline is not None and now >= state.deadline


def elapse(
    state: GateState, now: datetime, sitting: Sitting | None = None
) -> tuple[GateState, tuple[GateEvent, ...]]:
    """Apply all that fell due by *now*; return the next state and what fell due, in order.

    With people: while those available cannot satisfy the policy, the next rungs are asked at once;
    when no rung is left, that is an event too.
    """
    if state.closed:
        return state, ()
    asked = state.policy.ladder[: state.forced]
    agenda = state.agenda()
    due = [event for event in agenda[state.fired :] if event.due <= now]
    ends = {Event.PROCEEDED: Outcome.PROCEEDED_BY_POLICY, Event.EXPIRED: Outcome.EXPIRED}
    last = next((event for event in due if event.event in ends), None)
    if last is not None:
        due = due[: due.index(last) + 1]
    changes: dict[str, Any] = {"fired": state.fired + len(due)}
    if any(event.event is Event.HELD for event in due):
        changes["held"] = True
    if last is not None:
        changes |= {"outcome": ends[last.event], "ended_at": last.due}
    events = tuple(e for e in due if e.event is not Event.ESCALATED or e.to_roles[0] not in asked)
    state = state.model_copy(update=changes)
    if sitting is None or state.closed or state.policy.on_silence is OnSilence.STAND:
        return state, events
    state, more = _muster(state, now, sitting)
    return state, (*events, *more)


def _muster(
    state: GateState, now: datetime, sitting: Sitting
) -> tuple[GateState, tuple[GateEvent, ...]]:
    """Ask further rungs until those available can satisfy the policy, or say that none is left."""
    events: list[GateEvent] = []
    while not answerable(state, now, sitting):
        reached = len(state.rungs(now))
        if reached == len(state.policy.ladder):
            if not state.told:
                everyone = state.eligible(now)
                events.append(GateEvent(event=Event.NOBODY_LEFT, due=now, to_roles=everyone))
            return state.model_copy(update={"told": True}), tuple(events)
        rung = state.policy.ladder[reached]
        events.append(GateEvent(event=Event.POOL_TOO_SMALL, due=now, to_roles=(rung,)))
        state = state.model_copy(update={"forced": reached + 1})
    return state.model_copy(update={"told": False}), tuple(events)


def answerable(state: GateState, now: datetime, sitting: Sitting) -> bool:
    """Whether those who are available, with what was approved already, can satisfy the policy."""
    here = [(s.person, s.role) for s in state.may_decide(sitting, now) if s.available]
    return _agreed(state, now, sitting, tuple(here))


def break_glass(
    state: GateState, person: str, now: datetime, sitting: Sitting
) -> tuple[GateState, Refusal | None]:
    """Let *person* decide alone at this gate for the roster's time; declared people only."""
    declared = sitting.roster.break_glass
    if state.closed or _time_is_over(state, now):
        return state, Refusal.LATE
    if person not in declared.people or person in sitting.suspects:
        return state, Refusal.NOT_THE_ROLE
    if person in state.seen_by(sitting).recused:
        return state, Refusal.EXCLUDED
    glass = Glass(person=person, until=now + min(declared.ttl, GLASS_AT_MOST))
    return state.model_copy(update={"glass": (*state.glass, glass)}), None


def take_back(state: GateState, decision_id: str, person: str) -> tuple[GateState, Refusal | None]:
    """Withdraw an approval by its own maker; an approved gate that is not used yet opens again."""
    made = next((d for d in state.approvals() if d.decision_id == decision_id), None)
    if made is None:
        return state, Refusal.NOT_UNDER_WAY
    if made.actor != person:
        return state, Refusal.NOT_YOURS
    if state.outcome not in (None, Outcome.APPROVED):
        return state, Refusal.LATE
    changes = {"withdrawn": (*state.withdrawn, decision_id), "outcome": None, "ended_at": None}
    return state.model_copy(update=changes), None


def reconsider(state: GateState, now: datetime, sitting: Sitting) -> GateState:
    """Open an approved gate again that no longer has its approvals: somebody was excluded since.

    For gates whose approval was not used yet.
    """
    if state.outcome is not Outcome.APPROVED or _agreed(state, now, sitting):
        return state
    if any(d.role == BREAK_GLASS for d in state.approvals(sitting)):
        return state
    return state.model_copy(update={"outcome": None, "ended_at": None})


def proceed(state: GateState, now: datetime) -> GateState:
    """End the gate because what two people decided beforehand for this moment takes its place."""
    return state if state.closed else _end(state, Outcome.PROCEEDED_BY_POLICY, now)


def withdraw(state: GateState, now: datetime) -> GateState:
    """End the gate because what it asked about no longer stands."""
    return state if state.closed else _end(state, Outcome.WITHDRAWN, now)
