"""The answer to who approved what, when, on which evidence, and how they proved who they are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hemostat.audit.account.account import Account, role_of
from hemostat.audit.account.gates import GateTold
from hemostat.audit.account.words import counted
from hemostat.audit.explain.answer import Answer, Point, not_shown
from schemas.journal import Entry, Kind

NEVER_BY_SILENCE: Final = ("destroy", "restore", "disclose")
"""The classes of steps at whose gates silence holds."""


def approvals(account: Account) -> Answer:
    """Who approved what, when, on which evidence."""
    id_, question = "approvals", "Who approved what, when, and on which evidence?"
    trap = "a caller's own identity is no person; an approval after the act is none"
    said = [(gate, decision) for gate in account.gates for decision in gate.said]
    points = [_approval(account, gate, decision) for gate, decision in said]
    points += [
        _used_glass(e) for gate in account.gates for e in gate.decisions if "until" in e.data
    ]
    points += [_taken_back(e) for g in account.gates for e in g.decisions if "withdraws" in e.data]
    points += [
        Point(f"{e.at} {e.says}; {e.data.get('person') or 'no person is named'}", (e.seq,))
        for gate in account.gates
        for e in gate.taken
    ]
    beside = [e for e in account.of(Kind.DECISION) if "gate" not in e.data]
    beside = sorted((*beside, *account.determinations), key=lambda e: e.seq)
    points += [Point(_beside(e), (e.seq,)) for e in beside]
    if not points:
        return not_shown(id_, question, "no person decided anything in this incident", trap)
    signed = sum(bool(decision.data.get("statement")) for _, decision in said)
    says = (
        f"{counted(len(said), 'decision')} by people counted at gates, "
        f"{counted(len(beside), 'statement')} beside them"
    )
    return Answer(
        id_,
        question,
        "shown" if signed == len(said) else "partly",
        f"{says}; {signed} of the decisions name a signed statement{_keys(said)}. Where none is "
        "named, who spoke is what the caller said of itself.",
        tuple(points),
        trap,
    )


def _approval(account: Account, gate: GateTold, decision: Entry) -> Point:
    data = decision.data
    who = f"{data.get('actor')} as {role_of(decision)}"
    wrong = "digest" in data and data["digest"] != gate.digest
    bound = "" if "digest" not in data else f", bound to what was shown ({gate.digest})"
    if wrong:
        bound = f", bound to something else than was shown ({data['digest']})"
    signed = f"; signed statement{_proof(data)}" if data.get("statement") else ""
    back = "; taken back before it was used" if str(data.get("decision")) in gate.taken_back else ""
    acted = _acted_before(account, gate, decision)
    late = "; the act had begun BEFORE" if acted is not None else ""
    shown = ", ".join(sorted(gate.shown)) or "nothing"
    evidence = gate.shown.get("evidence")
    kept = f", {counted(len(evidence), 'sealed item')}" if isinstance(evidence, list) else ""
    reason = f"; reason: {_cut(data.get('reason'))}" if data.get("reason") else "; no reason"
    return Point(
        f"{decision.at} {who}: {data['choice']} at {gate.id}{bound}{signed}{back}{late}{reason} "
        f"(shown: {shown}{kept})",
        (gate.entry.seq, decision.seq, *((acted,) if acted is not None else ())),
        concern=wrong or acted is not None,
    )


def _used_glass(used: Entry) -> Point:
    data = used.data
    says = f"{used.at} {data.get('actor')} broke the glass at {data.get('gate')}, until {data.get('until')}"
    return Point(f"{says}; reason: {_cut(data.get('reason')) or 'none'}", (used.seq,), True)


def _taken_back(said: Entry) -> Point:
    data = said.data
    says = f"{said.at} {data.get('actor')} took back {data.get('withdraws')} at {data.get('gate')}"
    return Point(f"{says}; reason: {_cut(data.get('reason')) or 'none'}", (said.seq,))


def _beside(said: Entry) -> str:
    """A statement at no gate: who, in which role, what of, and why."""
    data = said.data
    value = f" = {_cut(data['value'])}" if data.get("value") is not None else ""
    reason = f"; reason: {_cut(data['reason'])}" if data.get("reason") else ""
    return f"{said.at} {data.get('actor')} as {role_of(said)}: {said.says}{value}{reason}"


def _cut(text: object) -> str:
    return "" if text is None else str(text)[:160]


def _acted_before(account: Account, gate: GateTold, decision: Entry) -> int | None:
    """The beginning of the step that this gate was to agree to, if it came before the decision."""
    title = gate.shown.get("step")
    needs = gate.shown.get("class") in NEVER_BY_SILENCE
    if not needs or decision.data.get("choice") != "approve":
        return None
    step = next((s for s in account.steps.values() if s.title == title), None)
    began = [seq for seq in (step.begun_seqs if step else []) if seq > gate.entry.seq]
    return began[0] if began and began[0] < decision.seq else None


def _proof(data: Mapping[str, Any]) -> str:
    """How whoever signed a statement proved who they are, as the statement has it."""
    if not data.get("authenticated_at"):
        return ""
    return (
        f" (authenticated {data['authenticated_at']} by {data.get('method')}, over "
        f"{data.get('channel')}, key {data.get('key')})"
    )


def _keys(said: Sequence[tuple[GateTold, Entry]]) -> str:
    """By how many keys statements are signed; one that speaks for several people is nobody's own."""
    spoke: dict[str, set[str]] = {}
    for _, entry in said:
        if entry.data.get("statement") and entry.data.get("key"):
            spoke.setdefault(str(entry.data["key"]), set()).add(str(entry.data.get("actor")))
    shared = sum(len(people) > 1 for people in spoke.values())
    if not spoke:
        return ""
    keys = f", by {counted(len(spoke), 'key')}"
    of_none = (
        f" ({shared} of them signed for more than one person: no person's own)" if shared else ""
    )
    return keys + of_none
