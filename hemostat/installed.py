"""Playbooks and adapters that other packages bring: a company's own, without a fork.

Law: they are looked for in one place, the entry points of the packages that are installed beside
this one; no folder, variable or setting adds another. Whoever may install packages here decides
what runs here. Nothing of theirs is imported or run by this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

Group = Literal["hemostat.playbooks", "hemostat.adapters"]
PLAYBOOKS: Final[Group] = "hemostat.playbooks"
ADAPTERS: Final[Group] = "hemostat.adapters"


@dataclass(frozen=True)
class Installed:
    """One playbook or adapter, as the package that brings it names it."""

    group: Group
    name: str
    module: str
    package: str
    version: str

    def __str__(self) -> str:
        kind = self.group.removeprefix("hemostat.").removesuffix("s")
        return f"the {kind} {self.name!r} of {self.package} {self.version}"

    @property
    def top(self) -> str:
        """The import package that the module is in."""
        return self.module.partition(".")[0]

    def where(self) -> Path | None:
        """Return the file of the module; None if it is not where its package is."""
        parts = self.module.split(".")
        base = _place(self.top)
        if base is None or (base.is_file() and len(parts) > 1):
            return None
        if base.is_file():
            return base
        file = base.joinpath(*parts[1:])
        found = [file.with_suffix(".py"), file / "__init__.py"]
        return next((one for one in found if one.is_file()), None)


@cache
def installed(group: Group) -> tuple[Installed, ...]:
    """Return what is installed, by name; ``ConfigurationError`` where two have one name."""
    found: dict[str, Installed] = {}
    for entry in entry_points(group=group):
        package = entry.dist.name if entry.dist else "?"
        version = entry.dist.version if entry.dist else "?"
        one = Installed(group, entry.name, entry.module, package, version)
        other = found.setdefault(one.name, one)
        if other != one:
            raise ConfigurationError(
                f"{other} has the name of {one}", next_step="uninstall one of the two packages."
            )
    return tuple(found[name] for name in sorted(found))


def packages() -> dict[str, str]:
    """Return the packages that bring something, with their versions."""
    return {one.package: one.version for group in (PLAYBOOKS, ADAPTERS) for one in installed(group)}


def sources() -> dict[str, Digest]:
    """Return the digest of each file of those packages, by its path below its import package."""
    tops = {one.top for group in (PLAYBOOKS, ADAPTERS) for one in installed(group)}
    return {
        path: digest_bytes(file.read_bytes()) for top in sorted(tops) for path, file in _of(top)
    }


def source_of(playbook: str) -> str | None:
    """Return the path in ``sources`` of an installed playbook; None for what is not installed."""
    for one in installed(PLAYBOOKS):
        file, place = one.where(), _place(one.top)
        if one.name == playbook and file and place:
            return file.relative_to(place.parent).as_posix()
    return None


def _of(top: str) -> Iterator[tuple[str, Path]]:
    place = _place(top)
    if place is None:
        return
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file.relative_to(place.parent).as_posix(), file


def _place(top: str) -> Path | None:
    """The folder of an import package, or the file of a module; looked up, not imported."""
    spec = find_spec(top)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else Path(str(spec.origin))
