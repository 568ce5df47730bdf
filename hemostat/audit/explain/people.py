"""Answers about people: by what right they decided, what silence did, what was refused."""

from typing import Any, Final

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.record import at
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.explain.answer import Answer, Point, listed, not_shown
from hemostat.audit.explain.approvals import NEVER_BY_SILENCE
from schemas.base import iso
from schemas.journal import Entry, Kind

_FALSE_ALARM: Final = "false-alarm"


def authority(account: Account) -> Answer:
    """Whether the approver had authority and independence."""
    id_, question = "authority", "Did the approver have the authority, and independence?"
    trap = "chains of delegates; approval of one's own work"
    points: list[Point] = []
    judged = 0
    for gate in account.gates:
        for decision in gate.decisions:
            standing = decision.data.get("standing")
            if isinstance(standing, dict):
                judged += 1
                points.append(Point(_standing(gate, decision, standing), (decision.seq,)))
            if decision.says.startswith("The glass was broken"):
                says = f"{decision.data.get('actor')}: {decision.says}"
                points.append(Point(says, (decision.seq,), True))
        points += _two_pairs(gate)
    words = ("takes no part", "Break-glass was reviewed")
    excluded = [e for e in account.of(Kind.FINDING) if any(word in e.says for word in words)]
    points += [Point(e.says, (e.seq,)) for e in excluded]
    if not judged:
        because = "no roster was declared for the service, so a role is what the caller said it was"
        return Answer(
            id_,
            question,
            "not shown" if not points else "partly",
            f"The record does not show by what right people decided: {because}.",
            tuple(points),
            trap,
        )
    return Answer(
        id_,
        question,
        "shown",
        f"{counted(judged, 'decision carries', 'decisions carry')} the standing by which "
        "they counted, and who else could have decided then.",
        tuple(points),
        trap,
    )


def _standing(gate: GateTold, decision: Entry, standing: dict[str, Any]) -> str:
    """By what right somebody decided, and who could have then."""
    of = f" for {standing['of']}" if standing.get("of") else ""
    away = "" if standing.get("available", True) else ", though declared away"
    says = (
        f"{standing.get('person')} at {gate.id} by claim '{standing.get('claim')}' to "
        f"{standing.get('role')}{of}{away}"
    )
    roster = decision.data.get("roster")
    if not isinstance(roster, list):
        return says
    able = [_able(row) for row in roster]
    return f"{says}; {len(roster)} could have decided then: {listed(able)}"


def _able(row: object) -> str:
    """One of a roster: a person, their role, and by what claim."""
    person, role, claim = row if isinstance(row, list) and len(row) == 3 else (row, "?", "?")
    return f"{person} as {role} ({claim})"


def _two_pairs(gate: GateTold) -> list[Point]:
    quorum = gate.entry.data.get("quorum")
    if not isinstance(quorum, int) or quorum < 2 or gate.outcome != "approved":
        return []
    said = [
        d for d in gate.said
        if d.data["choice"] == "approve" and str(d.data.get("decision")) not in gate.taken_back
    ]  # fmt: skip
    people = {str(d.data.get("actor")) for d in said}
    glass = any(d.says.startswith("The glass") for d in gate.decisions)
    if len(people) >= quorum or glass:
        return [
            Point(f"{gate.id}: {len(people)} different people approved", tuple(d.seq for d in said))
        ]
    seqs = (gate.entry.seq, *(d.seq for d in said))
    return [Point(f"{gate.id}: wanted {quorum} people, {len(people)} approved", seqs, True)]


def silence(account: Account) -> Answer:
    """What happened when nobody answered."""
    id_, question = "silence", "What happened when nobody answered?"
    trap = "a blank is no answer: silence has to show as an event of its own"
    points: list[Point] = []
    for gate in account.gates:
        points += [Point(f"{e.at} {e.says}", (gate.entry.seq, e.seq)) for e in gate.events]
        if gate.by_silence and gate.ended:
            early = gate.due is not None and at(gate.ended) < gate.due
            due = "" if gate.due is None else f"; an answer was due until {iso(gate.due)}"
            says = f"{gate.ended.at} {gate.id} proceeded by silence{due}{', BEFORE that' * early}"
            points.append(Point(says, (gate.entry.seq, gate.ended.seq), True))
        if gate.pre_authorised and gate.ended:
            says = f"{gate.ended.at} {gate.id} went by what was agreed at {gate.pre_authorised}"
            points.append(Point(says, (gate.ended.seq,)))
        if gate.unanswered:
            stood = in_short(gate.stood)
            how = f"withdrawn {gate.ended.at}, after {stood}" if gate.ended else "still open"
            how += f"; due until {iso(gate.due)}" if gate.due else ""
            seqs = (gate.entry.seq, *((gate.ended.seq,) if gate.ended else ()))
            points.append(Point(f"{gate.id} was never answered ({how})", seqs, True))
    by = [gate.id for gate in account.gates if gate.by_silence]
    agreed = [gate.id for gate in account.gates if gate.pre_authorised]
    never = [gate.id for gate in account.gates if gate.unanswered]
    ended = sum(gate.latency is not None for gate in account.gates)
    grave = [
        g.id for g in account.gates if g.by_silence and g.shown.get("class") in NEVER_BY_SILENCE
    ]
    rule = (
        f", of which AGAINST THE RULE some destroy, re-enable or leave the company ({listed(grave)})"
        if grave
        else ", none of which destroys, re-enables or leaves the company"
        if by
        else ""
    )
    says = (
        f"Of {counted(ended, 'gate')} that people or silence ended, {len(by)} proceeded by silence"
        f" ({listed(by)}){rule}; {len(agreed)} by what people had agreed beforehand ({listed(agreed)}); "
        f"{counted(len(never), 'question was', 'questions were')} never answered ({listed(never)})."
    )
    return Answer(id_, question, "shown", says, tuple(points), trap)


def negatives(account: Account) -> Answer:
    """Whether decisions not to do something were made properly."""
    id_, question = "negatives", "Were negative decisions made properly?"
    trap = "'not reportable' must be a decision with a reason, not an absence"
    points: list[Point] = []
    for gate in account.gates:
        for decision in gate.decisions:
            if decision.data.get("choice") == "reject":
                reason = str(decision.data.get("reason", ""))[:160]
                points.append(
                    Point(
                        f"{decision.at} {decision.data.get('role')} rejected at {gate.id}: {reason}",
                        (decision.seq,),
                        concern=not reason.strip(),
                    )
                )
            elif gate.id == _FALSE_ALARM and "choice" in decision.data:
                reason = str(decision.data.get("reason", ""))[:160]
                says = (
                    f"{decision.at} {decision.data.get('role')} judged it a false alarm: {reason}"
                )
                points.append(Point(says, (decision.seq,), concern=not reason.strip()))
    points += [
        Point(
            f"{said.at} {said.data.get('role')} determined that {clock.id} does not apply: "
            f"{str(said.data.get('reason', ''))[:160]}",
            (said.seq,),
        )
        for clock in account.legal.clocks.values()
        for said in clock.determinations
        if said.data.get("value") == "not-applicable"
    ]
    undecided = [c for c in account.legal.clocks.values() if not c.determinations]
    if undecided and account.closed:
        points.append(
            Point(
                f"{counted(len(undecided), 'clock was', 'clocks were')} left without a "
                f"determination: {listed([c.id for c in undecided][:12])}",
                tuple(c.seqs[-1] for c in undecided if c.seqs),
                True,
            )
        )
    points += [Point(f"{e.at} {e.says}{_by(e)}", (e.seq,)) for e in account.of(Kind.REFUSED)]
    if not points:
        return Answer(id_, question, "shown", "There were none.", (), trap)
    return Answer(
        id_, question, "shown", f"{counted(len(points), 'point')}, with who, in which role, when and why.",
        tuple(points), trap,
    )  # fmt: skip


def _by(refused: Entry) -> str:
    """Of what was said in vain: by whom, as the caller named them, and where; it may say none."""
    data = refused.data
    actor = f": {str(data['actor'])[:80]} as {role_of(refused)}" if data.get("actor") else ""
    return f"{actor} at {str(data['gate'])[:80]}" if actor and data.get("gate") else actor


def latencies(account: Account) -> Answer:
    """Whether people were quick enough."""
    points = [
        Point(
            f"{gate.id}: {gate.outcome} after {in_short(gate.latency)}",
            (gate.entry.seq, gate.ended.seq),
        )
        for gate in account.gates
        if gate.ended and gate.latency is not None
    ]
    id_, question = "latency", "How long did people take?"
    if not points:
        return not_shown(id_, question, "no gate was ended by people or by silence")
    first = account.acknowledged
    says = (
        f"The first word of a person that counted came after {in_short(at(first) - account.opened_at)}."
        if first
        else "No person said anything that counted."
    )
    return Answer(id_, question, "shown", says, tuple(points))
