"""Probes through the public edge: what a client sees, measured as a client.

Law: nothing here knows an admin path or token. Whatever the edge answers is a finding: a refusal
is a status, not an error; only no answer at all is ``SystemUnreachable``. The probe set is pinned
by digest. Probes say what they are (``headers``), so that they are no decision about anyone.
"""

import json
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, Field

from activities.parts.http import Address, Answer, FileRef, Http
from activities.parts.probe_set import ProbeSet, negative_share
from hemostat.vault import Vault
from schemas.base import Digest, Frozen
from schemas.errors import HemostatError, SystemUnreachable
from schemas.evidence import Sealed
from schemas.ports.port import fulfils
from schemas.ports.probes import (
    CanaryResult,
    ProbePredictions,
    ProbeResult,
    SealProbes,
    SendCanaryFeedback,
    probe_predictions,
    seal_probes,
    send_canary_feedback,
)

_BATCH: Final = 100


class Connection(Frozen):
    """``[connections.NAME]``: the public address, and who gives the canary feedback.

    The canary's account is one that the service would serve, or its refusal proves nothing.
    """

    adapter: Literal["probes_http"]
    edge: Address
    probe_set: FileRef
    probe_set_digest: Digest
    canary_account: str
    account_header: str = "X-Account"
    canary_label: str = "positive"
    predict_path: str = "/v1/predict"
    feedback_path: str = "/v1/feedback"
    headers: dict[str, str] = {"X-Traffic": "probe"}
    timeout_seconds: float = Field(default=5, gt=0)


class _Predicted(BaseModel):
    labels: list[str]
    version: str = Field(max_length=200)


@dataclass(frozen=True)
class _Answered:
    """All labels with the versions that gave them, or the status that stopped it."""

    status: int
    labels: list[str]
    versions: set[str]


class ProbesHttp:
    """A client of one service's public edge."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._http = Http(
            "edge", connection.edge, seconds=connection.timeout_seconds, keep_alive=False
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def check(self) -> list[str]:
        """Say whether the probe set is sound and the edge answers predictions."""
        try:
            answered = await self._ask(self._probe_set().texts[:1])
        except HemostatError as error:
            return [str(error)]
        if answered.status != 200:
            return [f"The edge answers {answered.status} to a prediction."]
        return []

    @fulfils(probe_predictions)
    async def probe_predictions(self, request: ProbePredictions) -> ProbeResult:
        """Ask for the whole set; with a status other than 200, ``n`` is 0."""
        probe_set = self._probe_set()
        answered = await self._ask(probe_set.texts)
        if answered.status != 200:
            return ProbeResult(status=answered.status, n=0, accuracy=0.0, negative_share=0.0)
        return ProbeResult(
            status=200,
            n=len(answered.labels),
            accuracy=probe_set.accuracy(answered.labels),
            negative_share=negative_share(answered.labels),
            versions=tuple(sorted(answered.versions)),
        )

    @fulfils(send_canary_feedback)
    async def send_canary_feedback(self, request: SendCanaryFeedback) -> CanaryResult:
        """Post the text as the canary's account and say the status, whatever it is."""
        answer = await self._http.ask(
            "POST",
            self.connection.feedback_path,
            content={"text": request.text, "label": self.connection.canary_label},
            headers={self.connection.account_header: self.connection.canary_account},
            expect=None,
        )
        return CanaryResult(status=answer.status)

    @fulfils(seal_probes)
    async def seal_probes(self, request: SealProbes) -> Sealed:
        """Seal what each text is answered now, or the status that stopped it."""
        texts = self._probe_set().texts
        answered = await self._ask(texts)
        state = {
            "probe_set": self.connection.probe_set_digest,
            "status": answered.status,
            "versions": sorted(answered.versions),
            "answers": [list(pair) for pair in zip(texts, answered.labels, strict=False)],
        }
        item = await self._vault.put(
            json.dumps(state, sort_keys=True).encode(),
            media_type="application/json",
            name="answers to the probe set",
            source="edge",
            method="predictions through the public edge",
        )
        return Sealed(items=(item,))

    async def _ask(self, texts: list[str]) -> _Answered:
        labels: list[str] = []
        versions: set[str] = set()
        for begin in range(0, len(texts), _BATCH):
            batch = texts[begin : begin + _BATCH]
            answer = await self._http.ask(
                "POST",
                self.connection.predict_path,
                content={"texts": batch},
                headers=self.connection.headers,
                expect=None,
            )
            if answer.status != 200:
                return _Answered(answer.status, labels, versions)
            predicted = _labelled(answer, batch)
            labels += predicted.labels
            versions.add(predicted.version)
        return _Answered(200, labels, versions)

    def _probe_set(self) -> ProbeSet:
        return ProbeSet.load(self.connection.probe_set, self.connection.probe_set_digest)


def _labelled(answer: Answer, texts: list[str]) -> _Predicted:
    predicted = answer.parse(_Predicted)
    if len(predicted.labels) != len(texts):
        raise SystemUnreachable("did not label every text once", where=answer.where)
    return predicted
