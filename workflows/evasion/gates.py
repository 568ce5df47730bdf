"""The gates of adversarial evasion: who is asked what, and what their silence means."""

from datetime import timedelta

from schemas.gate import GatePolicy, OnSilence
from workflows.engine.agreement import two_of

ACKNOWLEDGE = GatePolicy(
    id="acknowledge",
    asks="Explicit pictures pass moderation. Containment has begun. Take the incident?",
    roles=("commander",),
    timer=timedelta(minutes=10),
    ladder=("deputy-commander",),
)
TO_FALLBACK = GatePolicy(
    id="to-fallback-rules",
    asks="Let conservative fallback rules decide all uploads, in place of the model?",
    roles=("commander",),
    timer=timedelta(minutes=5),
    on_silence=OnSilence.PROCEED,
)
HOLD_UPLOADS = two_of(
    id="hold-uploads",
    asks="Take no uploads at all? Unanswered it is not done: the fallback rules go on deciding.",
    roles=("commander", "service-owner"),
    timer=timedelta(minutes=10),
    expires_after=timedelta(minutes=10),
)
BLOCK = GatePolicy(
    id="block-accounts",
    asks="Block the accounts that uploaded the pattern, until the time shown?",
    roles=("secops", "commander"),
    timer=timedelta(minutes=5),
    on_silence=OnSilence.PROCEED,
)
SWEEP = two_of(
    id="retroactive-sweep",
    asks="Re-scan everything approved since the first such upload, and take down what is found?",
    roles=("trust-and-safety", "legal"),
    timer=timedelta(hours=4),
    ladder=("commander",),
)
PROVIDE_SET = GatePolicy(
    id="provide-adversarial-set",
    asks="There is no validated adversarial set of the pinned digest: retraining does not start. "
    "Approve once it is there; rejecting stays on the fallback rules.",
    roles=("ml-lead", "security-lead"),
    timer=timedelta(hours=24),
    ladder=("commander",),
    ladder_every=timedelta(hours=24),
)
RETRAIN = two_of(
    id="adversarial-retraining",
    asks="Train against the pinned adversarial set? (Check first: an Art. 73(6) AI Act hold.)",
    roles=("ml-lead", "security-lead"),
    timer=timedelta(hours=24),
    ladder=("commander",),
)
ACCEPT_UPLOADS = two_of(
    id="accept-uploads",
    asks="Take uploads again, decided by the fallback rules?",
    roles=("commander", "service-owner"),
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
)
RECOVER = two_of(
    id="canary-recovery",
    asks="Let the hardened version decide again, in stages?",
    roles=("commander", "trust-and-safety"),
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
)
LEGAL = two_of(
    id="legal-path",
    asks="People flagged items as apparent CSAM; they are preserved by hash. Send this report to "
    "the hotline (18 USC 2258A; in the EU Art. 18 DSA)? Rejecting says that it is not apparent CSAM.",
    roles=("legal", "trust-and-safety"),
    timer=timedelta(hours=1),
    ladder=("deputy-legal", "commander"),
    ladder_every=timedelta(minutes=30),
    on_reject="nothing is reported; recorded as not apparent CSAM",
)
REASONS = two_of(
    id="statements-of-reasons",
    asks="Items were taken down. Send this statement of reasons to their uploaders (Art. 17 DSA)?",
    roles=("trust-and-safety", "legal"),
    timer=timedelta(hours=4),
    ladder=("commander",),
    on_reject="nothing is sent from here",
)
CLOSE = GatePolicy(
    id="close-incident",
    asks="Debriefed, and each gap is an action with an owner? Close the incident?",
    roles=("commander",),
    timer=timedelta(hours=24),
)
