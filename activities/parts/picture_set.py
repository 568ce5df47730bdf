"""The pictures that a proof uploads: fixed, pinned by digest, base64 ``content`` a line."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Final

from activities.parts.pinned_file import pinned_lines, unusable
from schemas.base import Digest

_WHAT: Final = "picture set"
ENOUGH: Final = 50
"""Pictures that a sealed set should have; a proposal, not from a standard."""


def picture_set(file: str, digest: Digest) -> list[bytes]:
    """Read ``file:PATH``, a JSON object with base64 ``content`` a line.

    ``ConfigurationError``: unreadable, empty, or not of *digest*.
    """
    try:
        return [
            base64.b64decode(json.loads(line)["content"], validate=True)
            for line in pinned_lines(_WHAT, file, digest)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise unusable(_WHAT, "has a line that holds no picture") from error


def weak_sets(adversarial: Sequence[bytes], benign: Sequence[bytes]) -> Iterator[str]:
    """What keeps sound files from showing anything: too few pictures, or the same in both."""
    for name, pictures in (("adversarial", adversarial), ("benign", benign)):
        if len(set(pictures)) < ENOUGH:
            yield (
                f"The {name} set has {len(set(pictures))} pictures: what passes among so few shows "
                f"little. Next: pin a set of {ENOUGH} or more."
            )
    if set(adversarial) & set(benign):
        yield (
            "A picture is in the adversarial and in the benign set: no proof can hold for both. "
            "Next: take it out of one of them, and pin its new digest."
        )
