"""A service whose containment is looked at again, and what may happen to it behind one's back."""

from datetime import timedelta
from typing import Any

from temporalio.client import Client

from schemas.incident import Service
from schemas.standing_proof import StandingProof
from schemas.step import StepClass, StepState, StepView
from tests.workflows.case import Case, service
from tests.workflows.world import World

ISOLATE = "isolate-the-feedback-endpoint"


def quick(unseen_for: float = 600.0) -> StandingProof:
    """Looks in quick succession."""
    pause = timedelta(milliseconds=50)
    return StandingProof(first=pause, at_most=pause, unseen_for=timedelta(seconds=unseen_for))


def calmly(of: Service) -> Service:
    """It is looked at again every second: few events in a history that is kept."""
    pause = timedelta(seconds=1)
    rhythm = StandingProof(first=pause, at_most=pause, unseen_for=timedelta(minutes=10))
    return of.model_copy(update={"standing_proof": rhythm})


def watched(of: Service | None = None, *, unseen_for: float = 600.0, **parameters: Any) -> Service:
    """A service whose containment is looked at again."""
    plain = of or service(**parameters)
    return plain.model_copy(update={"standing_proof": quick(unseen_for)})


async def isolated(client: Client, queue: str, of: Service | None = None) -> Case:
    """An incident whose isolation was looked at again, and held."""
    case = await Case.open(client, queue, of=of or watched())
    await case.until(lambda view: step_of(view.steps).held_at is not None, "looked at again")
    return case


def step_of(steps: tuple[StepView, ...], step: str = ISOLATE) -> StepView:
    """The step of this id, or as long as there is none, one that nobody looked at."""
    none_yet = StepView(
        id=step, title=step, step_class=StepClass.CONTAIN, state=StepState.WAITING, attempt=0
    )
    return next((s for s in steps if s.id == step), none_yet)


def wipe(world: World) -> None:
    """The gateway came up without its configuration."""
    world.isolated.clear()
