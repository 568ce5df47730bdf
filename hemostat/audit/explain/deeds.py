"""Answers about deeds: what worked and when, what was collected, which code decided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hemostat.audit.account.account import Account, numbers
from hemostat.audit.account.deviations import of_steps, of_the_course
from hemostat.audit.account.record import at
from hemostat.audit.account.steps import StepTold
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.explain.answer import Answer, Point, Shown, listed, not_shown
from schemas.base import iso
from schemas.journal import Entry, Kind

_TOLERATED: Final = timedelta(minutes=10)
"""Between the moment that an item says it was collected and its entry: a large one takes a while."""


def effective(account: Account) -> Answer:
    """Whether the action was effective, and when exactly."""
    id_, question = "effective", "Was the action effective, and when exactly?"
    trap = "an answer of 200 is no effect; one replica is not all; caches keep the old"
    if not account.containing:
        return not_shown(id_, question, "nothing was contained in this incident", trap)
    points = [point for step in account.containing for point in _of_step(step)]
    states = Counter(step.state for step in account.containing)
    ended = ", ".join(f"{n} {state}" for state, n in states.items())
    says = f"Of {counted(len(account.containing), 'containing step')} the record leaves {ended}."
    if account.contained:
        stood = "all of the first round" if account.rounds else "all of them"
        stood = stood if len(account.containing) > 1 else "it"
        says += f" At {iso(account.contained)} {stood} stood proven."
    says += (
        f" Containment was lost {counted(len(account.losses), 'time')} after it was proven."
        if account.losses
        else ""
    )
    if account.false_alarm:
        says += " It was judged a false alarm, and what was done was taken back."
    says += (
        " Each look is told with its port and the connection that it went over."
        if any("by" in o for step in account.containing for o in _observations(step))
        else " A look tells by its check's own words from where it looked; nothing else does."
    )
    return Answer(id_, question, "shown", says, tuple(points), trap)


def _observations(step: StepTold) -> Sequence[dict[str, Any]]:
    return step.shown_by.observations if step.shown_by else ()


def _check(observation: Mapping[str, Any]) -> str:
    """What was looked at, by which look over which connection where the record tells it."""
    by = f" (by {observation['by']})" if observation.get("by") else ""
    return f"{observation.get('check')}{by}"


def _of_step(step: StepTold) -> list[Point]:
    first = step.first_proven
    commanded = (
        f"commanded {iso(step.commanded_at)}"
        if step.commanded_at
        else "done by hand, outside"
        if step.attested
        else "never carried out"
    )
    shown = f"proven {iso(first.at)}" if first else "never proven"
    took = f" ({in_short(step.proof_took)} later)" if step.proof_took else ""
    seqs = (*numbers(step.effects[:1]), *((first.seq,) if first else ()))
    says = f"{step.name}: {commanded}, {shown}{took}; attempts {step.attempts}, {step.state}"
    points = [Point(says, seqs or tuple(step.seqs[:1]), concern=first is None)]
    if step.proven and step.shown_by:
        checks = [_check(o) for o in step.shown_by.observations]
        points.append(Point(f"  shown by: {'; '.join(checks)}", (step.shown_by.seq,)))
    if step.missed:
        missed = counted(len(step.missed), "look")
        seqs = tuple(look.seq for look in step.missed)
        points.append(Point(f"  {missed} did not show it", seqs))
    for loss in step.losses:
        again = f"proven again {iso(loss.again.at)}" if loss.again else "not proven again"
        held = f"last seen to hold {iso(loss.held_at)}; " if loss.held_at else ""
        seqs = (loss.entry.seq, *((loss.again.seq,) if loss.again else ()))
        points.append(Point(f"  {loss.entry.says}; {held}{again}", seqs, True))
    if step.undoing:
        how = "taken back, and shown to be" if step.undone else "being taken back, not shown"
        seqs = (step.undoing.seq, *((step.undone.seq,) if step.undone else ()))
        points.append(Point(f"  {how}: {step.undoing.says}", seqs, concern=step.undone is None))
    return points


def complete(account: Account) -> Answer:
    """Whether it is complete, and what is missing."""
    id_, question = "complete", "Is it complete? What is missing?"
    trap = "evidence that was collected after the containment shows the contained system"
    points = [Point(f"sealed: {e.data.get('name') or e.says}", (e.seq,)) for e in account.sealed]
    points += [Point(f"{e.says} ({e.data.get('reason')})", (e.seq,), True) for e in account.missing]
    points += [Point(f"sent, with its receipt: {e.says}", (e.seq,)) for e in account.sent]
    points += [Point(f"the record itself: {gap}", (), True) for gap in account.record.gaps]
    acted = min((at(s.effects[0]) for s in account.containing if s.effects), default=None)
    late = [e for e in account.sealed if acted and "collected_at" in e.data and at(e) > acted]
    if late:
        says = (
            f"{counted(len(late), 'item was', 'items were')} sealed after the first containing act "
            "(containment never waits for evidence)"
        )
        points.append(Point(says, numbers(late)))
    if not account.closed:
        how = f": {account.record.ending}" if account.record.ending else ""
        says = f"the incident is not closed{how}"
        points.append(Point(says, (account.record.entries[-1].seq,), True))
    says = (
        f"{counted(len(account.sealed), 'item was', 'items were')} sealed, {len(account.missing)} "
        f"declared missing; the record itself has "
        f"{counted(len(account.record.gaps), 'gap or reservation', 'gaps or reservations')}."
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
        by_step = {e.step: max(_read_back(b) for b in back if b.step == e.step) for e in back}
        read = counted(sum(by_step.values()), "item was", "items were")
        points.append(Point(f"{read} read back from the vault with their digests", numbers(back)))
    points += [
        Point(
            f"{e.data.get('name')}: its source dates it {in_short(abs(apart))} "
            f"{'before' if apart > timedelta() else 'after'} the journal does: a clock, or a late "
            f"sealing{', or a drill that skips time' if account.drill else ''}",
            (e.seq,),
            True,
        )
        for e in items
        if abs(apart := at(e) - _collected(e)) > _TOLERATED
    ]
    says = (
        f"{counted(len(items), 'item')} with digest, source, method and time. "
        "Later transfer, access and disposal, and the clocks' drift against UTC, are not shown."
    )
    return Answer(id_, question, "partly", says, tuple(points), trap)


def _collected(entry: Entry) -> datetime:
    """When the item says it was collected; where that cannot be read, when it was sealed."""
    return _moment(entry.data.get("collected_at"), entry)


def _moment(told: object, entry: Entry) -> datetime:
    """A moment that *entry* tells; where it cannot be read, when the entry was written."""
    try:
        read = datetime.fromisoformat(str(told))
    except ValueError:
        return at(entry)
    return read if read.tzinfo else at(entry)


def _reads_back(entry: Entry) -> bool:
    return _read_back(entry) > 0


def _read_back(entry: Entry) -> int:
    """How many items this look read back."""
    observations = entry.data.get("observations")
    for o in observations if isinstance(observations, list) else ():
        if isinstance(o, dict) and o.get("held") and "sealed item" in str(o.get("check")):
            measured = o.get("measured")
            read = measured.get("checked") if isinstance(measured, dict) else None
            return read if isinstance(read, int) else 0
    return 0


def playbook(account: Account) -> Answer:
    """Whether it was the right playbook and version, and what deviated from it."""
    id_, question = "playbook", "Was it the right playbook and version? What deviated from it?"
    trap = "code that was changed while the incident was open"
    code = account.record.code
    first = account.record.entries[0]
    points = [
        Point(f"playbook {account.playbook}, ATLAS {_words(first.data.get('atlas'))}", (first.seq,))
    ]
    if (alert := account.first_alert) is not None:
        received, raw = alert.data.get("received_at"), alert.data.get("raw")
        late = abs(account.opened_at - _moment(received, alert)) > _TOLERATED
        says = (
            f"begun by an alert from {alert.data.get('source')}, received {received}, bytes {raw}"
        )
        points.append(
            Point(f"{says}{'; not when it was opened' if late else ''}", (alert.seq,), late)
        )
    if code:
        points.append(
            Point(
                f"sources of the playbooks {code.get('workflows')}; the sealer ran "
                f"{code.get('sealer_build')}"
            )
        )
        if code.get("same_build") is False:
            says = "those sources are the sealer's: what decided was another build, told below"
            points.append(Point(says, (), True))
    if account.record.builds:
        several = len(account.record.builds) > 1
        points.append(Point(f"decided by builds {listed(account.record.builds)}", (), several))
    if account.legal.pinned:
        data = account.legal.pinned.data
        says = f"legal clocks pinned to {data.get('catalogue')}, version {data.get('version')}"
        points.append(Point(says, (account.legal.pinned.seq,)))
    found = [*of_the_course(account), *of_steps(account)]
    points += [Point(d.says, d.entries, True) for d in found]
    known = bool(code or account.record.builds)
    other = code is not None and code.get("same_build") is False
    says = f"{counted(len(found), 'deviation')} from the plain course of the playbook."
    if other:
        says += " Of the code that decided the record has its build id, and not its sources."
    elif not known:
        says += " Which code decided is not in this record; a pack has its digests."
    shown: Shown = "shown" if known and not other else "partly"
    return Answer(id_, question, shown, says, tuple(points), trap)


def _words(value: object) -> str:
    return listed([str(v) for v in value]) if isinstance(value, list) else "none"
