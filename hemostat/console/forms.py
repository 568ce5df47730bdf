"""What people say to an incident besides deciding, a form each: the words, and what they become.

A form offers what there is now to say something about, and is not offered where there is nothing.
What a person may say is not judged here: the incident takes it or refuses it with a reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hemostat.console import grading
from hemostat.console.fields import Choices, Field, Seen, role_field
from hemostat.console.words import plain
from hemostat.console.wrong import (
    TAKES,
    Given,
    People,
    Wrong,
    nobody_known,
    not_a_value,
    nothing_wrong,
)
from hemostat.desk import said as words
from hemostat.desk.said import Said
from schemas.base import Frozen, iso
from schemas.clocks.determination import DPO, LEGAL_ROLES, Matter
from schemas.gate import Choice as Verdict
from schemas.gate import OnSilence, Outcome
from schemas.journal import Kind
from schemas.statements import NAMES_SUSPECTS
from schemas.step import StepClass, StepState


@dataclass(frozen=True)
class Form:
    """One kind of thing to say; ``grave`` asks for a fresh proof before anything is written.

    Where it depends on what is written (``is_grave``), that is asked for when it is sent.
    """

    name: str
    says: str
    tells: str
    button: str
    grave: bool
    fields: Callable[[Seen], tuple[Field, ...]]
    """Its fields; none where there is nothing to say now."""
    said: Callable[[Given], Said]
    wrong: Callable[[Given, People], Wrong] = nothing_wrong
    """What would be refused, or would not do what its writer means; found before it is sent."""


def offered(seen: Seen) -> list[Form]:
    """Return the forms that there is something to say in, for a person, while it is open."""
    if seen.view.resolution is not None or seen.story.ended is not None:
        return []
    return [form for form in FORMS.values() if seen.who.kind == "person" and form.fields(seen)]


def filings(seen: Seen) -> list[tuple[str, str, bool]]:
    """Return the gates that ask to send a text or rejected one: gate, its last text, whether rejected."""
    last = {
        str(entry.data["gate"]): _text_of(entry.data.get("shown"))
        for entry in seen.entries
        if entry.kind is Kind.GATE and "shown" in entry.data and "gate" in entry.data
    }
    found = []
    for gate, text in last.items():
        told = seen.story.gate(gate)
        outcome = told.outcome if told else None
        if text and outcome in (None, Outcome.REJECTED, Outcome.WITHDRAWN):
            found.append((gate, text, outcome == Outcome.REJECTED))
    return found


def _text_of(shown: object) -> str:
    """The text that an asking shows to be sent; empty where it sends none."""
    if not isinstance(shown, dict) or shown.get("class") != StepClass.DISCLOSE:
        return ""
    for act in shown.get("acts") or []:
        request = act.get("request") if isinstance(act, dict) else None
        if isinstance(request, dict) and isinstance(request.get("text"), str):
            return str(request["text"])
    return ""


def _gates(names: list[str]) -> Choices:
    return tuple((name, plain(name)) for name in dict.fromkeys(names))


def _draft(seen: Seen) -> tuple[Field, ...]:
    found = filings(seen)
    if not found or not LEGAL_ROLES.union((DPO, "commander", "comms")) & set(seen.who.roles):
        return ()
    gate = Field("gate", "For which question", "pick", _gates([name for name, _, _ in found]))
    text = Field("text", "The whole text", "text", value=found[-1][1], most=20_000)
    return (gate, text, *role_field(seen, LEGAL_ROLES))


NEVER: Final = "~"
"""Later than any moment of the record: a gate that is closed takes nothing back."""


def _withdraw(seen: Seen) -> tuple[Field, ...]:
    since = {gate.policy.id: iso(gate.opened_at) for gate in seen.view.gates}
    gone = {entry.data.get("withdraws") for entry in seen.entries}
    mine = [
        str(entry.data.get("gate"))
        for entry in seen.entries
        if entry.kind is Kind.DECISION
        and entry.data.get("actor") == seen.who.person
        and entry.data.get("choice") == Verdict.APPROVE
        and entry.data.get("decision") not in gone
        and entry.at >= since.get(str(entry.data.get("gate")), NEVER)
    ]
    return (Field("gate", "Your approval of", "pick", _gates(mine)),) if mine else ()


def _attest(seen: Seen) -> tuple[Field, ...]:
    under_way = [
        (step.id, step.title)
        for step in seen.view.steps
        if step.step_class == StepClass.CONTAIN
        and step.state not in (StepState.PROVEN, StepState.SKIPPED, StepState.UNDONE)
    ]
    if not under_way:
        return ()
    shows = "What shows it: digests (sha256:…), one a line"
    evidence = Field("evidence", shows, "text", required=False, most=2000)
    return (Field("step", "Which step", "pick", tuple(under_way)), *role_field(seen), evidence)


_VALUES: Final = tuple((matter.value, takes) for matter, takes in TAKES.items())


def _determine(seen: Seen) -> tuple[Field, ...]:
    legal = LEGAL_ROLES | {DPO}
    if not seen.clocks.clocks or not legal & set(seen.who.roles):
        return ()
    whole = tuple((regime, f"all of {regime}") for regime in seen.clocks.regimes)
    clocks = (
        *((row.id, f"{row.id}: {row.definition.instrument}") for row in seen.clocks.clocks),
        *whole,
    )
    matters = tuple((matter.value, plain(matter.value)) for matter in Matter)
    reference = "The receipt of a filing, or a candidate's source"
    return (
        Field("clock", "Which clock", "pick", clocks),
        Field("what", "What", "pick", matters),
        Field("value", "Value", hints=_VALUES),
        Field("reference", reference, required=False, most=500),
        *role_field(seen, legal),
    )


def _break_glass(seen: Seen) -> tuple[Field, ...]:
    if seen.who.person not in seen.break_glass:
        return ()
    gates = tuple(
        (f"{gate.policy.id} {gate.nonce}", f"{plain(gate.policy.id)}: {gate.policy.asks}")
        for gate in seen.view.gates
        if gate.policy.on_silence is not OnSilence.STAND
    )
    return (Field("asked", "At which question", "pick", gates),) if gates else ()


def _suspect(seen: Seen) -> tuple[Field, ...]:
    names = frozenset(NAMES_SUSPECTS)
    if not names & set(seen.who.roles):
        return ()
    return (Field("person", "Who, by their id in hemostat.toml"), *role_field(seen, names))


# What a filled form becomes


def _of(model: type[Frozen]) -> Callable[[Given], Said]:
    def made(given: Given) -> Said:
        known = {name: value for name, value in given.items() if name in model.model_fields}
        said: Said = model.model_validate(known)  # type: ignore[assignment] # each is one of Said
        return said

    return made


def _attested(given: Given) -> Said:
    known = {name: given[name] for name in ("step", "role", "reason") if name in given}
    digests = tuple(given.get("evidence", "").split())
    return words.Attest.model_validate({**known, "evidence": digests})


def _broken(given: Given) -> Said:
    gate, _, nonce = given.get("asked", "").partition(" ")
    return words.BreakGlass(gate=gate, nonce=nonce, reason=given.get("reason", ""))


_ALL: Final = (
    Form(
        "draft", "Write a text anew", "Another text for what is asked to be sent, or was rejected. It decides nothing: the question is asked again, about exactly your text, and somebody else approves it.",
        "Put this text forward", True, _draft, _of(words.Redraft),
    ),
    Form(
        "determine", "Determine a legal clock", "Whether a law applies, from when its time runs, what was filed. Nothing of it is ever decided by the machine.",
        "Determine it", True, _determine, _of(words.Determine), not_a_value,
    ),
    Form(
        "attest", "Say that a step was done by hand", "A containing step was done outside. The machine does not act, and proves it as any other; until then it counts as not proven.",
        "It was done", False, _attest, _attested,
    ),
    Form(
        "grade", "Say what became known, or set the severity", "Facts raise the severity by themselves. Only the commander lowers it.",
        "Say it", False, grading.fields, grading.said,
    ),
    Form(
        "withdraw", "Take back an approval of yours", "It can be taken back until it is used; the question is open again then.",
        "Take it back", False, _withdraw, _of(words.Withdraw),
    ),
    Form(
        "break-glass", "Break the glass", "You may then decide alone at this question, for a time. The CISO is paged, and the incident does not close before somebody else has reviewed it.",
        "Break the glass", True, _break_glass, _broken,
    ),
    Form(
        "suspect", "Exclude a person", "They and their delegates take no part in this incident any more, and see none of it. It cannot be taken back.",
        "Exclude them for good", True, _suspect, _of(words.Suspect), nobody_known,
    ),
)  # fmt: skip
FORMS: Final[Mapping[str, Form]] = {form.name: form for form in _ALL}
