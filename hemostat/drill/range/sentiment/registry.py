"""The registry as the sentiment service uses it: MLflow's REST API, nothing else.

Law: plain HTTP to the tracking server (MLflow 3, ``/api/2.0/mlflow``), because importing the
client takes longer than everything else that a replica does at its start. What is written is what
any MLflow client reads: a run with its parameters and metrics, artifacts through the server's
proxy, a model version with lineage tags, an alias. Every failure is a :class:`RegistryError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from hemostat.drill.range.sentiment.model import ModelFiles, artifact_digest

ARTIFACT_DIGEST: Final = "artifact_digest"
DATASET_DIGEST: Final = "dataset_digest"
TRAINING_CUTOFF: Final = "training_cutoff"
PARENT_VERSION: Final = "parent_version"
VALIDATED_AT: Final = "validated_at"
RETRAIN_KEY: Final = "retrain_key"

_API: Final = "/api/2.0/mlflow"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME: Final = "mlflow-artifacts:/"


class RegistryError(Exception):
    """The registry did not answer, or refused; ``status`` is its HTTP status, if it gave one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ModelVersion:
    """One registered version."""

    version: str
    source: str
    tags: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The digest over the model's files that was recorded at registration."""
        return self.tags.get(ARTIFACT_DIGEST, "")


class Registry:
    """One registered model at one MLflow server. Thread-safe, as ``httpx2.Client`` is."""

    def __init__(self, url: str, model: str, alias: str) -> None:
        self.model = model
        self.alias = alias
        self._http = httpx2.Client(base_url=url, timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def create_model(self) -> str:
        """Create the registered model and an experiment of its name; the experiment's id."""
        self._call("POST", "registered-models/create", {"name": self.model})
        made = self._call("POST", "experiments/create", {"name": self.model})
        return str(made["experiment_id"])

    def experiment_id(self) -> str:
        """The id of the model's experiment."""
        query = {"experiment_name": self.model}
        found = self._call("GET", "experiments/get-by-name", query)
        return str(found["experiment"]["experiment_id"])

    def champion(self) -> ModelVersion:
        """The version that the alias points to now."""
        query = {"name": self.model, "alias": self.alias}
        return _version(self._call("GET", "registered-models/alias", query)["model_version"])

    def version(self, version: str) -> ModelVersion:
        """The version of this number."""
        query = {"name": self.model, "version": version}
        return _version(self._call("GET", "model-versions/get", query)["model_version"])

    def find(self, tag: str, value: str) -> ModelVersion | None:
        """The newest version whose ``tag`` is ``value``, or None."""
        query = {"filter": f"name = '{self.model}'", "max_results": 1000}
        found = self._call("GET", "model-versions/search", query).get("model_versions", [])
        versions = [version for version in map(_version, found) if version.tags.get(tag) == value]
        return max(versions, key=lambda version: int(version.version), default=None)

    def set_champion(self, version: str) -> None:
        """Point the alias to ``version``. No server that has loaded a model notices."""
        wanted = {"name": self.model, "alias": self.alias, "version": version}
        self._call("POST", "registered-models/alias", wanted)

    def download(self, version: ModelVersion) -> ModelFiles:
        """The files of ``version``, through the server's artifact proxy."""
        folder = version.source.removeprefix(_SCHEME).strip("/")
        listing = self._request("GET", _ARTIFACTS, params={"path": folder}).json()
        names = [str(file["path"]) for file in listing["files"] if not file["is_dir"]]
        return {
            name: self._request("GET", f"{_ARTIFACTS}/{folder}/{name}").content for name in names
        }

    def register(
        self,
        files: ModelFiles,
        *,
        experiment_id: str,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        started_ms: int,
    ) -> ModelVersion:
        """Record a training run with its artifacts and register it as the next version."""
        run = self._call(
            "POST",
            "runs/create",
            {"experiment_id": experiment_id, "start_time": started_ms, "tags": _pairs(tags)},
        )["run"]["info"]
        run_id, folder = str(run["run_id"]), f"{run['artifact_uri']!s}/model"
        for name, content in files.items():
            path = f"{_ARTIFACTS}/{folder.removeprefix(_SCHEME).strip('/')}/{name}"
            self._request("PUT", path, content=content)
        measured = [
            {"key": key, "value": value, "timestamp": started_ms, "step": 0}
            for key, value in metrics.items()
        ]
        self._call("POST", "runs/log-batch", {"run_id": run_id, "metrics": measured})
        made = self._call(
            "POST",
            "model-versions/create",
            {
                "name": self.model,
                "source": folder,
                "run_id": run_id,
                "tags": _pairs({**tags, ARTIFACT_DIGEST: artifact_digest(files)}),
            },
        )
        finished = {"run_id": run_id, "status": "FINISHED", "end_time": started_ms}
        self._call("POST", "runs/update", finished)
        return _version(made["model_version"])

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"params": body} if method == "GET" else {"json": body}
        return dict(self._request(method, f"{_API}/{path}", **asked).json())

    def _request(self, method: str, path: str, **asked: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **asked)
        except httpx2.HTTPError as error:
            raise RegistryError(f"{method} {path}: {type(error).__name__}: {error}") from error
        if answer.is_error:
            what = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            raise RegistryError(what, answer.status_code)
        return answer


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _version(found: Mapping[str, Any]) -> ModelVersion:
    tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
    return ModelVersion(str(found["version"]), str(found["source"]), tags)
