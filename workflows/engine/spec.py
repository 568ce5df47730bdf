"""What a playbook declares about itself, and the decorator that makes it a Temporal workflow."""

import dataclasses
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
    optional: tuple[Name, ...] = ()
    """The capabilities that only a service needs whose parameter of that name is not empty."""

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
    optional: Sequence[ModuleType] = (),
) -> Callable[[P], P]:
    """Make a ``Playbook`` subclass a workflow whose type is the playbook's id.

    *capabilities* are the modules of ``schemas.ports`` that it uses, all their ports included;
    *optional* are such as well, and needed only where the service's parameter of that name is not
    empty.

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
            ports=tuple(p for module in (*capabilities, *optional) for p in ports_of(module)),
            parameters=parameters,
            atlas=tuple(atlas),
            csf=tuple(csf),
            summary=(cls.__doc__ or "").strip().split("\n")[0],
            optional=tuple(p.capability for module in optional for p in ports_of(module)[:1]),
        )
        setattr(cls, "spec", spec)  # noqa: B010 - declared on Lifecycle, P is any class
        _define(cls, id)
        return cls

    return decorate


_DEFINITION = "__temporal_workflow_definition"
_found: dict[str, Any] = {}


def _define(cls: Any, playbook_id: Name) -> None:
    """Make *cls* a workflow; what the SDK found in it when first loaded holds for each loading.

    The SDK looks at every member of every base: half of the time that a new incident waits for
    its playbook to be loaded. From one loading of a file to the next only the class and its
    ``run`` differ, provided that all handlers are the engine's, which is loaded once.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    known = _found.get(name)
    if known is not None:
        definition = dataclasses.replace(known, name=playbook_id, cls=cls, run_fn=cls.run)
        setattr(cls, _DEFINITION, definition)
        setattr(cls.run, _DEFINITION, definition)
        return
    workflow.defn(name=playbook_id)(cls)
    found = getattr(cls, _DEFINITION)
    handlers = [*found.signals.values(), *found.queries.values(), *found.updates.values()]
    if all(handler.fn.__module__.startswith("workflows.engine.") for handler in handlers):
        _found[name] = found
