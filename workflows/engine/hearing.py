"""What people say at gates: ``decide``, ``withdraw`` and ``break-glass``, counted or refused.

A refusal has a reason and is in the journal; nothing a signal carries raises here. Where the
incident has keys, what is not proven to be a person's is not looked at further. With people
declared, a decision's entry holds by what right it was made and who else could have made it then.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import JsonValue, ValidationError
from temporalio import workflow

from schemas.base import Frozen, iso
from schemas.gate import BreakGlassUse, Choice, Decision, GatePolicy, Refusal, Withdrawal
from schemas.gate_state import GateState
from schemas.journal import Kind
from workflows.engine.gates import Gates
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.speakers import Speakers, Voice

Said = TypeVar("Said", bound=Frozen)


def understood(model: type[Said], raw: object, record: Record) -> Said | None:
    """Return *raw* as *model*; None, and a refusal in the journal, if it is malformed."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = [".".join(str(part) for part in e["loc"]) or "signal" for e in error.errors()]
        refused(record, Refusal.MALFORMED, {"fields": [field[:60] for field in wrong[:8]]})
        return None


def refused(record: Record, refusal: Refusal, data: dict[str, JsonValue]) -> None:
    """Note that what somebody said changed nothing, and why."""
    record.write(
        Kind.REFUSED,
        f"A decision changed nothing: {refusal.value}",
        data={"refusal": refusal.value, **data},
    )


class Hearing:
    """Takes what people say at the gates of one incident."""

    def __init__(
        self,
        record: Record,
        gates: Gates,
        people: People,
        speakers: Speakers,
        glass_broken: Callable[[BreakGlassUse, str], None],
    ) -> None:
        self._record = record
        self._gates = gates
        self._people = people
        self._speakers = speakers
        self._glass_broken = glass_broken

    def decide(self, raw: object) -> None:
        """Take one ``decide`` signal, whatever it holds; refuse with a reason or count it."""
        decision = understood(Decision, raw, self._record)
        if decision is None:
            return
        who: dict[str, JsonValue] = {
            "gate": decision.gate,
            "actor": decision.actor,
            "role": decision.role,
            "choice": decision.choice.value,
            "reason": decision.reason,
            "decision": decision.decision_id,
        }

        def weighed(voice: Voice) -> Refusal | None:
            short = voice.falls_short(self._policy(decision.gate))
            return short or self._gates.decide(decision)

        counted = self._counted("decide", decision, who, weighed)
        if counted is None:
            return
        verb = "approved" if decision.choice is Choice.APPROVE else "rejected"
        self._record.write(
            Kind.DECISION,
            f"{decision.role} {verb} at gate {decision.gate}",
            # In the order that recorded histories have it: the archived journal is text.
            data={
                **who,
                "digest": decision.digest,
                **counted,
                **self._right(decision.gate),
            },
        )

    def _counted(
        self,
        signal: str,
        said: Decision | Withdrawal | BreakGlassUse,
        who: dict[str, JsonValue],
        weighed: Callable[[Voice], Refusal | None],
    ) -> dict[str, JsonValue] | None:
        """What the journal keeps of what counts; None, and a refusal in it, of what does not."""
        voice = self._speakers.admit(signal, said, _named(who))
        if voice is None:
            return None
        refusal = weighed(voice)
        if refusal is not None:
            refused(self._record, refusal, {**who, **voice.record()})
            return None
        return {**who, "statement": said.statement, **voice.record()}

    def _policy(self, gate: str) -> GatePolicy | None:
        state = self._gates.state(gate)
        return state.policy if state else None

    def _right(self, gate: str) -> dict[str, JsonValue]:
        """By what right the last decision was made, and who might have decided then."""
        sitting, state = self._people.sitting(), self._gates.state(gate)
        if sitting is None or state is None or not state.standings:
            return {}
        able = state.may_decide(sitting, workflow.now())
        return {
            "standing": state.standings[-1].model_dump(mode="json"),
            "roster": [[s.person, s.role, s.claim.value] for s in able[:100]],
        }

    def withdraw(self, raw: object) -> None:
        """Take one ``withdraw`` signal: an approval is taken back while it is not used."""
        said = understood(Withdrawal, raw, self._record)
        if said is None:
            return
        who: dict[str, JsonValue] = {
            "gate": said.gate,
            "actor": said.actor,
            "reason": said.reason,
            "withdraws": said.decision_id,
            "decision": said.withdrawal_id,
        }

        def weighed(voice: Voice) -> Refusal | None:
            return voice.lacks_own_key(self._policy(said.gate)) or self._gates.take_back(said)

        counted = self._counted("withdraw", said, who, weighed)
        if counted is not None:
            says = f"An approval at gate {said.gate} was taken back"
            self._record.write(Kind.DECISION, says, data=counted)

    def break_glass(self, raw: object) -> None:
        """Take one ``break-glass`` signal; it lets a declared person decide alone, for a time."""
        said = understood(BreakGlassUse, raw, self._record)
        if said is None:
            return
        who: dict[str, JsonValue] = {
            "gate": said.gate,
            "actor": said.actor,
            "reason": said.reason,
            "decision": said.use_id,
        }
        broken: list[GateState] = []

        def weighed(voice: Voice) -> Refusal | None:
            answer = self._too_weak(voice, said.gate) or self._gates.break_glass(said)
            if not isinstance(answer, GateState):
                return answer
            broken.append(answer)
            return None

        counted = self._counted("break-glass", said, who, weighed)
        if counted is None:
            return
        until = iso(broken[0].glass[-1].until)
        says = f"The glass was broken at gate {said.gate}: one person may decide alone"
        self._record.write(Kind.DECISION, says, data={**who, "until": until, **counted})
        self._glass_broken(said, until)

    def _too_weak(self, voice: Voice, gate: str) -> Refusal | None:
        """Who breaks the glass proves afresh who they are, at any gate."""
        return voice.falls_short(self._policy(gate)) or voice.lacks_step_up()


def _named(who: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What a refusal tells of someone unknown: whom they named, and none of their words."""
    return {name: value for name, value in who.items() if name != "reason"}
