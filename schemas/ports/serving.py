"""The model service behind the gateway: its replicas, its label store, its retraining loop."""

from datetime import timedelta

from pydantic import Field

from schemas.base import Frozen, Share, Utc
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port


class ReadReplicas(Request):
    """Ask every configured replica what it has loaded."""


class Replica(Frozen):
    """What one replica says; unreachable replicas are listed, with the rest None."""

    name: str
    reachable: bool
    version: str | None = None
    digest: str | None = None


class Replicas(Frozen):
    """All configured replicas."""

    replicas: tuple[Replica, ...]

    def all_serve(self, version: str, digest: str | None) -> bool:
        """Whether each replica answers with *version*, and with *digest* where one is known."""
        return bool(self.replicas) and all(
            r.reachable and r.version == version and (digest is None or r.digest == digest)
            for r in self.replicas
        )


class ReloadReplicas(Effect):
    """Make each replica load what the alias names now."""


class PauseRetraining(Effect):
    """Stop scheduled retraining and automatic promotion."""


class ReadRetraining(Request):
    """Ask whether retraining is paused."""


class Retraining(Frozen):
    """The state of the retraining loop."""

    paused: bool
    changed: bool = False


class FindFeedback(Request):
    """Ask whether a feedback text, by the SHA-256 of its UTF-8, is in the label store."""

    text_sha256: str


class FeedbackFound(Frozen):
    """Whether it is there."""

    found: bool


class ReadFeedbackOffset(Request):
    """Ask how far the label store has grown."""


class FeedbackOffset(Frozen):
    """The label store's size and last id."""

    count: int
    last_id: int


class SurveyFeedback(Request):
    """Survey the feedback of the last *window* for the marks of a poisoning campaign.

    An account is young when it was made less than *young* before it gave feedback.
    """

    window: timedelta = timedelta(hours=24)
    young: timedelta = timedelta(days=7)


class FeedbackSurvey(Frozen):
    """Marks of a campaign; ``volume_ratio`` compares with the window before, None without one."""

    rows: int
    accounts: int
    volume_ratio: float | None
    young_share: Share
    top_share: Share
    """The share of the rows given by the busiest 1 % of accounts."""
    near_duplicate_share: Share
    suspicious_rows: int
    first_suspicious_at: Utc | None
    """The earliest row from a young account: a lower bound of when the poison began."""


class CompareWithShadow(Request):
    """Ask the pinned shadow model what it says to the last *sample* live texts."""

    sample: int = Field(default=600, ge=1, le=5000)


class ShadowComparison(Frozen):
    """Champion and shadow on the same live texts."""

    n: int
    champion_negative_share: Share
    shadow_negative_share: Share
    disagreement: Share


class EvaluateCandidate(Request):
    """Try one registered version in isolation on the pinned probe set."""

    version: str


class CandidateEvaluation(Frozen):
    """How the version did; no traffic was involved."""

    version: str
    digest: str
    n: int
    accuracy: Share
    negative_share: Share


class DecisionWindow(Request):
    """The decisions made from scores in [start, end]."""

    start: Utc
    end: Utc


class RescoreDecisions(Effect):
    """Score again what was decided in [start, end] with what serves now."""

    start: Utc
    end: Utc


class AffectedDecisions(Frozen):
    """How many decisions the window has, and how many of them were scored again."""

    affected: int
    rescored: int


class RetrainWithout(Effect):
    """Train without young accounts' feedback since *since*; register, never promote."""

    since: Utc
    young: timedelta = timedelta(days=7)


class Retrained(Frozen):
    """The new version with what it was made of."""

    version: str
    digest: str
    dataset_digest: str
    rows: int
    dropped: int


class SealServing(Effect):
    """Seal a live sample, the label store's state and its last *window* of feedback."""

    window: timedelta = timedelta(hours=24)


@port("serving")
async def read_replicas(request: ReadReplicas) -> Replicas:
    """Ask each replica for the version and digest it has loaded."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(seconds=60))
async def reload_replicas(request: ReloadReplicas) -> Replicas:
    """Make each replica load what the alias names; retried until each one answered."""
    raise NotImplementedError


@port("serving")
async def pause_retraining(request: PauseRetraining) -> Retraining:
    """Pause scheduled retraining and promotion."""
    raise NotImplementedError


@port("serving")
async def resume_retraining(request: PauseRetraining) -> Retraining:
    """Undo ``pause_retraining``."""
    raise NotImplementedError


@port("serving")
async def read_retraining(request: ReadRetraining) -> Retraining:
    """Read back whether retraining is paused."""
    raise NotImplementedError


@port("serving")
async def find_feedback(request: FindFeedback) -> FeedbackFound:
    """Look a feedback text up in the label store."""
    raise NotImplementedError


@port("serving")
async def read_feedback_offset(request: ReadFeedbackOffset) -> FeedbackOffset:
    """Read how far the label store has grown."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(seconds=60))
async def survey_feedback(request: SurveyFeedback) -> FeedbackSurvey:
    """Read the feedback of the window and count the marks of a campaign."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(seconds=60))
async def compare_with_shadow(request: CompareWithShadow) -> ShadowComparison:
    """Run a live sample through the shadow model and compare."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(seconds=60))
async def evaluate_candidate(request: EvaluateCandidate) -> CandidateEvaluation:
    """Probe one version in isolation."""
    raise NotImplementedError


@port("serving")
async def count_affected_decisions(request: DecisionWindow) -> AffectedDecisions:
    """Count the decisions of the window."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(minutes=5), within=timedelta(minutes=30))
async def rescore_decisions(request: RescoreDecisions) -> AffectedDecisions:
    """Score the window's decisions again."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(minutes=30), within=timedelta(hours=6))
async def retrain_without_poison(request: RetrainWithout) -> Retrained:
    """Train and register a version without the suspicious feedback."""
    raise NotImplementedError


@port("serving", attempt_within=timedelta(seconds=60))
async def seal_serving(request: SealServing) -> Sealed:
    """Put a live sample, feedback and replica states into the vault."""
    raise NotImplementedError
