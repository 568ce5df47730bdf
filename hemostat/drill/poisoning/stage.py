"""The stage of the sentiment service."""

from hemostat.drill.addresses import Addresses
from hemostat.drill.poisoning.configuration import CAST, configuration
from hemostat.drill.range.poisoning.measure import Measurement
from hemostat.drill.range.poisoning.range import Range
from hemostat.drill.range.population import MEMBERS
from hemostat.drill.stage import StageOn
from hemostat.drill.told import everyone


class Stage(StageOn[Range]):
    """The stage of the sentiment service."""

    def __init__(self, *, respond: bool, retrain_every: float = 5.0) -> None:
        super().__init__(Range(retrain_every=retrain_every))
        self._respond = respond

    @property
    def range(self) -> Range:
        """The range."""
        return self.ground

    async def install_hemostat(self, baseline: Measurement, more: str = "") -> None:
        """Start Temporal, the stand-ins, worker and gateway, configured for this range.

        *more* are further tables of the file.
        """

        def describe(where: Addresses) -> str:
            return configuration(self.range, baseline, where) + more

        await self.install(describe, MEMBERS, everyone(CAST))
