"""Answers about deeds: what worked and when, what was collected, which code decided."""

from hemostat.audit.account.account import Account, in_short, numbers
from hemostat.audit.account.record import at
from hemostat.audit.account.steps import StepTold
from hemostat.audit.explain.answer import Answer, Point, listed, not_shown
from schemas.base import iso
from schemas.journal import Entry, Kind


def effective(account: Account) -> Answer:
    """Whether the action was effective, and when exactly."""
    id_, question = "effective", "Was the action effective, and when exactly?"
    trap = "an answer of 200 is no effect; one replica is not all; caches keep the old"
    if not account.containing:
        return not_shown(id_, question, "nothing was contained in this incident", trap)
    points = [point for step in account.containing for point in _of_step(step)]
    proven = sum(step.state == "proven" for step in account.containing)
    when = f"; all of it was proven at {iso(account.contained)}" if account.contained else ""
    says = f"{proven} of {len(account.containing)} containing steps ended proven{when}."
    return Answer(id_, question, "shown", says, tuple(points), trap)


def _of_step(step: StepTold) -> list[Point]:
    commanded = iso(step.commanded_at) if step.commanded_at else "by hand, outside"
    shown = f"proven {iso(step.proven.at)}" if step.proven else "never proven"
    took = f" ({in_short(step.proof_took)} later)" if step.proof_took else ""
    seqs = (*numbers(step.effects[:1]), *((step.proven.seq,) if step.proven else ()))
    says = f"{step.title}: commanded {commanded}, {shown}{took}; attempts {step.attempts}, {step.state}"
    points = [Point(says, seqs or tuple(step.seqs[:1]), concern=step.proven is None)]
    if step.looks:
        last = step.looks[-1]
        checks = [str(o.get("check")) for o in last.observations]
        points.append(Point(f"  shown by: {listed(checks)}", (last.seq,)))
    missed = [look for look in step.looks if look.verdict != "proven"]
    if missed:
        points.append(
            Point(f"  {len(missed)} looks did not show it", tuple(look.seq for look in missed))
        )
    points += [Point(f"  {e.says}", (e.seq,), True) for e in step.lapsed]
    return points


def complete(account: Account) -> Answer:
    """Whether it is complete, and what is missing."""
    id_, question = "complete", "Is it complete? What is missing?"
    trap = "evidence that was collected after the containment shows the contained system"
    points = [Point(f"sealed: {e.data.get('name') or e.says}", (e.seq,)) for e in account.sealed]
    points += [Point(f"{e.says} ({e.data.get('reason')})", (e.seq,), True) for e in account.missing]
    points += [Point(f"the record itself: {gap}", (), True) for gap in account.record.gaps]
    acted = min((at(s.effects[0]) for s in account.containing if s.effects), default=None)
    late = [e for e in account.sealed if acted and "collected_at" in e.data and at(e) > acted]
    if late:
        says = (
            f"{len(late)} items were sealed after the first containing act (containment never "
            "waits for evidence)"
        )
        points.append(Point(says, numbers(late)))
    if not account.closed:
        points.append(Point("the incident is not closed", (account.record.entries[-1].seq,), True))
    says = (
        f"{len(account.sealed)} items were sealed, {len(account.missing)} were declared missing"
        f"; the record itself has {len(account.record.gaps)} gaps or reservations."
    )
    return Answer(id_, question, "shown" if account.sealed else "partly", says, tuple(points), trap)


def custody(account: Account) -> Answer:
    """The chain of custody."""
    id_, question = "custody", "What is the chain of custody of the evidence?"
    trap = "the drift of clocks against UTC"
    items = [e for e in account.sealed if "collected_at" in e.data]
    if not items:
        return not_shown(id_, question, "no item was collected", trap)
    points = [
        Point(
            f"{e.data.get('name')}: from {e.data.get('source')} by {e.data.get('method')} at "
            f"{e.data.get('collected_at')}, {e.data.get('size')} bytes, {e.data.get('digest')}",
            (e.seq,),
        )
        for e in items
    ]
    back = [e for e in account.of(Kind.PROOF) if e.says.startswith("look") and _reads_back(e)]
    if back:
        points.append(Point("every item was read back from the vault", numbers(back)))
    says = (
        f"{len(items)} items with digest, source, method and time. "
        "Later transfer, access and disposal, and the clocks' drift, are not shown."
    )
    return Answer(id_, question, "partly", says, tuple(points), trap)


def _reads_back(entry: Entry) -> bool:
    observations = entry.data.get("observations")
    return isinstance(observations, list) and any(
        isinstance(o, dict) and o.get("held") and "sealed item" in str(o.get("check"))
        for o in observations
    )


def playbook(account: Account) -> Answer:
    """Whether it was the right playbook and version, and what deviated from it."""
    id_, question = "playbook", "Was it the right playbook and version? What deviated from it?"
    trap = "code that was changed while the incident was open"
    code = account.record.code
    first = account.record.entries[0]
    points = [
        Point(f"playbook {account.playbook}, ATLAS {_words(first.data.get('atlas'))}", (first.seq,))
    ]
    if code:
        points.append(
            Point(
                f"sources of the playbooks {code.get('workflows')}; the sealer ran "
                f"{code.get('sealer_build')}"
            )
        )
    if account.record.builds:
        several = len(account.record.builds) > 1
        points.append(Point(f"decided by builds {listed(account.record.builds)}", (), several))
    if account.legal.pinned:
        data = account.legal.pinned.data
        says = f"legal clocks pinned to {data.get('catalogue')}, version {data.get('version')}"
        points.append(Point(says, (account.legal.pinned.seq,)))
    points += _deviations(account)
    known = bool(code or account.record.builds)
    says = f"{sum(p.concern for p in points)} deviations." + (
        "" if known else " Which code decided is not in this record; a pack has its digests."
    )
    return Answer(id_, question, "shown" if known else "partly", says, tuple(points), trap)


def _deviations(account: Account) -> list[Point]:
    points: list[Point] = []
    for step in account.steps.values():
        if step.given_up:
            points.append(Point(step.given_up.says, (step.given_up.seq,), True))
        if step.attested:
            says = f"{step.title}: done outside, as people attested"
            points.append(Point(says, numbers(step.attested), True))
        if step.attempts > 1:
            points.append(Point(f"{step.title}: {step.attempts} attempts", tuple(step.begun_seqs)))
    by_people = [e for e in account.severities if e.kind is Kind.DECISION]
    points += [Point(e.says, (e.seq,), True) for e in by_people]
    return points


def _words(value: object) -> str:
    return listed([str(v) for v in value]) if isinstance(value, list) else "none"
