"""One replica's loaded model, and how it changes: only when told to.

Law: an alias that moves in the registry changes nothing here until ``reload``. A version is
loaded only if its files have the digest that was recorded when it was registered.
"""

from dataclasses import dataclass

from hemostat.drill.range.sentiment.model import SentimentModel
from hemostat.drill.range.sentiment.registry import ModelVersion, Registry
from hemostat.drill.range.sentiment.store import now


@dataclass(frozen=True)
class Loaded:
    """The model that answers now."""

    version: str
    digest: str
    loaded_at: str
    model: SentimentModel


class Serving:
    """Holds one loaded model. Replacing it is one assignment: a request sees the old or the new."""

    def __init__(self, replica: str, registry: Registry, pinned: str | None = None) -> None:
        self.replica = replica
        self.registry = registry
        self.pinned = pinned
        self._loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """The model that answers now. Raises ``RuntimeError`` before the first ``reload``."""
        if self._loaded is None:
            raise RuntimeError("no model is loaded yet")
        return self._loaded

    @property
    def ready(self) -> bool:
        """Whether a model is loaded."""
        return self._loaded is not None

    def reload(self) -> Loaded:
        """Load what the alias (or the pin) names now. Raises ``RegistryError``, blocks."""
        found = (
            self.registry.champion() if self.pinned is None else self.registry.version(self.pinned)
        )
        if self._loaded is None or self._loaded.version != found.version:
            self._loaded = self.load(found)
        return self._loaded

    def load(self, version: ModelVersion) -> Loaded:
        """Download and check ``version`` without serving it. Blocks."""
        files = self.registry.download(version)
        model = SentimentModel.load(files, version.digest)
        return Loaded(version.version, version.digest, now(), model)

    def describe(self) -> dict[str, str]:
        """The answer of ``GET /admin/model``."""
        return {
            "replica": self.replica,
            "model": self.registry.model,
            "version": self.loaded.version,
            "digest": self.loaded.digest,
            "loaded_at": self.loaded.loaded_at,
        }
