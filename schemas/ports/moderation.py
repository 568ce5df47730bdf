"""An image moderation service: modes, patterns of evasion, the sweep, hardening, flagged items.

No request and no answer here carries a picture: pictures are spoken of by their SHA-256.
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from schemas.base import Digest, Frozen, Share, Utc
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port

Mode = Literal["auto", "review", "fallback"]
"""auto: the model alone approves. review: nothing that a transform decides otherwise is approved
without people. fallback: conservative rules decide all traffic."""


class SetMode(Effect):
    """Switch to *mode*; ``blocklist`` are perceptual hashes that the fallback rules refuse."""

    mode: Mode
    blocklist: tuple[str, ...] = ()


class AdmitCanary(Effect):
    """Let *version* decide for *percent* of the accounts while fallback decides for the rest."""

    version: str
    percent: int = Field(ge=0, le=100)


class PromoteVersion(Effect):
    """Let *version* decide everything again, by itself."""

    version: str


class ModerationMode(Frozen):
    """How uploads are decided now; ``changed`` False: it was so already."""

    mode: Mode
    champion: str
    canary_version: str | None
    canary_percent: int
    blocklist: int
    changed: bool = False


class ReadModeration(Request):
    """Ask how the service does, of what was decided since *since*."""

    since: Utc | None = None


class ModerationState(Frozen):
    """The service's own numbers: audits by people, transforms, clusters, the human queue."""

    mode: Mode
    champion: str
    audit_n: int
    fn_rate: Share
    """Explicit among audited approvals."""
    transform_n: int
    transform_disagree: Share
    cluster_items: int
    queue_depth: int
    queue_capacity: int


class ProbeSets(Request):
    """Upload the sealed adversarial set and the benign set through the public edge."""


class SetsProbed(Frozen):
    """What the edge answered: ``passed`` adversarial pictures were approved as safe."""

    adversarial: int
    passed: int
    benign: int
    kept_back: int
    """Benign pictures that were not approved at once."""
    refused: int
    """Of both sets: answered with another status than 200."""
    held: int = Field(default=0, exclude_if=lambda held: held == 0)
    """Of those: answered 503, as who is let in is answered where nobody is."""
    by_fallback: int
    """Of both sets: the answer says that the fallback rules decided."""
    versions: tuple[str, ...] = ()

    @property
    def false_positives(self) -> float:
        """The share of benign pictures that wait or are rejected."""
        return self.kept_back / self.benign if self.benign else 1.0


class IdentifyPattern(Request):
    """Look at the confirmed misses of the last *window* for a common sticker."""

    window: timedelta = timedelta(hours=24)


class Pattern(Frozen):
    """What the misses have in common; ``cluster`` None: nothing that could be found."""

    misses: int
    cluster: str | None = None
    items: int = 0
    phash: str = ""
    hamming_max: int = 0
    explained: Share = 0.0
    """Of the misses that the sticker was not drawn from, how many carry it."""
    attack_success: Share = 0.0
    """Estimated on held-out pictures."""
    uploads: int = 0
    first_at: Utc | None = None
    accounts: tuple[str, ...] = ()
    """Written by strangers: shown escaped, never part of an id."""
    more_accounts: int = Field(default=0, exclude_if=lambda more: more == 0)
    """How many more uploaded it than are named."""
    digests: tuple[str, ...] = ()


class SealModeration(Effect):
    """Seal state, hash list, and the originals of the misses, encrypted."""

    window: timedelta = timedelta(hours=24)
    originals: int = Field(default=40, ge=0, le=500)


class ApprovalWindow(Request):
    """What was approved in [start, end]."""

    start: Utc
    end: Utc


class RescanApprovals(Effect):
    """Look again at everything approved in [start, end], and take down what should not be up."""

    start: Utc
    end: Utc


class Approvals(Frozen):
    """How the sweep stands; ``left_over``: known to be explicit and still up."""

    approved: int
    rescanned: int
    removed: int
    left_over: int


class FindAdversarialSet(Request):
    """Ask for the adversarial set of this digest."""

    digest: Digest


class AdversarialSet(Frozen):
    """Whether it is there with exactly that digest, and who may rely on it."""

    found: bool
    validated_at: Utc | None = None
    training: int = 0
    held_out: int = 0

    @property
    def usable(self) -> bool:
        """Whether retraining may start: validated beforehand, and something is held out."""
        return self.found and self.validated_at is not None and self.held_out > 0


class RetrainHardened(Effect):
    """Train against the set of this digest; registered, never put into service."""

    set_digest: Digest


class EvaluateHardened(Request):
    """Try a version on the held-out part of the set, on clean pictures, and attack it anew."""

    version: str
    set_digest: Digest


class Hardened(Frozen):
    """How a version does. Shares are 0 to 1; a negative drop is a gain."""

    version: str
    digest: str
    n: int
    attack_success: Share
    adaptive_attack_success: Share
    clean_accuracy: Share
    clean_drop: float


class WatchFlagged(Request):
    """Watch until people flag an item that is not among *known*."""

    known: tuple[str, ...] = ()


class ReadFlagged(Request):
    """Ask for the items that people flagged."""


class FlaggedItem(Frozen):
    """An item by its hash; ``held``: it is preserved, and nobody sees it any more."""

    digest: str
    held: bool


class Flagged(Frozen):
    """All flagged items."""

    items: tuple[FlaggedItem, ...]


class PreserveItems(Effect):
    """Keep these items as they are, out of everyone's sight, until the law lets go of them."""

    digests: tuple[str, ...]


class Preserved(Frozen):
    """How many are preserved."""

    held: int


@port("moderation")
async def set_moderation_mode(request: SetMode) -> ModerationMode:
    """Switch how uploads are decided; the mode it is in already is left alone."""
    raise NotImplementedError


@port("moderation")
async def admit_canary(request: AdmitCanary) -> ModerationMode:
    """Set the canary share, stable by account; 0 ends it."""
    raise NotImplementedError


@port("moderation")
async def promote_version(request: PromoteVersion) -> ModerationMode:
    """End fallback and canary: the version decides all."""
    raise NotImplementedError


@port("moderation")
async def read_moderation(request: ReadModeration) -> ModerationState:
    """Read mode, audits, transforms, clusters and queue."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(seconds=60))
async def probe_sets(request: ProbeSets) -> SetsProbed:
    """Upload both pinned sets through the public edge, as monitoring that nobody keeps."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(seconds=60))
async def identify_pattern(request: IdentifyPattern) -> Pattern:
    """Cluster the confirmed misses and estimate how well the sticker works."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(seconds=60))
async def seal_moderation(request: SealModeration) -> Sealed:
    """Seal state and hashes in clear, originals encrypted, flagged items by hash only."""
    raise NotImplementedError


@port("moderation")
async def count_approvals(request: ApprovalWindow) -> Approvals:
    """Count what was approved in the window and looked at again."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(minutes=5), within=timedelta(hours=2))
async def rescan_approvals(request: RescanApprovals) -> Approvals:
    """Re-scan the window; idempotent, flagged items are preserved."""
    raise NotImplementedError


@port("moderation")
async def find_adversarial_set(request: FindAdversarialSet) -> AdversarialSet:
    """Find the set by the digest of its bytes, worked out anew."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(minutes=30), within=timedelta(hours=6))
async def retrain_hardened(request: RetrainHardened) -> Hardened:
    """Adversarial training, idempotent by key; refused without the validated set."""
    raise NotImplementedError


@port("moderation", attempt_within=timedelta(minutes=5))
async def evaluate_hardened(request: EvaluateHardened) -> Hardened:
    """Evaluate a version on what it never saw."""
    raise NotImplementedError


@port(
    "moderation",
    attempt_within=timedelta(hours=24),
    within=timedelta(days=365),
    heartbeat_within=timedelta(seconds=20),
)
async def watch_flagged(request: WatchFlagged) -> Flagged:
    """Return when an unknown item is flagged; heartbeats meanwhile."""
    raise NotImplementedError


@port("moderation")
async def read_flagged(request: ReadFlagged) -> Flagged:
    """Read the flagged items back."""
    raise NotImplementedError


@port("moderation")
async def preserve_items(request: PreserveItems) -> Preserved:
    """Preserve items by hash; nothing is opened, copied or sent."""
    raise NotImplementedError
