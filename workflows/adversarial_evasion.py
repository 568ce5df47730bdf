"""Adversarial evasion: stickers make an image moderation model approve what it should reject.

Read ``respond`` aloud: it is the procedure. What each step must show stands below it. No picture
is in any payload here: pictures are hashes. Thresholds are proposals, tunable per service in
hemostat.toml; phases are those of NIST SP 800-61r2, the technique ids MITRE ATLAS 2026.09.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from schemas.base import iso
from schemas.containment_rule import ContainmentRuling, Scores, isolate_first
from schemas.evasion_rule import Level, LevelRuling, level_for
from schemas.evidence import Sealed
from schemas.gate import Outcome
from schemas.incident import Phase, Resolution, Severity
from schemas.journal import Kind
from schemas.ports import accounts, disclosure, gateway, moderation, paging, tickets, vault
from workflows.engine import Act, Proof, Stands, StepGivenUp, checks, commands, do, playbook
from workflows.engine.looking import GOES_ON
from workflows.engine.undo import UNDO_IS_SHOWN
from workflows.evasion import shows
from workflows.evasion.gates import (
    ACKNOWLEDGE,
    BLOCK,
    CLOSE,
    HOLD_UPLOADS,
    PROVIDE_SET,
    RETRAIN,
    SWEEP,
    TO_FALLBACK,
)
from workflows.evasion.legal import FLAGS
from workflows.evasion.parameters import Parameters
from workflows.evasion.recovery import FALLBACK, HOLD, SECOND_LOOKS, Recovery

TEAM = ("secops", "ml-on-call", "devops", "trust-and-safety", "legal")
PATTERN = "Identify the pattern"
BLOCKED = "Block the accounts"

WHO_CAME = "roles that nobody answers for are told"
MEETS_THE_HOLD = "uploads are held where they meet the hold itself"
COUNTED_BEFORE = "as many are re-scanned as were counted before"
ATTACKED_ANEW = "a hardened version is judged by what attacks it anew, on enough pictures"
"""What older incidents go on without."""

UNKNOWN = moderation.Pattern(misses=0)
"""What is known of the pattern where nothing is."""


@playbook(
    id="adversarial-evasion",
    title="Adversarial evasion of an image moderation model",
    capabilities=(accounts, disclosure, gateway, moderation, paging, tickets, vault),
    parameters=Parameters,
    atlas=("AML.T0043", "AML.T0042", "AML.T0015", "AML.T0040", "AML.T0048.003"),
    csf=("RS.MA-02", "RS.AN-03", "RS.AN-06", "RS.AN-07", "RS.MI-01", "RS.MI-02", "RC.RP"),
)
class AdversarialEvasion(Recovery):
    """Stickers make an image moderation model approve what it should reject."""

    pattern = UNKNOWN

    async def respond(self) -> Resolution:
        """Contain, prove, understand, block, sweep, harden, recover, debrief."""
        self.record.grade(Severity.SEV2, "explicit pictures pass moderation")
        self.assemble()
        self.seal(*self.volatile_evidence())
        self.watch(FLAGS, do(moderation.watch_flagged, moderation.WatchFlagged()), self.legal_path)

        proven = await self.may_contain(self.rule()) and await self.second_looks()
        pattern = await self.contain_by_the_pattern(second_looks_proven=proven)
        await self.block_accounts(pattern)

        self.ticket("root-cause", f"Stickers evade moderation since {iso(self.since(pattern))}")
        self.record.enter(Phase.ERADICATION)
        await self.sweep(pattern)
        hardened = await self.retrain()
        if hardened is None:
            raise StepGivenUp("no hardened version: the containment stays")

        await self.recover(hardened)
        await self.law_is_served()
        await self.agreed_to_close(CLOSE, {"severity": self.record.severity.value})
        return Resolution.RESOLVED

    # 1 Assemble, 2 seal safely

    def assemble(self) -> None:
        """Call the commander, and everyone who is needed."""
        self.call(ACKNOWLEDGE, "Explicit pictures pass moderation")
        for role in TEAM:
            self.pager.call(role, f"assemble-{role}", "Needed: explicit pictures pass moderation")
        if self.follows(WHO_CAME):
            self.alongside("See who came", self.see_who_came())

    async def see_who_came(self) -> None:
        """Whoever nobody answered for by then is the commander's to find."""
        due = self.moment("the team was called") + self.parameters.team_within
        left = max((due - self.now()).total_seconds(), 0.001)
        await commands.sleep(left, summary="until the team is to be there")
        silent = [role for role in TEAM if not self.pager.answered(role)]
        if silent:
            says = f"Called, and nobody answered for: {', '.join(silent)}"
            self.finding("silent", says, {"roles": [*silent]})
            self.page_commander("silent-team", says)

    def volatile_evidence(self) -> list[Act[Any, Sealed]]:
        """Hashes in clear, originals locked, flagged items untouched; the gateway as it is."""
        seal = moderation.SealModeration(window=self.parameters.window)
        return [do(moderation.seal_moderation, seal), do(gateway.seal_edge, gateway.SealEdge())]

    def flagged(self) -> bool:
        """Whether anything was flagged, by an alert or by our own watch."""
        alert = self.intake.first_firing()
        by_alert = alert is not None and alert.evidence.get("apparent_csam", 0.0) >= 1
        return by_alert or self.record.severity is Severity.SEV1

    # 3 Identify the pattern

    async def contain_by_the_pattern(self, *, second_looks_proven: bool) -> moderation.Pattern:
        """Containing further waits for no analysis: one that fails leaves it not understood."""
        if not self.follows(GOES_ON):
            await self.identify_pattern()
            await self.contain_further(self.pattern, second_looks_proven=second_looks_proven)
            return self.pattern
        looking = self.alongside(PATTERN, self.identify_pattern())
        await self.until(lambda: looking.done() or self.is_stuck(PATTERN))
        known = self.remembered("contained by", self.pattern.model_dump(mode="json"))
        pattern = moderation.Pattern.model_validate(known)
        await self.contain_further(pattern, second_looks_proven=second_looks_proven)
        await looking
        return self.pattern

    async def identify_pattern(self) -> None:
        """What the confirmed misses share, how well it works, and since when."""
        request = moderation.IdentifyPattern(window=self.parameters.window)
        seen = await self.try_to_observe(PATTERN, do(moderation.identify_pattern, request))
        self.pattern = seen or UNKNOWN
        if self.pattern.explained < 0.8:
            self.pager.call("ml-on-call", "pattern", "The misses are not explained by one pattern")

    def since(self, pattern: moderation.Pattern) -> datetime:
        """When the first such upload came, else a window before the alert."""
        if pattern.first_at is not None:
            return pattern.first_at
        alert = self.intake.first_firing()
        began = (alert.started_at or alert.received_at) if alert else self.moment("no alert")
        return began - self.parameters.window

    # 4 Contain: A at once, B and C by the rule

    def rule(self) -> ContainmentRuling:
        """Isolate first? Second looks cost little and end with one switch."""
        alert = self.intake.first_firing()
        measured = alert.evidence if alert else {}
        harm = 3 if measured.get("apparent_csam", 0.0) >= 1 else 2
        scores = Scores(harm=harm, uncertainty=2, business_cost=1, irreversibility=0)
        inputs: dict[str, JsonValue] = {**measured}
        return isolate_first(scores, inputs=inputs)

    async def second_looks(self) -> bool:
        """A: end auto-approval of what transforms decide otherwise; people decide."""
        p = self.parameters
        return await self.contain(
            SECOND_LOOKS,
            do(moderation.set_moderation_mode, moderation.SetMode(mode="review")),
            proof=self.looks.of(
                shows.nothing_evades(p.second_looks_budget), shows.decided_by("review")
            ),
            undo=[do(moderation.set_moderation_mode, moderation.SetMode(mode="auto"))],
            undo_proof=self.looks.of(shows.decided_by("auto")),
            stands=Stands(by=self.looks.of(shows.nothing_evades(p.second_looks_budget))),
        )

    async def contain_further(
        self, pattern: moderation.Pattern, *, second_looks_proven: bool
    ) -> None:
        """B and C, as far as the rule says and people do not object."""
        now = await self.try_to_observe(
            "Read the human queue", do(moderation.read_moderation, moderation.ReadModeration())
        )
        queue = now.queue_depth / max(now.queue_capacity, 1) if now else 1.0

        def ruled(fallback_proven: bool | None) -> LevelRuling:
            ruling = level_for(
                second_looks_proven=second_looks_proven,
                fallback_proven=fallback_proven,
                explained=pattern.explained,
                attack_success=pattern.attack_success,
                queue_share=queue,
                flagged=int(self.flagged()),
            )
            once = self.follows(GOES_ON)  # what was ruled stays ruled in a new run
            known = self._kept(f"{self._id('how far')} {fallback_proven}", {}) if once else {}
            if not known:
                known |= ruling.model_dump(mode="json")
                says = f"Contain how far? {ruling.level.value}: {'; '.join(ruling.because)}"
                self.record.write(Kind.RULE, says, data=ruling.model_dump(mode="json"))
            return LevelRuling.model_validate(known)

        first = ruled(None)
        if first.level is Level.A:
            return
        shown: dict[str, JsonValue] = {"ruling": first.model_dump(mode="json")}
        if not await self.choose(FALLBACK, TO_FALLBACK, shown):
            return
        second = ruled(await self.fall_back_to_rules(pattern))
        if second.level is not Level.C:
            return
        shown = {"ruling": second.model_dump(mode="json")}
        if await self._once(self._id(HOLD), HOLD_UPLOADS, shown) is Outcome.APPROVED:
            await self.hold_uploads()

    async def fall_back_to_rules(self, pattern: moderation.Pattern) -> bool:
        """B: conservative rules and the pattern's hash on the blocklist, for all traffic."""
        p = self.parameters
        blocklist = (pattern.phash,) if pattern.phash else ()
        fallback = moderation.SetMode(mode="fallback", blocklist=blocklist)
        return await self.contain(
            FALLBACK,
            do(moderation.set_moderation_mode, fallback),
            proof=self.looks.of(
                shows.nothing_evades(p.fallback_budget),
                shows.fallback_decides_everything(),
                shows.decided_by("fallback"),
            ),
            undo=[do(moderation.set_moderation_mode, moderation.SetMode(mode="review"))],
            undo_proof=self.looks.of(shows.decided_by("review")),
            stands=Stands(
                by=self.looks.of(
                    shows.nothing_evades(p.fallback_budget), shows.fallback_decides_everything()
                ),
                over=(SECOND_LOOKS,),
            ),
        )

    async def hold_uploads(self) -> None:
        """C: fail closed, at the gateway."""
        isolation = gateway.IsolateEndpoint(route=self.parameters.route)
        await self.contain(
            HOLD,
            do(gateway.isolate_endpoint, isolation),
            proof=self.looks.of(
                shows.everyone_meets_the_hold()
                if self.follows(MEETS_THE_HOLD)
                else shows.everything_is_held()
            ),
            undo=[do(gateway.restore_endpoint, isolation)],
            undo_proof=self.looks.of(checks.route_is_open(self.incident, isolation.route)),
            stands=Stands(over=(SECOND_LOOKS, FALLBACK)),
        )

    # 5 Block the actors

    async def block_accounts(self, pattern: moderation.Pattern) -> None:
        """The accounts that uploaded the pattern; the gateway ends it, also after the close."""
        if not pattern.accounts:
            return
        p = self.parameters
        until = self.moment("accounts are to be blocked") + p.block_for
        blocking = accounts.BlockAccounts(route=p.route, accounts=pattern.accounts, until=until)
        shown: dict[str, JsonValue] = {
            "accounts": list(pattern.accounts),
            "uploads": pattern.uploads,
            "until": iso(until),
        }
        if pattern.more_accounts:
            shown["more_accounts_that_are_not_blocked"] = pattern.more_accounts
            says = f"{pattern.more_accounts} more accounts uploaded it and are not blocked"
            self.finding("more accounts", says, {"more": pattern.more_accounts})
            self.pager.call("secops", "more-accounts", says)
        if not await self.choose(BLOCKED, BLOCK, shown):
            return
        await self.contain(
            BLOCKED,
            do(accounts.block_accounts, blocking),
            proof=self.looks.of(
                shows.accounts_are_out(p.route, pattern.accounts, held=self.holding)
            ),
            undo=[do(accounts.unblock_accounts, blocking)],
            undo_proof=self.looks.of(shows.accounts_pass_again(p.route, pattern.accounts))
            if self.follows(UNDO_IS_SHOWN)
            else None,
            stands=Stands(
                by=self.looks.of(shows.accounts_stay_out(p.route, pattern.accounts)), until=until
            ),
        )

    # 6 Sweep what was approved

    async def sweep(self, pattern: moderation.Pattern) -> None:
        """Everything approved since the first such upload is looked at again."""
        start, end = self.since(pattern), self.moment("sweep until")
        window = moderation.ApprovalWindow(start=start, end=end)
        affected = await self.try_to_observe(
            "Count what was approved", do(moderation.count_approvals, window)
        )
        if affected is not None and affected.approved == 0:
            return
        known = affected.approved if affected and self.follows(COUNTED_BEFORE) else 0
        again = moderation.RescanApprovals(start=start, end=end)
        swept = await self.destroy(
            "Sweep what was approved",
            do(moderation.rescan_approvals, again),
            agree=SWEEP,
            proof=lambda _: self.looks.of(shows.everything_was_rescanned(window, known)),
        )
        if swept is not None and swept.removed:
            self.explain(swept.removed)

    # 7 Harden: not without a set that was validated before

    async def retrain(self) -> moderation.Hardened | None:
        """Adversarial training; None where it may not start or did not hold."""
        if not await self.set_is_there():
            return None
        p = self.parameters
        request = moderation.RetrainHardened(set_digest=p.adversarial_set)

        def holds(made: moderation.Hardened) -> Proof:
            once = shows.Rhythm(1, p.look_every, timedelta(0))
            limits = (p.attack_success_at_most, p.clean_drop_at_most)
            shown = shows.hardened_holds(made.version, p.adversarial_set, *limits)
            if self.follows(ATTACKED_ANEW):
                shown = shows.withstands_anew(
                    shown,
                    adaptive_success_at_most=p.adaptive_success_at_most,
                    evaluated_at_least=p.evaluated_at_least,
                )
            return once.of(shown)

        return await self.destroy(
            "Retrain against stickers",
            do(moderation.retrain_hardened, request),
            agree=RETRAIN,
            proof=holds,
        )

    async def set_is_there(self) -> bool:
        """Whether the pinned set is there and validated; people provide it, or go without."""
        pinned, tries = self.parameters.adversarial_set, 0
        while True:
            tries += 1
            found = await self.try_to_observe(
                f"Find the adversarial set ({tries})",
                do(moderation.find_adversarial_set, moderation.FindAdversarialSet(digest=pinned)),
            )
            if found and found.usable:
                return True
            self.page_commander("adversarial-set", "Retraining cannot start: no adversarial set")
            shown: dict[str, JsonValue] = {"digest": pinned, "found": bool(found and found.found)}
            if not await self.choose(f"Provide the set ({tries})", PROVIDE_SET, shown):
                return False
