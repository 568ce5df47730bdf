"""What every alert of a range has in common on the wire: Alertmanager's receiver and fingerprint."""

import hashlib
from collections.abc import Mapping
from typing import Final

RECEIVER: Final = "hemostat"


def fingerprint(about: Mapping[str, str]) -> str:
    """16 hexadecimal digits over the label set, the same for every episode."""
    whole = "".join(f"{name}\xff{about[name]}\xff" for name in sorted(about))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]
