"""After the glass was broken: the CISO is paged, and a review must be done before closing."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Protocol

from pydantic import JsonValue

from schemas.gate import BreakGlassUse, GatePolicy, Outcome
from schemas.journal import Kind
from workflows.engine import commands
from workflows.engine.paging import Pager
from workflows.engine.record import Record

REVIEWER = "ciso"
"""The role that is paged and that judges; the reviewed person does not."""


def review_gate(review: str) -> GatePolicy:
    """The gate at which a use of break-glass is judged."""
    return GatePolicy(
        id=review,
        asks="The glass was broken. Was it justified? Either answer ends the review.",
        roles=(REVIEWER,),
        timer=timedelta(hours=24),
        ladder=("commander",),
        ladder_every=timedelta(hours=24),
        on_reject="recorded as not justified",
    )


class Ask(Protocol):
    """How a review is put before people."""

    async def __call__(
        self, policy: GatePolicy, shown: dict[str, JsonValue], *, requesters: tuple[str, ...]
    ) -> Outcome:
        """Open a gate and return its outcome."""


class GlassReviews:
    """The uses of break-glass in one incident that nobody has judged yet."""

    def __init__(
        self,
        record: Record,
        pager: Pager,
        background: Callable[[Coroutine[Any, Any, Any], str], Any],
        ask: Ask,
    ) -> None:
        self._record = record
        self._pager = pager
        self._background = background
        self._ask = ask
        self._count = 0
        self._pending: dict[str, dict[str, JsonValue]] = {}

    def used(self, use: BreakGlassUse, until: str) -> None:
        """Someone broke the glass: page, and ask for the review at once."""
        self._count += 1
        review = f"review-break-glass-{self._count}"
        self._pending[review] = {
            "gate": use.gate,
            "by": use.actor,
            "reason": use.reason,
            "alone_until": until,
        }
        self._pager.call(REVIEWER, review, f"The glass was broken at gate {use.gate}")
        self._background(self._review(review), "review")

    def go_on(self) -> None:
        """Ask again, in a new run, for what was not judged in the last one."""
        for review in self._pending:
            self._background(self._review(review), "review")

    async def done(self) -> None:
        """Wait until every use is judged; an incident does not close before."""
        if self._pending:
            self._record.write(Kind.FINDING, "Not closing before break-glass is reviewed")
            await commands.until(lambda: not self._pending)

    async def _review(self, review: str) -> None:
        shown = self._pending[review]
        policy = review_gate(review)
        outcome: Outcome | None = None
        while outcome not in (Outcome.APPROVED, Outcome.REJECTED):
            outcome = await self._ask(policy, shown, requesters=(str(shown["by"]),))
        justified = outcome is Outcome.APPROVED
        self._record.write(
            Kind.FINDING,
            f"Break-glass was reviewed: {'justified' if justified else 'not justified'}",
            data={"review": review, "justified": justified},
        )
        del self._pending[review]

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {"count": self._count, "pending": dict(self._pending)}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._count = dumped.get("count", 0)
        self._pending = dict(dumped.get("pending", {}))
