"""What a service says about itself for the adversarial-evasion playbook."""

from datetime import timedelta

from schemas.base import Digest, Frozen, Name, Percent, Share


class Parameters(Frozen):
    """What is there, and thresholds; these are proposals, not from a standard."""

    route: str = "moderate"
    adversarial_set: Digest
    """The digest of the set that retraining uses; made and validated before any incident."""
    baseline_fn_rate: Share
    baseline_disagreement: Share
    window: timedelta = timedelta(hours=24)
    team_within: timedelta = timedelta(minutes=10)
    """Until when those who are called are to have answered; the commander hears who did not."""
    block_for: timedelta = timedelta(hours=24)
    """When a block of accounts ends by itself, at the gateway."""
    hotline: Name = "hotline"
    uploaders: Name = "uploaders"
    """The audiences of the disclosure connection: for apparent CSAM, and for statements of reasons."""
    second_looks_budget: Share = 0.15
    """How much of the benign set may wait for people while second looks stand."""
    fallback_budget: Share = 0.25
    recovery_budget: Share = 0.05
    attack_success_at_most: Share = 0.05
    clean_drop_at_most: float = 0.01
    adaptive_success_at_most: Share = 0.25
    """How much of an attack that is made anew, against the hardened version itself, may pass."""
    evaluated_at_least: int = 100
    """On fewer pictures an evaluation shows nothing."""
    over_base: float = 1.5
    audit_floor: int = 200
    """From so many audits on a stage's false-negative rate says something."""
    transform_floor: int = 500
    looks: int = 3
    look_every: timedelta = timedelta(seconds=30)
    look_within: timedelta = timedelta(minutes=10)
    stages: tuple[Percent, ...] = (1, 5, 25, 100)
    stage_looks: int = 60
    stage_look_every: timedelta = timedelta(minutes=1)
