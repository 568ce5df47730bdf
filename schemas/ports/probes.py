"""Probes from outside: what a client sees through the public edge."""

from datetime import timedelta

from schemas.base import Frozen, Share
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port


class ProbePredictions(Request):
    """Ask for predictions on the pinned probe set through the public edge."""


class ProbeResult(Frozen):
    """What the edge answered: HTTP status, accuracy and negative share, versions seen."""

    status: int
    n: int
    accuracy: Share
    negative_share: Share
    versions: tuple[str, ...] = ()


class SendCanaryFeedback(Request):
    """Try to give one feedback with this exact text through the public edge."""

    text: str


class CanaryResult(Frozen):
    """What the edge answered to it."""

    status: int


class SealProbes(Effect):
    """Seal what the probe set answers now, text by text."""


@port("probes", attempt_within=timedelta(seconds=60))
async def probe_predictions(request: ProbePredictions) -> ProbeResult:
    """Measure accuracy and negative share through the public edge."""
    raise NotImplementedError


@port("probes")
async def send_canary_feedback(request: SendCanaryFeedback) -> CanaryResult:
    """Post one canary feedback through the public edge and report the status."""
    raise NotImplementedError


@port("probes", attempt_within=timedelta(seconds=60))
async def seal_probes(request: SealProbes) -> Sealed:
    """Put the probe set's answers into the vault."""
    raise NotImplementedError
