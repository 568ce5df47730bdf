"""What is filed with authorities: drafted, rewritten after a no, and agreed to beforehand.

A notification is drafted for each clock that applies and leaves as two approved it. A text that
was rejected never leaves; counsel writes another while the clock goes on. Where the law takes an
incomplete first notification, two may agree beforehand that exactly this text is filed when 15 %
of the clock's time is left and nothing else was; nobody's silence alone ever files. That it was
filed is counsel's to record, with the authority's own receipt: our mail is none.
"""

from functools import partial
from typing import Final

from pydantic import JsonValue

from schemas.ports.disclosure import Receipt
from workflows.engine.drafting import Letter, PreAuthorisation
from workflows.exfiltration import gates, words
from workflows.exfiltration.classification import Classification

DRAFTED: Final = "filings are drafted anew, or agreed to beforehand"
WHEN: Final = "when 15 % of the clock's time is left and no other notification was sent"


def never() -> bool:
    """A completion is owed until it is sent."""
    return False


class Filings(Classification):
    """One notification a clock, and its completion."""

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
        letter = Letter(
            title=title,
            statement=f"filing/{clock}/{which}",
            audience=audience,
            subject=f"{which.capitalize()} notification, case {facts.case}",
            text=self.remembered(f"text {title}", words.filing(facts, definition, which)),
        )
        agree = gates.about(gates.FILE if which == "initial" else gates.COMPLETE, clock)
        if not self.follows(DRAFTED):
            receipt = await self.disclose(
                title,
                statement=letter.statement,
                audience=audience,
                subject=letter.subject,
                text=letter.text,
                agree=agree,
            )
        elif which == "initial" and definition.initial_incomplete_ok:
            receipt = await self.file_in_time(letter, clock)
        else:
            over = partial(self.nothing_owed, clock) if which == "initial" else never
            receipt = await self.disclose_as_drafted(letter, agree=agree, unless=over)
        facts.sent.append(f"{audience}, {which} under {clock}: {words.sent(receipt)}")
        if receipt is not None:
            data: dict[str, JsonValue] = {"clock": clock, "sent_as": receipt.receipt}
            says = f"Sent under {clock}: counsel records the authority's receipt as `filed`"
            self.finding(f"sent {title}", says, data)

    async def file_in_time(self, letter: Letter, clock: str) -> Receipt | None:
        """The first notification, as approved; else, at the last, as agreed to beforehand."""
        agree, before = gates.about(gates.FILE, clock), gates.about(gates.PRE_AUTHORISE, clock)
        due: list[PreAuthorisation] = []
        if not self.is_settled(letter):
            self.alongside(f"Stand by for {clock}", self.stand_by(letter, clock, due))
        receipt = await self.disclose_as_drafted(
            letter,
            agree=agree,
            unless=lambda: bool(due) or self.nothing_owed(clock),
            falls_with=before.id,
        )
        if receipt is None and due:
            receipt = await self.disclose_by_policy(due[0])
        self.gates.fall_away(before.id)
        return receipt

    async def stand_by(self, letter: Letter, clock: str, due: list[PreAuthorisation]) -> None:
        """Offer to agree beforehand, to each text until one is agreed to; then wait for its time."""
        agree, before = gates.about(gates.FILE, clock), gates.about(gates.PRE_AUTHORISE, clock)
        turn, by = 1, None
        while not self.is_settled(letter):
            given = await self.pre_authorised(letter, agree=before, turn=turn, when=WHEN, by=by)
            void = partial(self.is_void, letter, agree.id)
            if given and await self.until_last_stretch(clock, unless=void):
                if not self.is_settled(letter) and self.goes_by(given, instead_of=agree.id):
                    due.append(given)
                return
            await self.until(partial(self.is_overtaken, letter, agree.id))
            newest = self.drafts.newest(agree.id)
            if newest is not None:
                letter, turn, by = letter.saying(newest.text), turn + 1, newest.actor

    def is_void(self, letter: Letter, gate: str) -> bool:
        """Whether what was agreed to beforehand is not to be sent: rejected since, or sent."""
        return self.is_settled(letter) or self.drafts.was_rejected(gate, letter.text)

    def is_overtaken(self, letter: Letter, gate: str) -> bool:
        """Whether there is another text by now, or one was sent."""
        newest = self.drafts.newest(gate)
        return self.is_settled(letter) or (newest is not None and newest.text != letter.text)

    def authority(self, clock: str) -> str | None:
        """Where a filing goes: by the clock's id, else by its regime."""
        known = self.parameters.authorities
        fitting = [name for name in known if clock == name or clock.startswith(f"{name}-")]
        return known[max(fitting, key=len)] if fitting else None

    def continued_by_another(self, clock: str) -> bool:
        """Whether the rest is due under a clock of its own, which starts with this filing."""
        return any(other.definition.starts_at.clock == clock for other in self.legal_clocks())
