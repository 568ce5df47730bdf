"""What is wrong with ``hemostat.toml``: every problem, each with its line and what to do next."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from hemostat.settings.toml_lines import Lines
from schemas.errors import ConfigurationError

Found = tuple[tuple[str | int, ...], str, str]
"""A problem before it has its line: path of the key, what is wrong, what to do next."""

_TOML_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_FORMS: Final = (
    ("^(env:", "a secret is given by reference, `env:NAME` or `file:PATH`, never itself"),
    ("^file:", "a file is given as `file:PATH`"),
    ("^https?://", "this is no address such as `https://host:port`, without user and query"),
    ("^[a-z0-9][a-z0-9-]", "a name is lower-case letters, digits and hyphens, at most 63"),
    ("^sha256:", "a digest is `sha256:` and 64 hexadecimal digits"),
)
"""What is said in place of a regular expression, by how that begins."""


class InvalidSettings(ConfigurationError):
    """``hemostat.toml`` has problems; ``str()`` is one line for each, in the file's order."""

    def __init__(self, problems: Sequence[ConfigurationError]) -> None:
        super().__init__("; ".join(problem.what for problem in problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def problem(file: Path, error: tomllib.TOMLDecodeError) -> InvalidSettings:
    """Return the one problem of a text that is not TOML."""
    text = str(error)
    at = _TOML_LINE.search(text)
    where = f"{file}:{at[1]}" if at and at[1] else str(file)
    what = f"this is not TOML: {_TOML_LINE.sub('', text)}"
    return InvalidSettings([ConfigurationError(what, where=where, next_step="correct the line.")])


def problems_of(
    file: Path,
    lines: Lines,
    model: type[BaseModel],
    error: ValidationError | None,
    also: Sequence[Found] = (),
) -> InvalidSettings:
    """Return all problems with their lines, in the order of the file."""
    found = [*also, *(found_by_pydantic(model, error) if error else ())]
    placed = sorted(((lines.line(path), what, hint) for path, what, hint in found))
    return InvalidSettings(
        [
            ConfigurationError(what, where=f"{file}:{line}", next_step=hint)
            for line, what, hint in dict.fromkeys(placed)
        ]
    )


def found_by_pydantic(model: type[BaseModel], error: ValidationError) -> Iterator[Found]:
    """Say each error of a validation in the words of the file; never shows a value."""
    for detail in error.errors(include_url=False, include_input=False):
        path = tuple(key for key in detail["loc"] if key != "[key]")
        key = ".".join(str(part) for part in path)
        if detail["type"] == "missing":
            within = f" in `{'.'.join(map(str, path[:-1]))}`" if path[:-1] else ""
            yield path[:-1], f"`{path[-1]}` is missing{within}", f"add `{path[-1]} = ...`."
        elif detail["type"] == "extra_forbidden":
            known = _fields(model, path[:-1])
            close = difflib.get_close_matches(str(path[-1]), known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"use one of: {', '.join(known)}."
            yield path, f"`{key}` is not a setting", hint
        else:
            pattern = str(detail.get("ctx", {}).get("pattern", ""))
            form = next((says for start, says in _FORMS if pattern.startswith(start)), "")
            form = "a path is text" if detail["type"] == "path_type" else form
            what = form or detail["msg"].removeprefix("Value error, ")
            yield path, f"`{key}`: {what[:1].lower()}{what[1:]}", "correct the value."


def _fields(model: Any, path: Sequence[str | int]) -> list[str]:
    """The settings that are known at *path* below *model*."""
    for key in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(key))
            model = field.annotation if field else None
        else:  # a table of tables or an array: down to what it holds
            model = next((arg for arg in reversed(get_args(model)) if arg is not ...), None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return sorted(model.model_fields)
    return []


def broken_references(document: dict[str, Any]) -> list[Found]:
    """Return the names that point at nothing; tolerates a document of any shape."""
    sources, services = _tables(document, "sources"), _tables(document, "services")
    connections = _tables(document, "connections")
    found: list[Found] = []
    routes = document.get("routes")
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        if isinstance(route, dict):
            found += _route(("routes", index), route, sources, services)
    for name, service in services.items():
        used = service.get("connections")
        for capability, connection in used.items() if isinstance(used, dict) else ():
            if isinstance(connection, str) and connection not in connections:
                path = ("services", name, "connections", capability)
                found.append(
                    (
                        path,
                        f"there is no connection {connection!r}",
                        _add("connections", connection, connections),
                    )
                )
    for name, table in connections.items():
        if not isinstance(table.get("adapter"), str):
            hint = 'add `adapter = "<capability>_<vendor>"`.'
            found.append(
                (("connections", name), f"`adapter` is missing in `connections.{name}`", hint)
            )
    return found


def _route(
    path: tuple[str | int, ...],
    route: dict[str, Any],
    sources: dict[str, Any],
    services: dict[str, Any],
) -> Iterator[Found]:
    source, service, playbook = (route.get(key) for key in ("source", "service", "playbook"))
    if isinstance(source, str) and source not in sources:
        yield (*path, "source"), f"there is no source {source!r}", _add("sources", source, sources)
    if isinstance(service, str) and service not in services:
        yield (
            (*path, "service"),
            f"there is no service {service!r}",
            _add("services", service, services),
        )
    elif isinstance(service, str) and isinstance(playbook, str):
        enabled = services[service].get("playbooks")
        if isinstance(enabled, list) and playbook not in enabled:
            yield (
                (*path, "playbook"),
                f"the service {service!r} has no playbook {playbook!r}",
                f'add "{playbook}" to `playbooks` of [services.{service}].',
            )


def _add(group: str, name: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"add [{group}.{name}]."


def _tables(document: dict[str, Any], group: str) -> dict[str, dict[str, Any]]:
    tables = document.get(group)
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}
