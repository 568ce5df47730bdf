"""Where each key of a TOML text stands: its path, and the line a person has to look at.

``tomllib`` gives values without positions and the maintained TOML libraries keep none either, so
the text is read a second time, statement by statement, each by ``tomllib`` itself. A key inside an
inline table or an array is at the line where its statement begins. Pure.
"""

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

Path_ = tuple[str | int, ...]
"""Keys from the root; an integer is a position in an array."""


class Lines:
    """The lines of one TOML text, which must be valid TOML."""

    def __init__(self, text: str) -> None:
        self._at: dict[Path_, int] = {}
        self._arrays: dict[Path_, int] = {}
        prefix: Path_ = ()
        for number, statement in _statements(text):
            if statement.lstrip().startswith("["):
                prefix = self._enter(statement)
                self._at.setdefault(prefix, number)
            else:
                for path in _paths(tomllib.loads(statement)):
                    self._at.setdefault(prefix + path, number)

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of *path*, or of its nearest ancestor that stands in the text, else 1."""
        for length in range(len(path), 0, -1):
            if found := self._at.get(tuple(path[:length])):
                return found
        return 1

    def _enter(self, header: str) -> Path_:
        """Return the path that the statements after *header* belong to."""
        node: Any = tomllib.loads(header)
        keys: list[str] = []
        while node:
            ((key, node),) = node.items()
            keys.append(key)
            if isinstance(node, list):
                break
        path: Path_ = ()
        for depth, key in enumerate(keys, start=1):
            path = (*path, key)
            if depth == len(keys) and isinstance(node, list):
                self._at.setdefault(path, 0)
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or assignment with the number of its first line."""
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        end = start + 1
        if lines[start].strip() and not lines[start].lstrip().startswith("#"):
            while not _complete("\n".join(lines[start:end])) and end < len(lines):
                end += 1
            yield start + 1, "\n".join(lines[start:end])
        start = end


def _complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(node: Any) -> Iterator[Path_]:
    """Every path inside a parsed value, ancestors first."""
    if not isinstance(node, dict | list):
        return
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (key,)
        for rest in _paths(value):
            yield (key, *rest)
