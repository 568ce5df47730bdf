"""Disclosures that people may rewrite, and one that they agree to beforehand.

A rejected text never leaves; a new draft is asked for anew, for as long as it is still owed. Two
people may agree beforehand that one exact text leaves by itself at a certain time if nothing else
has: silence then executes what they decided, and the record names that decision. Without it
nothing ever leaves by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from schemas.canonical import digest_bytes
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.journal import Kind
from schemas.ports.disclosure import Disclose, Receipt, send_disclosure
from schemas.step import StepClass
from workflows.engine import commands
from workflows.engine.consent import Consent, was_sent
from workflows.engine.evidence import of_sent
from workflows.engine.steps import Step, do


@dataclass(frozen=True)
class Letter:
    """What is to leave: *statement* is its name for good, whatever its text becomes."""

    title: str
    statement: str
    audience: str
    subject: str
    text: str

    def saying(self, text: str) -> "Letter":
        """Return this letter with another text."""
        return Letter(self.title, self.statement, self.audience, self.subject, text)

    @property
    def digest(self) -> str:
        """The digest of its text."""
        return digest_bytes(self.text.encode())


@dataclass(frozen=True)
class PreAuthorisation:
    """Two agreed that exactly this letter leaves by itself; *reference* is the decision's nonce."""

    letter: Letter
    gate: str
    reference: str

    def record(self) -> dict[str, JsonValue]:
        """What the journal says of it."""
        return {
            "pre_authorisation": self.gate,
            "pre_authorised_as": self.reference,
            "pre_authorised_text": self.letter.digest,
        }


class Drafting(Consent):
    """The verbs for what leaves after more than one draft."""

    async def disclose_as_drafted(
        self,
        letter: Letter,
        *,
        agree: GatePolicy,
        unless: Callable[[], bool],
        falls_with: str = "",
    ) -> Receipt | None:
        """Send the letter as two approved it, in its first text or a later draft.

        None: *unless* became true first. *falls_with* is a gate about the same text, which a new
        draft closes as well.
        """
        step, gate = self._id(letter.title), agree.id
        if step in self._results:
            kept = self._results[step]
            return None if kept is None else Receipt.model_validate(kept)
        at = self._kept(f"drafts of {step}", {"text": letter.text, "by": None, "turn": 1})
        self.drafts.expect(gate, (*agree.roles, *agree.ladder))
        while not unless():
            now = letter.saying(at["text"])
            outcome = await self._outcome_of(now, agree, at["turn"], at["by"])
            if outcome is Outcome.APPROVED:
                self.drafts.settled(gate)
                return await self._send(now)
            if outcome is Outcome.REJECTED and not self.drafts.was_rejected(gate, now.text):
                self.drafts.reject(gate, now.text)
            await self._until_redrafted(now, agree, outcome, unless)
            newest = self.drafts.newest(gate)
            if newest is not None and newest.text != now.text:
                at |= {"text": newest.text, "by": newest.actor, "turn": at["turn"] + 1}
                self.gates.fall_away(falls_with)
        self.drafts.settled(gate)
        return None

    async def _outcome_of(
        self, letter: Letter, agree: GatePolicy, turn: int, by: str | None
    ) -> Outcome:
        step = self._id(letter.title)
        policy = agree.for_class(StepClass.DISCLOSE)
        kept = self._results.get(f"gate {step} {turn}")
        if kept is None:
            wrote = (by,) if by else ()
            shown = self._exhibit(letter, turn)
            kept = (await self.ask(policy, shown, requesters=wrote)).value
            self._results[f"gate {step} {turn}"] = kept
        return Outcome(str(kept))

    def _exhibit(self, letter: Letter, turn: int) -> dict[str, JsonValue]:
        request = _request(letter)
        return {
            "step": letter.title,
            "class": StepClass.DISCLOSE.value,
            "draft": turn,
            "acts": [{"port": send_disclosure.name, "request": request.model_dump(mode="json")}],
            "evidence": self.evidence.digests()[:100],
            "missing": self.evidence.gaps(),
        }

    async def _until_redrafted(
        self, letter: Letter, agree: GatePolicy, outcome: Outcome, unless: Callable[[], bool]
    ) -> None:
        """After a no: wait for another text; whoever may write it is told, the clocks go on."""
        gate = agree.id

        def redrafted() -> bool:
            newest = self.drafts.newest(gate)
            return unless() or (newest is not None and newest.text != letter.text)

        if redrafted():
            return
        if outcome is not Outcome.WITHDRAWN:  # else the incident winds up
            says = f"{letter.title}: not sent as it was written; a new draft is awaited"
            self.record.skip(self._id(letter.title), letter.title, StepClass.DISCLOSE)
            self.record.write(Kind.FINDING, says, data={"rejected": letter.digest})
            self.pager.call(agree.roles[0], f"draft-{gate}-{letter.digest[7:19]}", says)
            self.record.waiting[gate] = agree.roles
            self.record.publish()
        await commands.until(redrafted)
        self.record.waiting.pop(gate, None)
        self.record.publish()

    async def _send(self, letter: Letter, **by_policy: JsonValue) -> Receipt | None:
        """Send what was agreed to; what was sent is evidence."""
        step, request = self._id(letter.title), _request(letter)
        acts = [do(send_disclosure, request)]
        answers = await self._carry_out(
            Step(step, letter.title, StepClass.DISCLOSE, acts, was_sent(request))
        )
        self._results[step] = answers[0].model_dump(mode="json") if answers else None
        if not answers:
            return None
        receipt: Receipt = answers[0]
        data = {**of_sent(receipt), **by_policy}
        self.record.write(Kind.EVIDENCE, f"Sent: {letter.title}", step=step, data=data)
        return receipt

    # Agreed beforehand

    async def pre_authorised(
        self, letter: Letter, *, agree: GatePolicy, turn: int, when: str, by: str | None
    ) -> PreAuthorisation | None:
        """Offer to agree beforehand to exactly this text; None: nobody did, or people said no.

        A standing offer: it asks nothing of anybody, and nothing happens without it.
        """
        policy = agree.for_class(StepClass.DISCLOSE)
        if policy.on_silence is not OnSilence.STAND or policy.quorum < 2:
            raise ValueError(f"{policy.id}: agreeing beforehand takes two, by a standing offer")
        name = f"agreed beforehand {self._id(letter.title)} {turn}"
        if name not in self._results:
            shown = {**self._exhibit(letter, turn), "when": when}
            outcome = await self.ask(policy, shown, requesters=(by,) if by else ())
            asked = self.gates.state(policy.id)
            agreed = outcome is Outcome.APPROVED and asked is not None
            self._results[name] = asked.nonce if agreed and asked is not None else ""
        reference = str(self._results[name])
        return PreAuthorisation(letter, policy.id, reference) if reference else None

    def goes_by(self, given: PreAuthorisation, instead_of: str) -> bool:
        """The time has come: the gate that nobody settled, if it is open, proceeds by policy.

        False: another text was approved just now, and leaves.
        """
        asked = self.gates.state(instead_of)
        if asked is not None and asked.outcome is Outcome.APPROVED:
            return False
        self.gates.proceed(instead_of, given.record())
        once = self._kept(f"by policy {self._id(given.letter.title)}", {})
        if not once:
            once["recorded"] = True
            by_policy = Outcome.PROCEEDED_BY_POLICY.value
            says = f"{given.letter.title}: {by_policy}, as two agreed beforehand"
            self.record.write(Kind.FINDING, says, data={"outcome": by_policy, **given.record()})
        return True

    async def disclose_by_policy(self, given: PreAuthorisation) -> Receipt | None:
        """Send the text that two agreed to beforehand, unless something was sent."""
        step = self._id(given.letter.title)
        if step in self._results:
            kept = self._results[step]
            return None if kept is None else Receipt.model_validate(kept)
        return await self._send(given.letter, **given.record())

    def is_settled(self, letter: Letter) -> bool:
        """Whether a text that people approved left or is leaving, or the step was given up."""
        step = self._id(letter.title)
        by_policy = f"by policy {step}" in self._results
        leaving = f"under way {step}" in self._results and not by_policy
        return step in self._results or leaving


def _request(letter: Letter) -> Disclose:
    return Disclose(
        statement=letter.statement,
        audience=letter.audience,
        subject=letter.subject,
        text=letter.text,
        text_digest=letter.digest,
    )
