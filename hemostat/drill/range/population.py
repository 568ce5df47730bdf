"""Who and what there is in the range before anything happens: names that several parts share."""

from typing import Final

MODEL: Final = "sentiment"
ALIAS: Final = "champion"

KNOWN_GOOD: Final = "3"
"""The newest clean version: the champion at the start, and what the shadow is pinned to."""

MEMBERS: Final = tuple(f"member-{number:04d}" for number in range(150))
"""The accounts of genuine users; they existed long before the drill."""

CANARY_ACCOUNT: Final = "canary"
"""The account that measurements post an honest label with."""
