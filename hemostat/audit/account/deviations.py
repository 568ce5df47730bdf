"""Where an incident went otherwise than the plain course of its playbook; told once, for all readers.

Law: an explanation for an auditor and a report for a board tell the same deviations. People appear
here as roles; who they are is for the answers of an auditor.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.record import at
from hemostat.audit.account.steps import Loss, StepTold
from hemostat.audit.account.words import counted, in_short
from schemas.base import iso
from schemas.journal import Entry, Kind

_STOPPED: Final = ("The playbook stops here", ": stops here: ", "Something beside failed")


@dataclass(frozen=True)
class Deviation:
    """One sentence and the entries that show it."""

    says: str
    entries: tuple[int, ...] = ()


def deviations_of(account: Account) -> list[Deviation]:
    """Return all of them: of the course, its steps, its gates, and what was said in vain."""
    return [*of_the_course(account), *of_steps(account), *of_gates(account), *_in_vain(account)]


def of_the_course(account: Account) -> list[Deviation]:
    """What happened to the response as a whole."""
    found = [Deviation(f"{e.says}.", (e.seq,)) for e in account.rounds]
    found += [
        Deviation(f"{e.says}.", (e.seq,))
        for e in account.of(Kind.FINDING)
        if any(words in e.says for words in _STOPPED)
    ]
    found += _still_firing(account)
    if account.closed is None and account.record.ending:
        says = f"It was never closed: {account.record.ending}."
        found.append(Deviation(says, (account.record.entries[-1].seq,)))
    return found


def _still_firing(account: Account) -> list[Deviation]:
    """Whether people closed it, as the question to close showed them, while alerts were firing."""
    asked = [g for g in account.gates if "firing" in g.shown and g.outcome == "approved"]
    firing = asked[-1].shown["firing"] if asked and account.closed else 0
    if not isinstance(firing, int) or firing < 1:
        return []
    alerts = f"{firing} of {asked[-1].shown.get('alerts')} alerts"
    says = f"It was closed while {alerts} had not been called over, as was shown to who closed it."
    return [Deviation(says, (asked[-1].entry.seq,))]


def of_steps(account: Account) -> list[Deviation]:
    """What happened to steps."""
    return [found for step in account.steps.values() for found in _of_step(step)]


def _of_step(step: StepTold) -> Iterable[Deviation]:
    name = step.name
    if step.attempts > 1:
        failures = Counter(e.says.removeprefix("Failed: ") for e in step.failed)
        why = "".join(f", {counted(n, 'time')} {reason}" for reason, n in failures.items())
        seqs = (*step.begun_seqs, *(e.seq for e in step.failed))
        yield Deviation(f"{name} took {step.attempts} attempts{why}.", tuple(sorted(seqs)))
    elif step.failed:
        yield Deviation(f"{name}: {step.failed[-1].says}.", tuple(e.seq for e in step.failed))
    for entry in step.attested:
        kept = entry.data.get("evidence")
        with_ = counted(len(kept), "item") if isinstance(kept, list) and kept else "no"
        proven = any(v.verdict == "proven" and v.seq > entry.seq for v in step.verdicts)
        then = "then proven like any other" if proven else "never proven since"
        says = (
            f"{name} was done outside, as {role_of(entry)} attested with {with_} evidence; {then}."
        )
        yield Deviation(says, (entry.seq,))
    yield from (Deviation(f"{name}: {_lost(loss)}.", _seqs(loss)) for loss in step.losses)
    yield from (Deviation(f"{name}: {_after(e, step)}.", (e.seq,)) for e in step.unseen)
    yield from (Deviation(f"{name}: {_after(e, step)}.", (e.seq,)) for e in step.broke)
    if step.given_up:
        yield Deviation(f"{step.given_up.says}.", (step.given_up.seq,))
    if step.undoing:
        failed = f" after {counted(len(step.undo_failed), 'failure')}" if step.undo_failed else ""
        shown = (
            f"taken back and shown to be{failed}" if step.undone else "being taken back, not shown"
        )
        because = step.undoing.says.rpartition("(")[2].rstrip(")")
        seqs = (step.undoing.seq, *((step.undone.seq,) if step.undone else ()))
        yield Deviation(f"{name}: {shown} ({because}).", seqs)


def _after(entry: Entry, step: StepTold) -> str:
    return entry.says.removeprefix(f"{step.title}: ")


def _lost(loss: Loss) -> str:
    found = at(loss.entry)
    why = loss.entry.says.partition("not proven any more: ")[2].removeprefix("containment lost: ")
    held = f"last seen to hold {iso(loss.held_at)}, " if loss.held_at else ""
    if loss.again is None:
        return f"containment was lost ({held}found lost {iso(found)}) and not proven again: {why}"
    open_for = f" {in_short(loss.again.at - (loss.held_at or found))} later"
    again = f"proven again {iso(loss.again.at)},{open_for}"
    return f"containment was lost ({held}found lost {iso(found)}, {again}): {why}"


def _seqs(loss: Loss) -> tuple[int, ...]:
    return (loss.entry.seq, *((loss.again.seq,) if loss.again else ()))


def of_gates(account: Account) -> list[Deviation]:
    """What happened at gates: silence, agreement beforehand, broken glass, decisions taken back."""
    found = [deviation for gate in account.gates for deviation in _of_gate(account, gate)]
    by_people = [e for e in account.severities if e.kind is Kind.DECISION]
    return [*found, *(Deviation(f"{e.says}.", (e.seq,)) for e in by_people)]


def _of_gate(account: Account, gate: GateTold) -> Iterable[Deviation]:
    ended = (gate.ended.seq,) if gate.ended else ()
    if gate.by_silence:
        yield Deviation(f"Silence let it proceed: {gate.asks}", (gate.entry.seq, *ended))
    elif gate.pre_authorised:
        says = f"Nobody settled it in time, and it went by what was agreed beforehand at gate {gate.pre_authorised}: {gate.asks}"
        yield Deviation(says, (gate.entry.seq, *ended))
    if gate.unanswered:
        were = "was" if len(gate.escalated) == 1 else "were"
        to = f", though {', '.join(gate.escalated)} {were} asked too" if gate.escalated else ""
        how = f"withdrawn after {in_short(gate.stood)}" if gate.ended else "still open"
        seqs = (gate.entry.seq, *(e.seq for e in gate.events), *ended)
        yield Deviation(f"Nobody answered{to} ({how}): {gate.asks}", seqs)
    for decision in gate.decisions:
        if "withdraws" in decision.data:
            yield Deviation(f"{decision.says}.", (decision.seq,))
        elif "until" in decision.data:
            yield Deviation(*_glass(account, gate, decision))


def _glass(account: Account, gate: GateTold, used: Entry) -> tuple[str, tuple[int, ...]]:
    """How the glass was broken, whether it was used, and what its review said."""
    used_by = [d for d in gate.said if d.seq > used.seq and role_of(d) == "break-glass"]
    use = "used for a decision" if used_by else "not used for any decision"
    review = next((e for e in account.of(Kind.FINDING) if _reviews(account, e, gate, used)), None)
    said = review.says.rpartition(": ")[2] if review else "NOT REVIEWED"
    seqs = (used.seq, *(d.seq for d in used_by), *((review.seq,) if review else ()))
    says = f"The glass was broken at gate {gate.id}: one person could decide alone; {use}; review: {said}."
    return says, seqs


def _reviews(account: Account, finding: Entry, gate: GateTold, used: Entry) -> bool:
    name = finding.data.get("review")
    if not isinstance(name, str) or finding.seq < used.seq:
        return False
    about = (gate.id, used.data.get("until"))
    return any(
        asked.id == name and (asked.shown.get("gate"), asked.shown.get("alone_until")) == about
        for asked in account.gates
    )


def _in_vain(account: Account) -> list[Deviation]:
    """What was said and changed nothing: each kind once, with how often."""
    kinds: dict[str, list[int]] = {}
    for entry in account.of(Kind.REFUSED):
        kinds.setdefault(entry.says, []).append(entry.seq)
    return [
        Deviation(f"{says}{f' ({len(seqs)} times)' if len(seqs) > 1 else ''}.", tuple(seqs))
        for says, seqs in kinds.items()
    ]
