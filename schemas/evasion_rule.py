"""How far to contain adversarial evasion: second looks, fallback rules, or holding all uploads.

A: nothing that a transform decides otherwise is approved without people; it is cheap and always
taken at once. B: conservative rules decide all traffic. C: no upload is taken. The inputs and the
version of the rule are recorded with each use. Thresholds are our own proposal.
"""

from enum import StrEnum

from pydantic import JsonValue

from schemas.base import Frozen, Share

RULE_VERSION = "evasion-level/1"

RELIABLE: Share = 0.3
"""An attack that succeeds this often is no accident; it will be tried again, and adapted."""

BUSY: Share = 0.8
"""A human queue this full cannot be what everything depends on."""


class Level(StrEnum):
    """How far to go; each includes the ones before it."""

    A = "second-looks"
    B = "fallback-rules"
    C = "hold-uploads"


class LevelRuling(Frozen):
    """A decision record of the rule."""

    rule: str = RULE_VERSION
    level: Level
    because: tuple[str, ...]
    inputs: dict[str, JsonValue]


def level_for(
    *,
    second_looks_proven: bool,
    fallback_proven: bool | None,
    explained: float,
    attack_success: float,
    queue_share: float,
    flagged: int,
) -> LevelRuling:
    """Apply the rule; ``fallback_proven`` None: the fallback rules were not tried."""
    for_c = {
        "an item was flagged as apparent CSAM": flagged > 0 and fallback_proven is not None,
        "the fallback rules are not proven": fallback_proven is False,
    }
    for_b = {
        "second looks are not proven": not second_looks_proven,
        "the pattern is not understood": explained < 0.8,
        "the attack is reliable": attack_success >= RELIABLE,
        "the human queue is nearly full": queue_share >= BUSY,
        "an item was flagged as apparent CSAM": flagged > 0,
    }
    level, reasons = Level.A, ["second looks suffice"]
    for candidate, rows in ((Level.B, for_b), (Level.C, for_c)):
        met = [reason for reason, holds in rows.items() if holds]
        if met:
            level, reasons = candidate, met
    return LevelRuling(
        level=level,
        because=tuple(reasons),
        inputs={
            "second_looks_proven": second_looks_proven,
            "fallback_proven": fallback_proven,
            "explained": explained,
            "attack_success": attack_success,
            "queue_share": queue_share,
            "flagged": flagged,
        },
    )
