"""A world with an image moderation service in it, which can be fooled, lie and break a guard."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity

from schemas.canonical import digest_of
from schemas.evidence import Sealed
from schemas.incident import GateOverride, Service
from schemas.ports import accounts, disclosure, moderation
from schemas.ports.port import Port
from tests.workflows.world import World

FIRST_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
PINNED = digest_of("the red team's set")
FLAGGED = digest_of("an item")
ACCOUNTS = ("guest-1", "guest-2")


def image_moderation(gates: dict[str, GateOverride] | None = None, **parameters: Any) -> Service:
    """The service with every connection and quick looks."""
    quick = {
        "adversarial_set": PINNED,
        "baseline_fn_rate": 0.005,
        "baseline_disagreement": 0.03,
        "looks": 2,
        "look_every": 0.01,
        "look_within": 0.05,
        "stage_looks": 2,
        "stage_look_every": 0.01,
    }
    names = ("accounts", "disclosure", "gateway", "moderation", "pager", "tickets", "vault")
    return Service(
        name="image-moderation",
        connections={name: name for name in names},
        parameters=quick | parameters,
        gates=gates or {},
    )


@dataclass
class ModerationWorld(World):
    """The moderation service beside the systems of :class:`World`."""

    mode: moderation.Mode = "auto"
    champion: str = "7"
    canary: tuple[str | None, int] = (None, 0)
    blocklist: tuple[str, ...] = ()
    fooled: set[str] = field(default_factory=lambda: {"auto"})
    """The modes in which the attack passes."""
    blocked: tuple[str, ...] = ()
    blocked_until: datetime | None = None
    rescanned: bool = False
    sets: set[str] = field(default_factory=lambda: {PINNED})
    trained: list[str] = field(default_factory=list)
    hardened_success: float = 0.02
    adaptive_success: float = 0.04
    evaluated: int = 800
    more_accounts: int = 0
    forgets_approvals: bool = False
    """Whether it knows of no approval any more once it was told to re-scan them."""
    refuses_probes: bool = False
    """Whether whoever probes is refused, though others may not be."""
    canary_clusters: int = 0
    flags: dict[str, bool] = field(default_factory=dict)
    """Flagged digests, and whether they are held."""
    flag_came: asyncio.Event = field(default_factory=asyncio.Event)
    sent: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def ports(self) -> list[Port[Any, Any]]:
        """Those of every world, and those of moderation and accounts."""
        modules = (accounts, disclosure, moderation)
        mine = [v for m in modules for v in vars(m).values() if isinstance(v, Port)]
        return [*super().ports(), *mine]

    def flag(self, digest: str = FLAGGED) -> None:
        """People flag an item."""
        self.flags[digest] = False
        self.flag_came.set()

    # modes

    def _now(self, *, changed: bool) -> moderation.ModerationMode:
        return moderation.ModerationMode(
            mode=self.mode,
            champion=self.champion,
            canary_version=self.canary[0],
            canary_percent=self.canary[1],
            blocklist=len(self.blocklist),
            changed=changed,
        )

    def set_moderation_mode(self, request: moderation.SetMode) -> moderation.ModerationMode:
        changed = self.mode != request.mode
        if changed and self.change("set_moderation_mode", f"mode {request.mode}"):
            self.mode, self.blocklist = request.mode, request.blocklist
        return self._now(changed=changed)

    def admit_canary(self, request: moderation.AdmitCanary) -> moderation.ModerationMode:
        wanted = (request.version if request.percent else None, request.percent)
        changed = self.canary != wanted
        if changed and self.change("admit_canary", f"canary {request.percent}"):
            self.canary = wanted
        return self._now(changed=changed)

    def promote_version(self, request: moderation.PromoteVersion) -> moderation.ModerationMode:
        changed = (self.mode, self.champion) != ("auto", request.version)
        if changed and self.change("promote_version", "promote"):
            self.mode, self.champion, self.canary = "auto", request.version, (None, 0)
            self.fooled = set()
        return self._now(changed=changed)

    def read_moderation(self, request: moderation.ReadModeration) -> moderation.ModerationState:
        clusters = self.canary_clusters if self.canary[1] else 0
        return moderation.ModerationState(
            mode=self.mode,
            champion=self.champion,
            audit_n=300,
            fn_rate=0.004,
            transform_n=100,
            transform_disagree=0.03,
            cluster_items=clusters,
            queue_depth=4,
            queue_capacity=600,
        )

    def probe_sets(self, request: moderation.ProbeSets) -> moderation.SetsProbed:
        held = "moderate" in self.isolated
        by_fallback = 0 if held or self.mode != "fallback" else 180 - int(1.8 * self.canary[1])
        return moderation.SetsProbed(
            adversarial=60,
            passed=0 if held or self.mode not in self.fooled else 55,
            benign=120,
            kept_back=120 if held else 6 if self.mode == "review" else 0,
            refused=180 if held or self.refuses_probes else 0,
            held=180 if held and not self.refuses_probes else 0,
            by_fallback=by_fallback,
            versions=(self.champion,),
        )

    # what happened

    def identify_pattern(self, request: moderation.IdentifyPattern) -> moderation.Pattern:
        return moderation.Pattern(
            misses=40,
            cluster="p-19",
            items=38,
            phash="e452500700f005a5",
            explained=0.97,
            attack_success=0.9,
            uploads=41,
            first_at=FIRST_AT,
            accounts=ACCOUNTS,
            more_accounts=self.more_accounts,
            digests=(digest_of("picture"),),
        )

    def seal_moderation(self, request: moderation.SealModeration) -> Sealed:
        return self.sealed("moderation state and hash list")

    def block_accounts(self, request: accounts.BlockAccounts) -> accounts.AccountsBlocked:
        changed = self.blocked != request.accounts
        if changed and self.change("block_accounts", "block"):
            self.blocked, self.blocked_until = request.accounts, request.until
        return accounts.AccountsBlocked(
            route=request.route, blocked=len(self.blocked), changed=changed
        )

    def unblock_accounts(self, request: accounts.BlockAccounts) -> accounts.AccountsBlocked:
        changed = bool(self.blocked)
        if changed and self.change("unblock_accounts", "unblock"):
            self.blocked = ()
        return accounts.AccountsBlocked(route=request.route, blocked=0, changed=changed)

    def probe_accounts(self, request: accounts.ProbeAccounts) -> accounts.AccountsProbed:
        through = [account for account in request.accounts if account not in self.blocked]
        return accounts.AccountsProbed(
            knocked=len(request.accounts),
            passed=len(through),
            legitimate_status=503 if self.isolated else 400,
        )

    def count_approvals(self, request: moderation.ApprovalWindow) -> moderation.Approvals:
        if self.rescanned and self.forgets_approvals:
            return moderation.Approvals(approved=0, rescanned=0, removed=0, left_over=0)
        done = 500 if self.rescanned else 0
        return moderation.Approvals(
            approved=500, rescanned=done, removed=41 if done else 0, left_over=0 if done else 40
        )

    def rescan_approvals(self, request: moderation.RescanApprovals) -> moderation.Approvals:
        if not self.rescanned and self.change("rescan_approvals", "rescan"):
            self.rescanned = True
        return self.count_approvals(moderation.ApprovalWindow(start=request.start, end=request.end))

    # hardening

    def find_adversarial_set(
        self, request: moderation.FindAdversarialSet
    ) -> moderation.AdversarialSet:
        if request.digest not in self.sets:
            return moderation.AdversarialSet(found=False)
        return moderation.AdversarialSet(
            found=True, validated_at=FIRST_AT - timedelta(days=9), training=24, held_out=8
        )

    def retrain_hardened(self, request: moderation.RetrainHardened) -> moderation.Hardened:
        if request.key not in self.trained and self.change("retrain_hardened", "retrain"):
            self.trained.append(request.key)
        return self._hardened("8")

    def evaluate_hardened(self, request: moderation.EvaluateHardened) -> moderation.Hardened:
        return self._hardened(request.version)

    def _hardened(self, version: str) -> moderation.Hardened:
        return moderation.Hardened(
            version=version,
            digest=digest_of(version),
            n=self.evaluated,
            attack_success=self.hardened_success,
            adaptive_attack_success=self.adaptive_success,
            clean_accuracy=0.99,
            clean_drop=-0.002,
        )

    # flagged items

    async def watch_flagged(self, request: moderation.WatchFlagged) -> moderation.Flagged:
        while not set(self.flags) - set(request.known):
            activity.heartbeat()
            self.flag_came.clear()
            try:
                await asyncio.wait_for(self.flag_came.wait(), 0.2)
            except TimeoutError:
                continue
        return self.read_flagged(moderation.ReadFlagged())

    def read_flagged(self, request: moderation.ReadFlagged) -> moderation.Flagged:
        items = [moderation.FlaggedItem(digest=d, held=h) for d, h in self.flags.items()]
        return moderation.Flagged(items=tuple(items))

    def preserve_items(self, request: moderation.PreserveItems) -> moderation.Preserved:
        for digest in request.digests:
            if not self.flags[digest] and self.change("preserve_items", "preserve"):
                self.flags[digest] = True
        return moderation.Preserved(held=sum(self.flags.values()))

    # what leaves

    def send_disclosure(self, request: disclosure.Disclose) -> disclosure.Receipt:
        changed = request.statement not in self.sent
        if changed and self.change("send_disclosure", f"send {request.statement}"):
            self.sent[request.statement] = request.text_digest
            self.texts.append(request.text)
        return disclosure.Receipt(
            receipt=f"receipt-{request.statement}",
            audience=request.audience,
            text_digest=request.text_digest,
            sealed=digest_of(request.text),
            changed=changed,
            item=self.sealed(request.text)
            .items[0]
            .model_copy(update={"name": f"sent to {request.audience}"}),
        )

    def read_disclosure(self, request: disclosure.ReadDisclosure) -> disclosure.Disclosed:
        return disclosure.Disclosed(text_digest=self.sent.get(request.statement))

    def seal_report(self, request: disclosure.SealReport) -> disclosure.ReportSealed:
        return disclosure.ReportSealed(digest=digest_of(request.text), size=len(request.text))
