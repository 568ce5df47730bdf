"""How an upload is decided: by the model, by the model with second looks, or by fallback rules.

Law: what is approved is on the air at once; that is auto-approval, and the hole of the attack.
Modes: ``auto`` (the model alone), ``review`` (no auto-approval of a picture whose transforms are
decided otherwise: people look at it), ``fallback`` (conservative rules on all traffic). In the last
two, a canary share of the accounts is decided by a candidate version alone. Whether a picture is unstable is worked
out for every upload, whatever the mode: the monitor needs it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from hemostat.drill.range.moderation.images import (
    Flags,
    Floats,
    blurred,
    cropped,
    hamming,
    mask,
    perceptual_hash,
    places,
    reencoded,
)
from hemostat.drill.range.moderation.model import THRESHOLD, Model
from hemostat.drill.range.moderation.store import Store

MODES: Final = ("auto", "review", "fallback")
SIMILAR: Final = 8
"""Hashes of crops that differ in at most so many bits are of the same sticker."""

_STRICT: Final = 0.2
"""The fallback rules approve only below this score, under every transform."""

_WHOLE_MARGIN: Final = 4
TRANSFORMS: Final[tuple[Callable[[Floats], Floats], ...]] = (
    reencoded,
    blurred,
    cropped,
    lambda rows: cropped(rows, _WHOLE_MARGIN),
)


@dataclass(frozen=True)
class Decision:
    """``safe`` is approved, ``explicit`` is rejected, ``review`` waits for people."""

    decision: str
    version: str
    by: str
    unstable: bool


class Decider:
    """Decides by the mode that is set; loads versions when they are first needed."""

    def __init__(self, store: Store, models: Path) -> None:
        self._store = store
        self._models = models
        self._loaded: dict[str, Model] = {}
        self.mode: dict[str, Any] = store.get("mode") or {
            "mode": "auto",
            "champion": "7",
            "canary_version": None,
            "canary_percent": 0,
            "blocklist": [],
        }

    def set_mode(self, **changes: Any) -> dict[str, Any]:
        """Change settings, durably."""
        self.mode = {**self.mode, **changes}
        self._store.put("mode", self.mode)
        return self.mode

    def model(self, version: str) -> Model:
        """A version. Raises ``OSError`` if there is none."""
        if version not in self._loaded:
            self._loaded[version] = Model.load(self._models, version)
        return self._loaded[version]

    def decide(self, row: Floats, account: str) -> Decision:
        """Decide one upload."""
        mode = self.mode
        version, by = mode["champion"], mode["mode"]
        canary = mode["canary_version"]
        if by != "auto" and canary and share_of(account) < mode["canary_percent"]:
            version, by = canary, "auto"
        rows = row.reshape(1, -1)
        model = self.model(version)
        scores = self._scores(model, rows)[:, 0]
        calls = scores >= THRESHOLD
        unstable = bool((calls != calls[0]).any())
        decision = self._ruling(rows, scores, calls, by)
        return Decision(decision, version, "model" if by != "fallback" else "fallback", unstable)

    def cautious(self, rows: Floats, version: str) -> Flags:
        """Which pictures the fallback rules would not approve; for re-scanning."""
        scores = self._scores(self.model(version), rows)
        kept: Flags = (scores >= _STRICT).any(axis=0) | self._blocked(rows)
        return kept

    def _ruling(self, rows: Floats, scores: Floats, calls: Flags, by: str) -> str:
        if by == "fallback":
            if bool(calls[0]):
                return "explicit"
            doubtful = bool((scores >= _STRICT).any()) or bool(self._blocked(rows)[0])
            return "review" if doubtful else "safe"
        if bool(calls[0]):
            return "explicit"
        return "review" if by == "review" and bool(calls.any()) else "safe"

    def _scores(self, model: Model, rows: Floats) -> Floats:
        """Scores of the pictures (first row) and of each of their transforms."""
        return np.array([model.scores(look) for look in (rows, *(t(rows) for t in TRANSFORMS))])

    def _blocked(self, rows: Floats) -> Flags:
        """Which pictures carry a sticker that looks like one of the blocklist."""
        known = [int(text, 16) for text in self.mode["blocklist"]]
        if not known:
            return np.zeros(len(rows), dtype=bool)
        covers = [mask(*place) for place in places()]
        return np.array(
            [
                any(hamming(perceptual_hash(row[c]), k) <= SIMILAR for c in covers for k in known)
                for row in rows
            ]
        )


def share_of(account: str) -> int:
    """A stable number from 0 to 99 for an account."""
    return int.from_bytes(hashlib.sha256(account.encode()).digest()[:4]) % 100
