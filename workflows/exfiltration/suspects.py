"""Who is suspected, and what becomes of their access: each key by itself, with its own proof.

A suspect is named by an alert or by what was taken, at any time. One whom the service knows as a
person takes no part in the incident, nor does anyone to whom they delegated anything: they are in
no pool, no listing and no page, from before the first one. One task deals with all callers, one
after the other, and goes on for as long as the incident: later alerts are acted on at once.
"""

import asyncio
from typing import Final

from schemas.ports import assistant, callers
from schemas.step import StepState
from workflows.engine import Act, Stands, StepGivenUp, do
from workflows.exfiltration import shown, words
from workflows.exfiltration.credentials import Credentials

FOR_GOOD: Final = "a suspect's key is shown to be refused before the end"

NOT_REFUSED: Final = "a key that is not refused at the end is not said to be"


class Suspects(Credentials):
    """Finds suspects, keeps them out of the response, and refuses their keys."""

    dealing: "asyncio.Task[None]"

    def take_precautions(self) -> None:
        """Whom the first alerts name is out before anybody is called."""
        self.refused: list[str] = []
        self.revoked: list[str] = []
        self.survey_of_takings: assistant.ExtractionSurvey | None = None
        self.everything_goes = False  # whether the suspects' cloud access is revoked as well
        self.nobody_passes = False  # whether all callers' keys are refused, not the suspects' alone
        self.route_closed = False
        self.scoped = self.widened = False
        self.watching_uses = []
        for caller in self.named_by_alerts():
            self.exclude(caller)

    def exclude(self, caller: str) -> None:
        """Keep the person behind this caller out of the response, if known."""
        person = self.parameters.persons.get(caller)
        if person is not None and self.accuses(caller):
            self.suspect(person)

    def accuses(self, caller: str) -> bool:
        """Whether who holds this suspected key is suspected as a person: until people say no."""
        return True

    def suspects(self) -> list[str]:
        """Everyone suspected by now, those that alerts named first."""
        named = self.named_by_alerts()
        return named + [caller for caller in self.drained() if caller not in named]

    def named_by_alerts(self) -> list[str]:
        """Callers that the monitor named; what is no caller of ours is nobody."""
        named = (alert.labels.get("caller", "") for alert in self.intake.heard)
        return list(dict.fromkeys(c for c in named if c in self.parameters.callers))

    def drained(self) -> list[str]:
        """Callers whose answers held more marks than chance gives."""
        p, survey = self.parameters, self.survey_of_takings
        return [
            use.caller
            for use in (survey.callers if survey else ())
            if (use.fingerprints >= p.fingerprints or use.canaries) and use.caller in p.callers
        ]

    def peers(self) -> list[str]:
        """The callers whom nobody suspects."""
        suspects = self.suspects()
        return [caller for caller in self.parameters.callers if caller not in suspects]

    def surveying(self) -> Act[assistant.SurveyExtraction, assistant.ExtractionSurvey]:
        """Ask the assistant's log who got what."""
        window = assistant.SurveyExtraction(window=self.parameters.window)
        return do(assistant.survey_extraction, window)

    def took(self) -> list[str]:
        """The suspects whose prompts are in the log: theirs can be asked again."""
        survey = self.survey_of_takings
        asked = {use.caller for use in (survey.callers if survey else ()) if use.prompts}
        return [caller for caller in self.suspects() if caller in asked]

    # One task deals with them, the response waits until it has

    def begin_to_deal(self, facts: words.Facts) -> None:
        """Have later alerts acted on at once, whoever is being waited for by then."""
        self.dealing = self.alongside("Deal with whom alerts name", self.deal(facts))

    async def dealt_with(self) -> None:
        """Wait until nothing is left to do about anyone known by now."""
        await self.until(lambda: self.dealing.done() or not self.left_to_do())
        if self.dealing.done():
            self.dealing.result()

    def left_to_do(self) -> list[str]:
        """The callers whose key is to be refused, or access revoked, and is not yet."""
        suspects = self.suspects()
        wanted = [*suspects, *(self.peers() if self.nobody_passes else ())]
        left = [caller for caller in wanted if caller not in self.refused]
        if self.everything_goes:
            left += [caller for caller in suspects if caller not in (*self.revoked, *left)]
        return left

    async def deal(self, facts: words.Facts) -> None:
        """Refuse and revoke, caller by caller."""
        while True:
            await self.until(lambda: bool(self.left_to_do()))
            caller = self.left_to_do()[0]
            if caller in self.suspects():
                self.exclude(caller)
            if caller not in self.refused:
                await self.block(caller)
                self.refused.append(caller)
            elif caller not in self.revoked:
                await self.revoke_principal_of(caller, facts)
                await self.end_sessions_of(caller, facts)
                self.revoked.append(caller)

    async def block(self, caller: str) -> bool:
        """Refuse one caller's key; the others' pass as before, while any is to pass."""
        block = callers.BlockCaller(caller=caller)
        others = [] if self.nobody_passes else self.peers()[:2]
        outside = [] if self.route_closed else [shown.caller_is_refused(caller)]
        again = [] if self.route_closed else [shown.caller_passes(caller)]
        return await self.contain(
            refusal(caller),
            do(callers.block_caller, block),
            proof=self.looks(
                *outside,
                shown.caller_is_blocked(self.incident, caller),
                *(shown.caller_passes(other) for other in others),
            ),
            undo=[do(callers.unblock_caller, block)],
            undo_proof=self.looks(shown.caller_is_not_blocked(self.incident, caller), *again),
            stands=Stands(
                by=self.looks(
                    shown.caller_is_blocked(self.incident, caller), shown.caller_stays_out(caller)
                )
            ),
        )

    async def refused_for_good(self) -> None:
        """Before the end: each suspect's key is refused still, and none was given in its place.

        A key that is not is blocked anew; nobody is let out of the incident past it unseen.
        """
        if not self.follows(FOR_GOOD):
            return
        await self.until(lambda: all(task.done() for task in self.watching_uses))
        await self.dealt_with()
        for caller in self.suspects():
            await self.show_again(caller)

    async def show_again(self, caller: str) -> None:
        """Look once more, from outside as far as anybody is let in there."""
        outside = [] if self.route_closed else [shown.caller_is_refused(caller)]
        proof = self.looks(shown.caller_is_blocked(self.incident, caller), *outside)
        read = do(callers.read_caller, callers.ReadCaller(caller=caller))
        state = await self.shows(f"Show again that {caller} is refused", read, proof)
        if state is not StepState.PROVEN:
            self.unproven(refusal(caller), "it was not refused any more at the end")
            block = do(callers.block_caller, callers.BlockCaller(caller=caller))
            again = await self.contain_again(refusal(caller), block, proof=proof)
            if not again and self.follows(NOT_REFUSED):
                says = f"The key {caller} is NOT shown to be refused when the incident closes"
                self.finding(f"for good {caller}", says, {"caller": caller})
                return
        stays = "stays refused when the incident closes; nothing here gives another in its place"
        self.finding(f"for good {caller}", f"The key {caller} {stays}", {"caller": caller})

    async def revoke_principal_of(self, caller: str, facts: words.Facts) -> None:
        """What the same person holds in the cloud; given up, it is said and the rest goes on."""
        principal = self.parameters.callers[caller]
        if not principal:
            return
        try:
            await self.revoke(principal, facts)
        except StepGivenUp as error:
            facts.credentials.append(f"keys of {principal}: NOT REVOKED")
            self.finding(f"not revoked {principal}", f"Not revoked: {error.what}", {})

    async def end_sessions_of(self, caller: str, facts: words.Facts) -> None:
        """What the same person is signed in with; given up, it is said and the rest goes on."""
        if caller not in self.parameters.sessions:
            return
        try:
            await self.end_sessions(caller, facts)
        except StepGivenUp as error:
            facts.credentials.append(f"sessions of {caller}: NOT ENDED")
            self.finding(f"not ended {caller}", f"Not ended: {error.what}", {})


def refusal(caller: str) -> str:
    """The title of the step that refuses a caller's key."""
    return f"Block the key {caller}"
