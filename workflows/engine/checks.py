"""What can be shown, in words: the looks that proofs of several playbooks are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from schemas.ports import gateway, probes, registry, serving, tickets
from workflows.engine.proof import Check


@dataclass(frozen=True)
class Health:
    """What the probe set must answer for the service to be well."""

    accuracy_at_least: float
    negative_share: float
    negative_share_within: float

    def holds(self, seen: probes.ProbeResult) -> bool:
        """Whether the answers are those of a healthy service."""
        drift = abs(seen.negative_share - self.negative_share)
        return (
            seen.status == 200
            and seen.accuracy >= self.accuracy_at_least
            and drift <= self.negative_share_within
        )


def loop_stands_still(nonce: Callable[[], str]) -> tuple[Check[Any, Any], ...]:
    """Canaries from outside are refused and reach no label store, and nothing is learned.

    Each attempt sends its own: those that came through before it are in the label store for ever.
    """
    nonces: list[str] = []
    offsets: list[tuple[int, int]] = []

    def sent(poll: int) -> str:
        if poll == 0 or not nonces:
            nonces.append(nonce())
        return canary(nonces[-1], poll)

    def asked(poll: int) -> serving.ReadFeedbackOffset:
        if poll == 0:
            offsets.clear()
        return serving.ReadFeedbackOffset()

    def stands(seen: serving.FeedbackOffset) -> bool:
        offsets.append((seen.count, seen.last_id))
        return offsets[-1] == offsets[-2:][0]

    return (
        Check(
            "a canary feedback from outside is refused",
            probes.send_canary_feedback,
            lambda poll: probes.SendCanaryFeedback(text=sent(poll)),
            lambda seen: seen.status >= 400,
        ),
        Check(
            "the canary is in no label store",
            serving.find_feedback,
            lambda poll: serving.FindFeedback(
                text_sha256=canary_sha256(nonces[-1], max(poll - 1, 0))
            ),
            lambda seen: not seen.found,
        ),
        Check(
            "the label store stands still",
            serving.read_feedback_offset,
            asked,
            stands,
        ),
        Check(
            "retraining and promotion are paused",
            serving.read_retraining,
            lambda _: serving.ReadRetraining(),
            lambda seen: seen.paused,
        ),
    )


def canary(nonce: str, poll: int) -> str:
    """The text of one canary; no one else can have sent it."""
    return f"hemostat canary {nonce} {poll}"


def canary_sha256(nonce: str, poll: int) -> str:
    """How the canary would be known in a label store."""
    return sha256(canary(nonce, poll).encode()).hexdigest()


def route_is_open(incident: str, route: str) -> Check[Any, Any]:
    """The gateway has nothing of this incident on the route any more."""
    return Check(
        f"the {route} route is not isolated by this incident",
        gateway.read_endpoint,
        lambda _: gateway.ReadEndpoint(route=route),
        lambda seen: incident not in seen.isolated_by,
    )


def predictions_answer() -> Check[Any, Any]:
    """The good thing still works."""
    return Check(
        "predictions still answer through the public edge",
        probes.probe_predictions,
        lambda _: probes.ProbePredictions(),
        lambda seen: seen.status == 200,
    )


def alias_names(model: str, alias: str, version: str) -> Check[Any, Any]:
    """The registry says so when asked anew."""
    return Check(
        f"the alias names version {version}",
        registry.read_alias,
        lambda _: registry.ReadAlias(model=model, alias=alias),
        lambda seen: seen.version == version,
    )


def every_replica_serves(version: str, digest: str | None) -> Check[Any, Any]:
    """An alias that moved proves nothing: servers keep the model they loaded."""
    return Check(
        f"every replica has loaded version {version} and its digest",
        serving.read_replicas,
        lambda _: serving.ReadReplicas(),
        lambda seen: seen.all_serve(version, digest),
    )


def probes_recovered(version: str, health: Health) -> Check[Any, Any]:
    """Clients see the good version, and the probe set is right again."""
    return Check(
        "the probe set has recovered through the public edge",
        probes.probe_predictions,
        lambda _: probes.ProbePredictions(),
        lambda seen: health.holds(seen) and set(seen.versions) <= {version},
    )


def probes_hold(health: Health) -> Check[Any, Any]:
    """The probe set stays right."""
    return Check(
        "the probe set holds through the public edge",
        probes.probe_predictions,
        lambda _: probes.ProbePredictions(),
        health.holds,
    )


def feedback_looks_genuine(now: Callable[[], datetime], young: timedelta) -> Check[Any, Any]:
    """What comes in from the first look on does not come from accounts younger than *young*.

    A proof that is made anew begins anew: what an earlier breach let in is in the store for ever.
    """
    began: list[datetime] = []

    def since(poll: int) -> timedelta:
        if poll == 0 or not began:
            began.append(now())
        return now() - began[-1]

    return Check(
        "no suspicious feedback came in since",
        serving.survey_feedback,
        lambda poll: serving.SurveyFeedback(window=since(poll), young=young),
        lambda seen: seen.suspicious_rows == 0,
    )


def ticket_is_there(correlation: str) -> Check[Any, Any]:
    """The ticket system has it when asked anew."""
    return Check(
        "the ticket reads back",
        tickets.read_ticket,
        lambda _: tickets.ReadTicket(correlation=correlation),
        lambda seen: seen.number is not None,
    )


def all_are_rescored(window: serving.DecisionWindow) -> Check[Any, Any]:
    """As many as were affected."""
    return Check(
        "every affected decision was scored again",
        serving.count_affected_decisions,
        lambda _: window,
        lambda seen: seen.rescored == seen.affected,
    )


def candidate_passes(version: str, health: Health) -> Check[Any, Any]:
    """A version passes the probes in isolation."""
    return Check(
        f"version {version} passes the probes in isolation",
        serving.evaluate_candidate,
        lambda _: serving.EvaluateCandidate(version=version),
        lambda seen: seen.accuracy >= health.accuracy_at_least,
    )
