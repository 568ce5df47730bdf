"""What the service does, measured from outside through its public edge.

Law: every number comes from answers that were received just now. Predictions are asked for as
synthetic monitoring (``X-Traffic: probe``), so that measuring is no decision about anyone; the
feedback route is tried with one honest label from a known account. The shadow is asked directly,
it has no public route.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from hemostat.drill.range.poisoning.corpus import Review
from hemostat.drill.range.population import CANARY_ACCOUNT

_BATCH: Final = 100
_PROBE: Final = {"x-traffic": "probe"}
_CANARY: Final = {"x-account": CANARY_ACCOUNT}


@dataclass(frozen=True)
class Answers:
    """What some texts were answered."""

    labels: tuple[str, ...]
    versions: dict[str, str] = field(default_factory=dict)
    """The version that each replica said it answered with."""

    @property
    def negative_share(self) -> float:
        """Share of negative answers, 0 to 1."""
        return self.labels.count("negative") / len(self.labels) if self.labels else 0.0

    def accuracy(self, expected: Sequence[Review]) -> float:
        """Share of answers that are what the writer meant, 0 to 1."""
        pairs = zip(self.labels, expected, strict=True)
        return sum(label == row.label for label, row in pairs) / len(expected)

    def disagreement(self, other: "Answers") -> float:
        """Share of texts that ``other`` answered differently, 0 to 1."""
        pairs = zip(self.labels, other.labels, strict=True)
        return sum(mine != theirs for mine, theirs in pairs) / len(self.labels)


@dataclass(frozen=True)
class Measurement:
    """One look from outside."""

    at: datetime
    n: int
    """Live texts asked."""
    negative_share: float
    shadow_negative_share: float
    shadow_disagreement: float
    probe_accuracy: float
    probe_labels: tuple[str, ...]
    predict_status: int
    """HTTP status of the route, 0 if nothing answered."""
    feedback_status: int
    versions: dict[str, str]


class Meter:
    """Measures one service. Raises ``httpx2.HTTPError`` where predictions are not answered."""

    def __init__(self, edge_url: str, shadow_url: str) -> None:
        self._edge = httpx2.AsyncClient(base_url=edge_url, trust_env=False, timeout=10)
        self._shadow = httpx2.AsyncClient(base_url=shadow_url, trust_env=False, timeout=10)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._edge.aclose()
        await self._shadow.aclose()

    async def ask(self, texts: Sequence[str]) -> Answers:
        """What the edge answers to ``texts`` now."""
        return await _ask(self._edge, texts)

    async def ask_shadow(self, texts: Sequence[str]) -> Answers:
        """What the known-good shadow answers to ``texts``."""
        return await _ask(self._shadow, texts)

    async def predict_status(self) -> int:
        """HTTP status of the predict route, 0 if nothing answered."""
        return await self._status("/v1/predict", {"texts": ["The lid is great."]}, _PROBE)

    async def feedback_status(self) -> int:
        """HTTP status of the feedback route for one honest label, 0 if nothing answered."""
        label = {"text": "The lid is great.", "label": "positive"}
        return await self._status("/v1/feedback", label, _CANARY)

    async def measure(self, live: Sequence[str], probe: Sequence[Review]) -> Measurement:
        """Everything at once: live texts, the probe set, the shadow, both routes."""
        answered, shadowed = await self.ask(live), await self.ask_shadow(live)
        probed = await self.ask([row.text for row in probe])
        return Measurement(
            at=datetime.now(UTC),
            n=len(live),
            negative_share=answered.negative_share,
            shadow_negative_share=shadowed.negative_share,
            shadow_disagreement=answered.disagreement(shadowed),
            probe_accuracy=probed.accuracy(probe),
            probe_labels=probed.labels,
            predict_status=await self.predict_status(),
            feedback_status=await self.feedback_status(),
            versions={**answered.versions, **probed.versions},
        )

    async def _status(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> int:
        try:
            return (await self._edge.post(path, json=body, headers=headers)).status_code
        except httpx2.HTTPError:
            return 0


async def _ask(http: httpx2.AsyncClient, texts: Sequence[str]) -> Answers:
    labels: list[str] = []
    versions: dict[str, str] = {}
    for begin in range(0, len(texts), _BATCH):
        batch = list(texts[begin : begin + _BATCH])
        answer = await http.post("/v1/predict", json={"texts": batch}, headers=_PROBE)
        body = answer.raise_for_status().json()
        labels += body["labels"]
        versions[body["replica"]] = body["version"]
    return Answers(tuple(labels), versions)
