"""What a signal carries, whatever its sender put into it; nothing here raises."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue


def legible(given: Sequence[RawValue]) -> object:
    """Return the one value of a signal; None for none, several, or what cannot be decoded."""
    if len(given) != 1:
        return None
    try:
        value: object = workflow.payload_converter().from_payload(given[0].payload)
    except Exception:  # noqa: BLE001 - the sender chose the encoding; whatever it breaks is a refusal
        return None
    return value
