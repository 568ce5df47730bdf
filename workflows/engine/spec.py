"""What a playbook declares about itself, and the decorator that makes it a Temporal workflow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from temporalio import workflow

from schemas.base import Frozen, Name
from schemas.incident import IncidentResult, OpenIncident
from schemas.ports.port import Port

P = TypeVar("P", bound=type)


@dataclass(frozen=True)
class PlaybookSpec:
    """The front matter; docs rows, console pages and the worker's start check come from it."""

    id: Name
    title: str
    ports: tuple[Port[Any, Any], ...]
    parameters: type[Frozen]
    atlas: tuple[str, ...] = ()
    csf: tuple[str, ...] = ()
    summary: str = ""

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities a service needs a connection for, sorted."""
        return tuple(sorted({port.capability for port in self.ports}))


def ports_of(module: ModuleType) -> tuple[Port[Any, Any], ...]:
    """Return the ports that a module of ``schemas.ports`` declares."""
    return tuple(value for value in vars(module).values() if isinstance(value, Port))


def playbook(
    *,
    id: Name,  # noqa: A002 - it is the field's name: a playbook's id
    title: str,
    capabilities: Sequence[ModuleType],
    parameters: type[Frozen],
    atlas: Sequence[str] = (),
    csf: Sequence[str] = (),
) -> Callable[[P], P]:
    """Make a ``Playbook`` subclass a workflow whose type is the playbook's id.

    *capabilities* are the modules of ``schemas.ports`` that it uses, all their ports included.

    Temporal wants ``run`` on the decorated class itself, so it is put there.
    """

    def decorate(cls: P) -> P:
        async def run(self: Any, opening: OpenIncident) -> IncidentResult:
            result: IncidentResult = await self.conduct(opening)
            return result

        # Temporal compares the parameters with those of __init__, annotations and all.
        del run.__annotations__["self"]
        run.__qualname__ = f"{cls.__qualname__}.run"
        run.__module__ = cls.__module__
        setattr(cls, "run", workflow.run(run))  # noqa: B010 - P is any class, mypy knows no run
        spec = PlaybookSpec(
            id=id,
            title=title,
            ports=tuple(port for module in capabilities for port in ports_of(module)),
            parameters=parameters,
            atlas=tuple(atlas),
            csf=tuple(csf),
            summary=(cls.__doc__ or "").strip().split("\n")[0],
        )
        setattr(cls, "spec", spec)  # noqa: B010 - declared on Lifecycle, P is any class
        return workflow.defn(name=id)(cls)

    return decorate
