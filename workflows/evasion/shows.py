"""What can be shown of a moderation service: the looks that its proofs are made of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from schemas.base import Digest
from schemas.ports import accounts, moderation
from workflows.engine.proof import Check, Proof


@dataclass(frozen=True)
class Rhythm:
    """How often and how long to look."""

    polls: int
    every: timedelta
    within: timedelta

    def of(self, *checks: Check[Any, Any]) -> Proof:
        """The proof that all of *checks* hold, in this rhythm."""
        return Proof(checks, polls=self.polls, every=self.every, within=self.within)


def nothing_evades(false_positives_at_most: float) -> Check[Any, Any]:
    """The sealed adversarial set passes nowhere, and the benign one still passes."""
    return Check(
        "of the sealed adversarial set nothing passes as safe, benign pictures do",
        moderation.probe_sets,
        lambda _: moderation.ProbeSets(),
        lambda seen: (
            seen.passed == 0
            and seen.refused == 0
            and seen.false_positives <= false_positives_at_most
        ),
    )


def fallback_decides_everything() -> Check[Any, Any]:
    """Every answer says so itself."""
    return Check(
        "the fallback rules decide 100 % of the answers",
        moderation.probe_sets,
        lambda _: moderation.ProbeSets(),
        lambda seen: seen.by_fallback == seen.adversarial + seen.benign,
    )


def everything_is_held() -> Check[Any, Any]:
    """Fail closed: no picture of either set is decided at all."""
    return Check(
        "no upload is taken at the public edge",
        moderation.probe_sets,
        lambda _: moderation.ProbeSets(),
        lambda seen: seen.refused == seen.adversarial + seen.benign,
    )


def everyone_meets_the_hold() -> Check[Any, Any]:
    """As above, and by the hold itself: another refusal may be of the probe alone."""

    def holds(seen: moderation.SetsProbed) -> bool | None:
        uploads = seen.adversarial + seen.benign
        if seen.refused < uploads:
            return False
        return True if seen.held == uploads else None

    return replace(everything_is_held(), holds=holds)


def few_evade(share_at_most: float, false_positives_at_most: float) -> Check[Any, Any]:
    """A hardened model need not be perfect, but as good as it was said to be."""
    return Check(
        f"at most {share_at_most:.0%} of the sealed adversarial set pass, benign pictures do",
        moderation.probe_sets,
        lambda _: moderation.ProbeSets(),
        lambda seen: (
            seen.refused == 0
            and seen.passed <= share_at_most * seen.adversarial
            and seen.false_positives <= false_positives_at_most
        ),
    )


def decided_by(mode: moderation.Mode, champion: str | None = None) -> Check[Any, Any]:
    """The service says so when asked anew, and its human queue has room."""
    named = mode if champion is None else f"{mode} by version {champion}"
    return Check(
        f"uploads are decided in mode {named}, and the queue has room",
        moderation.read_moderation,
        lambda _: moderation.ReadModeration(),
        lambda seen: (
            seen.mode == mode
            and seen.queue_depth < seen.queue_capacity
            and champion in (None, seen.champion)
        ),
    )


@dataclass(frozen=True)
class Watchful:
    """Enhanced monitoring: what may be seen, and from how many on a share says something."""

    fn_rate_at_most: float
    audit_floor: int
    disagree_at_most: float
    transform_floor: int
    cluster_floor: int = 3

    def holds(self, seen: moderation.ModerationState) -> bool:
        """Whether nothing of it gives cause to fall back."""
        misses = seen.audit_n >= self.audit_floor and seen.fn_rate > self.fn_rate_at_most
        unstable = (
            seen.transform_n >= self.transform_floor
            and seen.transform_disagree > self.disagree_at_most
        )
        return not misses and not unstable and seen.cluster_items < self.cluster_floor


def audits_stay_quiet(now: Callable[[], datetime], watchful: Watchful) -> Check[Any, Any]:
    """What was approved since the first look is right, as people and transforms see it."""
    began: list[datetime] = []

    def ask(poll: int) -> moderation.ReadModeration:
        if poll == 0 or not began:
            began.append(now())
        return moderation.ReadModeration(since=began[-1])

    return Check(
        "audits, transforms and clusters stay quiet",
        moderation.read_moderation,
        ask,
        watchful.holds,
    )


def accounts_are_out(route: str, blocked: tuple[str, ...], *, held: bool) -> Check[Any, Any]:
    """Blocked from outside, and a legitimate account still passes.

    While uploads are *held* nobody passes: then a legitimate one meets the hold, and no block.
    """
    if held:
        says = (
            "the blocked accounts are refused at the public edge, a legitimate one meets the hold"
        )
    else:
        says = "the blocked accounts are refused at the public edge, a legitimate one is not"

    def holds(seen: accounts.AccountsProbed) -> bool:
        status = seen.legitimate_status
        others = status == 503 if held else status < 500 and status not in (0, 401, 403)
        return seen.knocked > 0 and seen.passed == 0 and others

    return Check(
        says,
        accounts.probe_accounts,
        lambda _: accounts.ProbeAccounts(route=route, accounts=blocked),
        holds,
    )


def accounts_stay_out(route: str, blocked: tuple[str, ...]) -> Check[Any, Any]:
    """Blocked from outside still, whether uploads are held meanwhile or taken again."""
    return Check(
        "the blocked accounts are refused at the public edge",
        accounts.probe_accounts,
        lambda _: accounts.ProbeAccounts(route=route, accounts=blocked),
        lambda seen: seen.knocked > 0 and seen.passed == 0,
    )


def accounts_pass_again(route: str, blocked: tuple[str, ...]) -> Check[Any, Any]:
    """None of them is refused any more; whether uploads are held is not their matter."""
    return Check(
        "the accounts are not refused at the public edge any more",
        accounts.probe_accounts,
        lambda _: accounts.ProbeAccounts(route=route, accounts=blocked),
        lambda seen: seen.passed == seen.knocked > 0,
    )


def everything_was_rescanned(
    window: moderation.ApprovalWindow, at_least: int = 0
) -> Check[Any, Any]:
    """As many as were approved, and nothing known to be explicit is left.

    *at_least* were counted before: a service that forgot them has re-scanned nothing.
    """
    return Check(
        "everything approved in the window was re-scanned",
        moderation.count_approvals,
        lambda _: window,
        lambda seen: (
            seen.rescanned == seen.approved
            and seen.left_over == 0
            and seen.approved + seen.removed >= at_least
        ),
    )


def hardened_holds(
    version: str, pinned: Digest, attack_success_at_most: float, clean_drop_at_most: float
) -> Check[Any, Any]:
    """Asked anew: on stickers that nobody trained on, and on clean pictures."""
    return Check(
        f"version {version} withstands held-out stickers and is as good on clean pictures",
        moderation.evaluate_hardened,
        lambda _: moderation.EvaluateHardened(version=version, set_digest=pinned),
        lambda seen: (
            seen.attack_success <= attack_success_at_most and seen.clean_drop <= clean_drop_at_most
        ),
    )


def withstands_anew(
    held_out: Check[Any, Any], *, adaptive_success_at_most: float, evaluated_at_least: int
) -> Check[Any, Any]:
    """As *held_out*, and attacked itself by who knows it; on too few pictures nothing is shown."""

    def holds(seen: moderation.Hardened) -> bool | None:
        withstands = seen.adaptive_attack_success <= adaptive_success_at_most
        if not (held_out.holds(seen) and withstands):
            return False
        return True if seen.n >= evaluated_at_least else None

    return replace(held_out, says=f"{held_out.says}, and a new attack on itself", holds=holds)


def items_are_held(digests: tuple[str, ...]) -> Check[Any, Any]:
    """Each of them, by hash."""
    return Check(
        "the flagged items are preserved, out of sight",
        moderation.read_flagged,
        lambda _: moderation.ReadFlagged(),
        lambda seen: set(digests) <= {item.digest for item in seen.items if item.held},
    )
