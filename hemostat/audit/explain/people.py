"""Answers about people: who approved, by what right, what silence did, what was refused."""

from hemostat.audit.account.account import Account, in_short
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.record import at
from hemostat.audit.explain.answer import Answer, Point, listed, not_shown
from schemas.journal import Entry, Kind


def approvals(account: Account) -> Answer:
    """Who approved what, when, on which evidence."""
    id_, question = "approvals", "Who approved what, when, and on which evidence?"
    trap = "a caller's own identity is no person; an approval after the act is none"
    points: list[Point] = []
    for gate in account.gates:
        for decision in gate.decisions:
            points += _approval(account, gate, decision)
    counted = len(points)
    points += [
        Point(f"{e.at} {e.data.get('actor')} as {e.data.get('role')}: {e.says}", (e.seq,))
        for e in account.of(Kind.DECISION)
        if "gate" not in e.data
    ]
    if not points:
        return not_shown(id_, question, "no person decided anything in this incident", trap)
    signed = [p for p in points if "signed statement" in p.says]
    says = (
        f"{counted} decisions by people were counted at gates, {len(points) - counted} statements "
        "beside them"
    )
    return Answer(
        id_,
        question,
        "shown" if len(signed) == counted else "partly",
        f"{says}; {len(signed)} decisions name a signed statement. Where none is named, who spoke is "
        "what the caller said of itself.",
        tuple(points),
        trap,
    )


def _approval(account: Account, gate: GateTold, decision: Entry) -> list[Point]:
    data = decision.data
    who = f"{data.get('actor')} as {data.get('role', 'break-glass')}"
    said = decision.says if "choice" not in data else f"{who}: {data['choice']} at {gate.id}"
    bound = "" if "digest" not in data else ", bound to what was shown"
    wrong = "digest" in data and data["digest"] != gate.digest
    if wrong:
        bound = ", bound to something else than was shown"
    signed = "; signed statement" if data.get("statement") else ""
    shown = ", ".join(sorted(gate.shown)) or "nothing"
    evidence = gate.shown.get("evidence")
    kept = f", {len(evidence)} sealed items" if isinstance(evidence, list) else ""
    acted = _acted_before(account, gate, decision)
    late = "; the act had begun BEFORE" if acted is not None else ""
    return [
        Point(
            f"{decision.at} {said}{bound}{signed}{late} (shown: {shown}{kept})",
            (gate.entry.seq, decision.seq, *((acted,) if acted is not None else ())),
            concern=wrong or acted is not None,
        )
    ]


def _acted_before(account: Account, gate: GateTold, decision: Entry) -> int | None:
    """The beginning of the step that this gate was to agree to, if it came before the decision."""
    title = gate.shown.get("step")
    needs = gate.shown.get("class") in ("destroy", "restore", "disclose")
    if not needs or decision.data.get("choice") != "approve":
        return None
    step = next((s for s in account.steps.values() if s.title == title), None)
    began = [seq for seq in (step.begun_seqs if step else []) if seq > gate.entry.seq]
    return began[0] if began and began[0] < decision.seq else None


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
                roster = decision.data.get("roster")
                able = (
                    f"; {len(roster)} could have decided then" if isinstance(roster, list) else ""
                )
                points.append(
                    Point(
                        f"{standing.get('person')} at {gate.id} by claim "
                        f"'{standing.get('claim')}' to {standing.get('role')}{able}",
                        (decision.seq,),
                    )
                )
            if decision.says.startswith("The glass was broken"):
                points.append(Point(decision.says, (decision.seq,), True))
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
        f"{judged} decisions carry the standing by which they counted.",
        tuple(points),
        trap,
    )


def _two_pairs(gate: GateTold) -> list[Point]:
    quorum = gate.entry.data.get("quorum")
    if not isinstance(quorum, int) or quorum < 2 or gate.outcome != "approved":
        return []
    said = [d for d in gate.decisions if d.data.get("choice") == "approve"]
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
            points.append(
                Point(f"{gate.ended.at} {gate.id} proceeded by silence", (gate.ended.seq,), True)
            )
    by = [gate.id for gate in account.gates if gate.by_silence]
    ended = sum(gate.latency is not None for gate in account.gates)
    says = (
        f"Of {ended} gates that people or silence ended, {len(by)} proceeded by silence"
        f" ({listed(by)}). Nothing that destroys, re-enables or leaves the company may."
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
                f"{len(undecided)} clocks were left without a determination: "
                + listed([c.id for c in undecided][:12]),
                tuple(c.seqs[-1] for c in undecided if c.seqs),
            )
        )
    refused = account.of(Kind.REFUSED)
    if refused:
        says = f"{len(refused)} things that were said changed nothing, each with its reason"
        points.append(Point(says, tuple(e.seq for e in refused)))
    if not points:
        return Answer(id_, question, "shown", "There were none.", (), trap)
    return Answer(
        id_, question, "shown", f"{len(points)} points, with who, in which role, when and why.",
        tuple(points), trap,
    )  # fmt: skip


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
    took = in_short(at(first) - account.opened_at) if first else "never"
    says = f"The first word of a person came after {took}."
    return Answer(id_, question, "shown", says, tuple(points))
