"""Back to work: started behind the closed route, keys let in, then the route opened by stages.

Each takes people who agree, none happens by silence, and the suspects stay out throughout.
"""

from datetime import timedelta
from typing import Any

from schemas.ports import assistant, callers, gateway
from workflows.engine import Check, Proof, do
from workflows.exfiltration import gates, shown
from workflows.exfiltration.liability import Liability
from workflows.exfiltration.suspects import refusal

CLOSE_ROUTE = "Close the assistant's route"
OFFLINE = "Take the assistant offline"


class Reopening(Liability):
    """Everything that raises the risk again."""

    async def re_enable(self) -> None:
        """All of it, as far as people agree."""
        if not self.offline_stands():
            return
        if await self.start_again() and await self.let_in_again():
            await self.open_by_stages()

    def offline_stands(self) -> bool:
        """Whether it was taken offline at all: people may have said no."""
        return self.route_closed

    async def start_again(self) -> bool:
        """Behind the closed route, to try it."""
        turn = assistant.TurnAssistant()
        off = do(assistant.take_offline, turn)
        return await self.restore_in_stages(
            "Start the assistant behind its closed route",
            stages=(),
            admit=lambda _: off,
            guard=self.guard(),
            fall_back=off,
            finish=[do(assistant.bring_online, turn)],
            finished=self.looks(shown.assistant_is(online=True)),
            no_longer_watched="",
            lifts=OFFLINE,
            agree=gates.BRING_BACK,
        )

    async def let_in_again(self) -> bool:
        """The keys of those whom nobody suspects, while the route is closed still."""
        peers = [caller for caller in self.peers() if caller in self.refused]
        if not peers:
            return True
        blocks = [callers.BlockCaller(caller=caller) for caller in peers]
        back = do(callers.block_caller, blocks[0])
        done = await self.restore_in_stages(
            "Let the keys of all others in again",
            stages=(),
            admit=lambda _: back,
            guard=self.guard(),
            fall_back=back,
            finish=[do(callers.unblock_caller, block) for block in blocks],
            finished=self.looks(
                *(shown.caller_is_not_blocked(self.incident, caller) for caller in peers)
            ),
            no_longer_watched="",
            lifts=tuple(refusal(caller) for caller in peers),
            agree=gates.LET_IN,
        )
        self.nobody_passes = not done
        return done

    async def open_by_stages(self) -> bool:
        """A share of the trusted callers, more of them, all; a leak closes it again by itself."""
        p, suspects, peers = self.parameters, self.suspects(), self.peers()
        close = gateway.IsolateEndpoint(route=p.route)
        leaks = [shown.replay_leaks_nothing(caller) for caller in suspects[:1]]
        opened = await self.restore_in_stages(
            "Re-enable the assistant",
            stages=p.stages,
            admit=lambda percent: do(
                gateway.admit_cohort, gateway.AdmitCohort(route=p.route, percent=percent)
            ),
            guard=self.guard(*leaks, shown.assistant_is(online=True)),
            fall_back=do(gateway.isolate_endpoint, close),
            finish=[do(gateway.restore_endpoint, close)],
            finished=self.looks(
                shown.route_is_open(self.incident, p.route),
                *(shown.caller_is_refused(caller) for caller in suspects[:3]),
                *(shown.caller_passes(peer) for peer in peers[:2]),
            ),
            no_longer_watched="",
            lifts=CLOSE_ROUTE,
            agree=gates.REENABLE,
        )
        self.route_closed = not opened
        return opened

    def guard(self, *checks: Check[Any, Any]) -> Proof:
        """Every look must hold; the first that does not breaks the stage."""
        p = self.parameters
        return Proof(checks, polls=p.stage_looks, every=p.stage_look_every, within=timedelta(0))
