"""The catalogue of clocks: read whole, refused whole, each problem named. Not legal advice.

``clocks.yaml`` lies beside this file. It is data with an edition and a digest; whoever keeps it
changes the file, not code. Not for workflows: it reads a file.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import JsonValue, ValidationError

from schemas.base import Digest, Frozen
from schemas.canonical import digest_bytes
from schemas.clocks.definition import AnchorKind, ClockDefinition, LegalBasis
from schemas.clocks.states import ClockState
from schemas.errors import ConfigurationError

FILE: Final = "clocks.yaml"


class Catalogue(Frozen):
    """All clocks of one edition, with the rules of counting they were compiled under."""

    version: int
    compiled_on: date
    rules: dict[str, str]
    states: tuple[ClockState, ...]
    clocks: tuple[ClockDefinition, ...]
    test_vectors: tuple[dict[str, JsonValue], ...] = ()
    digest: Digest

    def clock(self, clock: str) -> ClockDefinition:
        """Return one clock; ``KeyError`` if there is none."""
        return {known.id: known for known in self.clocks}[clock]

    def regimes(self) -> tuple[str, ...]:
        """The shortest names by which a service can declare a regime."""
        return tuple(dict.fromkeys(clock.id.partition("-")[0] for clock in self.clocks))

    def of(self, regime: str) -> tuple[ClockDefinition, ...]:
        """The clocks of *regime*: those whose id is it, or begins with it and a hyphen."""
        return tuple(c for c in self.clocks if c.id == regime or c.id.startswith(f"{regime}-"))

    def basis(self, regimes: Iterable[str], countries: Iterable[str] = ()) -> LegalBasis | None:
        """Return what an incident under *regimes* is pinned to; None where there are none.

        Raises ``ConfigurationError`` for a regime without any clock.
        """
        declared = tuple(dict.fromkeys(regimes))
        if not declared:
            return None
        for regime in declared:
            if not self.of(regime):
                raise ConfigurationError(
                    f"there is no legal regime {regime!r}",
                    where="regimes",
                    next_step=f"use one of: {', '.join(self.regimes())}, or the id of a clock.",
                )
        wanted = {clock.id for regime in declared for clock in self.of(regime)}
        for clock in [c for c in self.clocks if c.id in wanted]:
            before: str | None = clock.id  # a chain is of no use without what it hangs on
            while before:
                wanted.add(before)
                before = _before(self.clock(before))
        return LegalBasis(
            version=self.version,
            compiled_on=self.compiled_on,
            catalogue=self.digest,
            regimes=declared,
            countries=tuple(countries),
            clocks=tuple(clock for clock in self.clocks if clock.id in wanted),
        )


@cache
def catalogue() -> Catalogue:
    """Return the edition that this installation carries."""
    return parse_catalogue(files(__package__).joinpath(FILE).read_bytes(), FILE)


def parse_catalogue(content: bytes, where: str = FILE) -> Catalogue:
    """Return the catalogue in *content*; ``ConfigurationError`` tells every problem at once."""
    try:
        document: Any = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{where}:{mark.line + 1}" if mark else where
        raise _wrong(["this is not YAML"], at) from error
    if not isinstance(document, dict):
        raise _wrong(["it is no table"], where)
    try:
        read = Catalogue.model_validate({**document, "digest": digest_bytes(content)})
    except ValidationError as error:
        raise _wrong([_say(document, detail) for detail in error.errors()], where) from error
    if problems := list(_dangling(read)):
        raise _wrong(problems, where)
    return read


def _wrong(problems: list[str], where: str) -> ConfigurationError:
    return ConfigurationError(
        "; ".join(problems), where=where, next_step="correct the catalogue of clocks."
    )


def _say(document: dict[str, Any], detail: Any) -> str:
    """One problem of the shape, with the clock's own id instead of its number."""
    path = [str(part) for part in detail["loc"]]
    clocks = document.get("clocks")
    if path[:1] == ["clocks"] and len(path) > 1 and isinstance(clocks, list):
        entry = clocks[int(path[1])] if path[1].isdigit() else None
        path[1] = str(entry.get("id", path[1])) if isinstance(entry, dict) else path[1]
    said = detail["msg"].removeprefix("Value error, ")
    return f"{' '.join(path)}: {said[:1].lower()}{said[1:]}"


def _dangling(read: Catalogue) -> Iterator[str]:
    """What names a clock that is not there, or itself by way of others."""
    known = {clock.id: clock for clock in read.clocks}
    if len(known) < len(read.clocks):
        yield "two clocks have the same id"
    for clock in read.clocks:
        for name in _names(clock):
            if name not in known:
                yield f"{clock.id}: it names the clock {name!r}, which is not there"
        seen, before = {clock.id}, _before(clock)
        while before in known:
            if before in seen:
                yield f"{clock.id}: it waits for itself"
                break
            seen.add(before)
            before = _before(known[before])


def _names(clock: ClockDefinition) -> tuple[str, ...]:
    named = [*clock.excludes, clock.same_as, _before(clock)]
    return tuple(dict.fromkeys(name for name in named if name))


def _before(clock: ClockDefinition) -> str | None:
    if clock.same_as:
        return clock.same_as
    anchor = clock.starts_at
    return anchor.clock if anchor.kind is AnchorKind.FILED else None
