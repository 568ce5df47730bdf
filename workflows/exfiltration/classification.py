"""Who it was: the person with the assistant, a hijacked assistant, or stolen credentials.

Misclassification is the usual failure, so nothing is concluded by itself: containment treats every
suspect as one, and two people determine, on the evidence that they are shown, alongside it. Until
then it is not determined, and said so. They may determine it anew; what was determined before
stays in the record. What it changes: whom the incident keeps out, whether it is a matter for HR,
and whether a covert case may stay scoped.
"""

from enum import StrEnum
from typing import Any, Final

from pydantic import JsonValue

from schemas.gate import GatePolicy, Outcome
from schemas.journal import Kind
from workflows.exfiltration import gates, words
from workflows.exfiltration.suspects import Suspects

CLASSIFIED: Final = "people determine who it was"


KEPT: Final = "classification"


class Cause(StrEnum):
    """What people determined."""

    NOT_DETERMINED = "not-determined"
    HUMAN = "human-with-assistant"
    HIJACKED = "assistant-hijacked"
    STOLEN = "stolen-credentials"
    UNDETERMINED = "undetermined"
    """People said no to each: the evidence shows none of them."""


NOT_THEIRS: Final = frozenset({Cause.HIJACKED, Cause.STOLEN})
"""Whoever the key belongs to did not do it."""


class Classification(Suspects):
    """Asks, records and acts on who it was."""

    @property
    def cause(self) -> Cause:
        """What people determined by now."""
        known: Any = self._results.get(KEPT, {})
        return Cause(known.get("cause", Cause.NOT_DETERMINED))

    def accuses(self, caller: str) -> bool:
        """Whether who holds this suspected key is suspected as a person.

        What people determined is about the suspects of then; a later one is suspected anew.
        """
        known: Any = self._results.get(KEPT, {})
        return caller not in known.get("cleared", ())

    def begin_to_classify(self, facts: words.Facts) -> None:
        """Beside the response: nothing that contains waits for it."""
        if self.follows(CLASSIFIED):
            facts.cause = self.cause.value
            self.alongside("Determine who it was", self.classify(facts))

    async def classify(self, facts: words.Facts) -> None:
        """Ask until people determine it; from then on they may at any time determine it anew."""
        known = self._kept(KEPT, {"cause": Cause.NOT_DETERMINED.value, "time": 1})
        while True:
            if not known.get("settled"):
                await self.determine(known)
                facts.cause = known["cause"]
            anew = await self.ask(gates.CLASSIFY_ANEW, {"determined": known["cause"]})
            if anew is Outcome.WITHDRAWN:  # the incident winds up
                return
            if anew is Outcome.APPROVED:
                known |= {"time": known["time"] + 1, "settled": False}

    async def determine(self, known: dict[str, Any]) -> None:
        """One question after the other; a no leads to the next, three to undetermined."""
        shown, policy = self.what_speaks(), gates.CLASSIFY
        cause = Cause.UNDETERMINED
        for asked in (Cause.HUMAN, Cause.HIJACKED, Cause.STOLEN):
            policy = gates.classify_as(asked.value)
            outcome = await self._once(f"{known['time']} was it {asked.value}", policy, shown)
            if outcome is Outcome.WITHDRAWN:  # the incident winds up: it stays not determined
                await self.until(lambda: False)
            if outcome is Outcome.APPROVED:
                cause = asked
                break
        self.determined(known, cause, policy)
        known["settled"] = True
        known["cleared"] = self.suspects() if cause in NOT_THEIRS else []
        self.act_on(cause, known["time"])

    def what_speaks(self) -> dict[str, JsonValue]:
        """The evidence that it is determined on."""
        survey = self.survey_of_takings
        return {
            "suspects": [*self.suspects()],
            "named_by_alerts": [*self.named_by_alerts()],
            "takings": [
                {
                    "caller": use.caller,
                    "prompts": use.prompts,
                    "fingerprints": use.fingerprints,
                    "canaries": use.canaries,
                }
                for use in (survey.callers if survey else ())[:20]
            ],
            "evidence": self.evidence.digests()[:100],
            "missing": self.evidence.gaps(),
        }

    def determined(self, known: dict[str, Any], cause: Cause, policy: GatePolicy) -> None:
        """Record who determined what, on which exhibit."""
        asked = self.gates.state(policy.id)
        before, known["cause"] = known["cause"], cause.value
        data: dict[str, JsonValue] = {
            "cause": cause.value,
            "before": before,
            "exhibit": asked.digest if asked else None,
            "by": [{"actor": d.actor, "role": d.role} for d in asked.decisions] if asked else [],
        }
        self.record.write(Kind.FINDING, f"Determined who it was: {cause.value}", data=data)

    def act_on(self, cause: Cause, time: int) -> None:
        """Whom the incident keeps out, and whether it is a matter for HR."""
        persons = [self.parameters.persons.get(caller) for caller in self.suspects()]
        if cause in NOT_THEIRS:
            self.gates.fall_away(gates.HR.id)
            self.finding(f"no hr {cause.value}", "Not a matter for HR: nobody of ours did it", {})
            self.clear(*(person for person in persons if person))
        else:
            for caller in self.suspects():
                self.exclude(caller)
            if time > 1:  # HR may have been told that it is no matter of theirs
                self.pager.call("hr", f"who-it-was-{time}", gates.HR.asks)
