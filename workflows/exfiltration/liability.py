"""The legal side of an exfiltration: what counsel determines, what is filed, what is said outside.

It goes on alongside the response from the first minute. Counsel determines clock by clock, also
that one does not apply, by ``determine``; a notification is drafted for each that does and leaves
as two approved it. That it was filed is counsel's to record, with the authority's own receipt: our
mail is none. The incident does not close while a clock runs or is undecided.
"""

from pydantic import JsonValue

from workflows.engine.intake import Heard
from workflows.exfiltration import gates, words
from workflows.exfiltration.suspects import Suspects


class Liability(Suspects):
    """Awareness, filings, statements."""

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

    async def notify(self, clock: str, facts: words.Facts) -> None:
        """File once it is owed: with what is known, and later with the rest."""
        first = f"File under {clock}"
        await self.until(lambda: self.owed(clock) or self.done_before(first))
        audience = self.authority(clock)
        if audience is None:
            says = f"{clock}: no authority is configured to write to: counsel files it"
            self.finding(f"no authority {clock}", says, {})
            return
        if not self.done_before(first):
            await self.file(first, clock, "initial", audience, facts)
        complete: bool = self.remembered(f"complete {clock}", facts.complete)
        if complete or not self.done_before(first) or self.continued_by_another(clock):
            return
        await self.until(lambda: facts.complete)
        await self.file(f"Complete under {clock}", clock, "complete", audience, facts)

    async def file(
        self, title: str, clock: str, which: str, audience: str, facts: words.Facts
    ) -> None:
        """One notification, as two approved it."""
        definition = self.clocks.ledger.clocks[clock].definition
        receipt = await self.disclose(
            title,
            statement=f"filing/{clock}/{which}",
            audience=audience,
            subject=f"{which.capitalize()} notification, case {facts.case}",
            text=self.remembered(f"text {title}", words.filing(facts, definition, which)),
            agree=gates.about(gates.FILE if which == "initial" else gates.COMPLETE, clock),
        )
        facts.sent.append(f"{audience}, {which} under {clock}: {words.sent(receipt)}")
        if receipt is not None:
            data: dict[str, JsonValue] = {"clock": clock, "sent_as": receipt.receipt}
            says = f"Sent under {clock}: counsel records the authority's receipt as `filed`"
            self.finding(f"sent {title}", says, data)

    def authority(self, clock: str) -> str | None:
        """Where a filing goes: by the clock's id, else by its regime."""
        known = self.parameters.authorities
        fitting = [name for name in known if clock == name or clock.startswith(f"{name}-")]
        return known[max(fitting, key=len)] if fitting else None

    def continued_by_another(self, clock: str) -> bool:
        """Whether the rest is due under a clock of its own, which starts with this filing."""
        return any(other.definition.starts_at.clock == clock for other in self.legal_clocks())

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
