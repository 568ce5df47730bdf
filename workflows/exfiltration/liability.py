"""The legal side of an exfiltration: what counsel determines, what is filed, what is said outside.

It goes on alongside the response from the first minute. Counsel determines clock by clock, also
that one does not apply, by ``determine``; what is filed for each that does is ``filings``. The incident
does not close while a clock runs or is undecided.
"""

from typing import Any, Final

from schemas.ports import assistant
from schemas.step import StepState
from workflows.engine import Act, Proof, commands, do
from workflows.engine.intake import Heard
from workflows.exfiltration import gates, shown, words
from workflows.exfiltration.filings import Filings

HELD_OR_TOLD: Final = "a litigation hold is placed again until it is shown"
"""What older incidents go on without."""


class Liability(Filings):
    """The litigation hold, awareness, and statements."""

    def hold(self, facts: words.Facts) -> None:
        """Nothing of the log is deleted until counsel says so; nobody waits for it."""
        place, title = do(assistant.hold_logs, assistant.HoldLogs()), "Place the litigation hold"
        held = self.looks(shown.log_is_held(self.incident))
        if self.follows(HELD_OR_TOLD):
            self.alongside(title, self.place_hold(title, place, held, facts))
        else:
            self.beside(title, place, held)

    async def place_hold(
        self, title: str, place: Act[Any, Any], held: Proof, facts: words.Facts
    ) -> None:
        """Again until it is shown: logs expire, so counsel and the commander hear that it is not."""
        at = self._kept("litigation hold", {"turn": 1, "pause": 60})
        while True:
            named = title if at["turn"] == 1 else f"{title} ({at['turn']})"
            facts.held = await self.shows(named, place, held) is StepState.PROVEN
            if facts.held:
                return
            says = "The litigation hold is not shown to stand: place it by hand, logs expire"
            for role in ("commander", "counsel"):
                self.pager.call(role, f"litigation-hold-{role}", says)
            await commands.sleep(at["pause"], summary=f"{title}: again")
            at |= {"turn": at["turn"] + 1, "pause": min(2 * at["pause"], 1800)}

    def take_the_legal_side(self, facts: words.Facts) -> None:
        """Begin for every legal clock of the service; say so where none is declared."""
        if not self.legal_clocks():
            says = (
                "No legal regime is declared for this service: nobody is asked whether one applies"
            )
            self.finding("no regimes", says, {})
            return
        self.alongside("Note when somebody may have been aware", self.note_awareness())
        for clock in self.legal_clocks():
            self.alongside(f"Notify under {clock.id}", self.notify(clock.id, facts))

    async def note_awareness(self) -> None:
        """Each alert and report is a moment of its own; which one counts is counsel's choice."""
        noted: list[Heard] = []
        while True:
            await self.until(lambda: len(self.intake.heard) > len(noted))
            for heard in self.intake.heard[len(noted) :]:
                basis = "a canary was seen" if heard.evidence.get("canaries") else "a report came"
                self.could_have_known(min(heard.received_at, self.now()), basis)
                noted.append(heard)

    async def state(self, facts: words.Facts) -> None:
        """Statements, each as three approved it: counsel, who speaks for us, who answers for us."""
        again = "" if self.round == 1 else f"/{self.round}"
        for audience in self.parameters.audiences:
            title = f"Tell {audience}"
            receipt = await self.disclose(
                title,
                statement=f"statement/{audience}{again}",
                audience=audience,
                subject=f"About case {facts.case}",
                text=self.remembered(f"text {title}", words.statement(facts, audience)),
                agree=gates.about(gates.STATE, audience),
            )
            facts.sent.append(f"{audience}: {words.sent(receipt)}")
