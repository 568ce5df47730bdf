"""What there is: playbooks and adapters exist because their files do.

Law: nothing is registered by hand. A file in ``activities/`` is an adapter, a file in
``workflows/`` a playbook, a file in ``schemas/ports/`` declares ports; a package that is installed
beside ours brings its own by entry points (``hemostat.installed``), and replaces none of ours. An
adapter is imported only when it is asked for, so a worker needs the SDKs of the systems it is
connected to and no others.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import activities
import schemas.ports
import workflows
from hemostat.installed import ADAPTERS, PLAYBOOKS
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.errors import ConfigurationError
from schemas.ports.port import FULFILS, Port
from workers.brought import brought, imported
from workflows.engine.spec import PlaybookSpec

AnyPort = Port[Any, Any]

_OURS = frozenset({"activities", "hemostat", "schemas", "workers", "workflows"})


class Adapter(Protocol):
    """What every adapter offers besides the ports it fulfils."""

    async def aclose(self) -> None:
        """Let go of connections and threads."""

    async def check(self) -> list[str]:
        """Say what keeps the system from being used, a sentence a problem; empty: nothing."""


class BuildAdapter(Protocol):
    """How an adapter is made for one connection."""

    def __call__(self, connection: Any, vault: Vault) -> Adapter:
        """Make it; does not reach out yet."""


@dataclass(frozen=True)
class AdapterType:
    """One adapter module: its settings model, how to build it, which method fulfils which port."""

    name: str
    connection: type[Frozen]
    build: BuildAdapter
    methods: Mapping[AnyPort, str]


@dataclass(frozen=True)
class Discovered:
    """The adapters that can be used here, and one line for each that cannot."""

    adapters: Mapping[str, AdapterType]
    skipped: tuple[str, ...]


def adapter_names() -> tuple[str, ...]:
    """Return the names of all adapter files, sorted; none is imported."""
    return _files_of(activities)


def all_adapter_names() -> tuple[str, ...]:
    """Return the names of our adapters and of those that packages bring; none is imported."""
    return (*adapter_names(), *(one.name for one in brought(ADAPTERS, adapter_names())))


def load_adapter(name: str) -> AdapterType:
    """Import one adapter; raise ``ConfigurationError`` if there is none, or its SDK is missing."""
    names = all_adapter_names()
    if name not in names:
        raise ConfigurationError(
            f"there is no adapter {name!r}", next_step=f"use one of: {', '.join(names)}."
        )
    if name not in adapter_names():
        return _brought_adapter(name)
    try:
        module = importlib.import_module(f"activities.{name}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package in _OURS:
            raise  # a mistake in our own code, not a missing SDK
        raise ConfigurationError(
            f"the adapter {name!r} needs the Python package {package!r}, which is not installed",
            next_step=f"install {package}, or remove the connections that use {name}.",
        ) from error
    return adapter_in(module)


def discover_adapters() -> Discovered:
    """Import every adapter that can be imported: for listings and checks, not for working."""
    found: dict[str, AdapterType] = {}
    skipped: list[str] = []
    for name in all_adapter_names():
        try:
            found[name] = load_adapter(name)
        except ConfigurationError as error:
            skipped.append(f"skipped {error}")
    return Discovered(found, tuple(skipped))


def adapter_in(module: ModuleType) -> AdapterType:
    """Return the one adapter of *module*; ``TypeError`` says which part of the contract it breaks.

    The contract: a ``Connection`` model, and exactly one class with ``@fulfils`` methods.
    """
    name = module.__name__.rpartition(".")[2]
    connection = getattr(module, "Connection", None)
    if not (inspect.isclass(connection) and issubclass(connection, Frozen)):
        raise TypeError(f"{module.__name__} has no Connection(Frozen)")
    candidates: dict[Any, dict[AnyPort, str]] = {
        cls: methods
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == module.__name__
        if (methods := fulfilled_by(cls))
    }
    if len(candidates) != 1:
        raise TypeError(f"{module.__name__} has {len(candidates)} adapter classes, expected one")
    ((cls, methods),) = candidates.items()
    return AdapterType(name, connection, cls, methods)


def all_ports() -> tuple[AnyPort, ...]:
    """Return every port that ``schemas.ports`` declares; ``TypeError`` if two share a name."""
    by_name: dict[str, AnyPort] = {}
    for name in _files_of(schemas.ports):
        for value in vars(importlib.import_module(f"schemas.ports.{name}")).values():
            if isinstance(value, Port) and by_name.setdefault(value.name, value) is not value:
                raise TypeError(f"two ports are named {value.name}")
    return tuple(by_name.values())


def discover_playbooks() -> dict[str, type]:
    """Return the playbook classes by their id, ours and those that packages bring.

    The engine's own package is none. ``ConfigurationError`` says what is wrong with one of theirs.
    """
    found = playbooks_in(
        importlib.import_module(f"workflows.{name}") for name in _files_of(workflows)
    )
    for one in brought(PLAYBOOKS, found):
        try:
            offers = playbooks_in([imported(one)])
        except TypeError as error:
            raise ConfigurationError(f"{one}: {error}", where=one.module) from error
        if set(offers) != {one.name}:
            told = ", ".join(sorted(offers)) or "none"
            raise ConfigurationError(
                f"{one} is not in {one.module}, which defines: {told}",
                next_step="name the entry point after the id of the one playbook in that file.",
            )
        found |= offers
    return found


def _brought_adapter(name: str) -> AdapterType:
    (one,) = (one for one in brought(ADAPTERS, adapter_names()) if one.name == name)
    try:
        kind = adapter_in(imported(one))
    except TypeError as error:
        raise ConfigurationError(
            f"{one} breaks the contract of adapters: {error}",
            next_step="see docs/how-to/write-an-adapter.md.",
        ) from error
    if kind.name != name:
        raise ConfigurationError(
            f"{one} is in a file named {kind.name}",
            next_step="an adapter has the name of its file.",
        )
    return kind


def playbooks_in(modules: Iterable[ModuleType]) -> dict[str, type]:
    """Return the Temporal workflows that *modules* themselves define, by playbook id."""
    found: dict[str, type] = {}
    for module in modules:
        for cls in vars(module).values():
            if not inspect.isclass(cls) or cls.__module__ != module.__name__:
                continue
            if getattr(cls, "__temporal_workflow_definition", None) is None:
                continue
            if found.setdefault(spec_of(cls).id, cls) is not cls:
                raise TypeError(f"two playbooks have the id {spec_of(cls).id}")
    return found


def spec_of(playbook: type) -> PlaybookSpec:
    """Return what a playbook declares about itself."""
    spec = getattr(playbook, "spec", None)
    if not isinstance(spec, PlaybookSpec):
        raise TypeError(f"{playbook.__module__}.{playbook.__name__} is not made by @playbook")
    return spec


def _files_of(package: ModuleType) -> tuple[str, ...]:
    """The plain modules directly in *package*, sorted; not its subpackages."""
    found = pkgutil.iter_modules(package.__path__)
    return tuple(sorted(module.name for module in found if not module.ispkg))


def fulfilled_by(cls: type) -> dict[AnyPort, str]:
    """Which of the methods of *cls*, inherited ones included, fulfils which port."""
    methods: dict[AnyPort, str] = {}
    for name, member in inspect.getmembers(cls, callable):
        port = getattr(member, FULFILS, None)
        if isinstance(port, Port) and methods.setdefault(port, name) != name:
            raise TypeError(f"{cls.__module__}.{cls.__name__} fulfils {port.name} twice")
    return methods
