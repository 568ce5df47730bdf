"""Where routes are in a Caddy configuration, and what closes one of them. Pure.

The route that closes another is inserted directly before it, with the same matcher, and answers
for it. It carries a mark in a ``vars`` handler, which no client sees: effect and record are one
write, and so a worker that died after acting finds both.
"""

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import ValidationError

from schemas.base import Digest, Frozen
from schemas.canonical import canonical_json, digest_bytes
from schemas.errors import BadInput

Place = tuple[str | int, ...]
"""Where something is in the configuration, from its root."""


class Mark(Frozen):
    """What our route says about itself; ``percent`` 0: it lets nobody through."""

    incident: str
    route: str
    config_before: Digest
    status: int
    percent: int = 0
    admitted: int = 0

    @property
    def id(self) -> str:
        """The ``@id`` of the route that carries this mark."""
        return f"hemostat:{self.incident}:{self.route}"


@dataclass(frozen=True)
class Closing:
    """A route of ours in the configuration."""

    place: Place
    route: dict[str, Any]
    mark: Mark

    def stands_before(self, place: Place, target: dict[str, Any]) -> bool:
        """Whether it comes before the target, in the same list, and matches the same requests."""
        if self.place[:-1] != place[:-1] or str(self.place[-1]) == str(place[-1]):
            return False
        mine = [_but_cohort(s) for s in self.route.get("match") or [{}]]
        return int(self.place[-1]) < int(place[-1]) and mine == [
            _but_cohort(s) for s in target.get("match") or [{}]
        ]


@dataclass(frozen=True)
class Write:
    """One write at *place*: PUT inserts *route* there, PATCH replaces by it, DELETE removes."""

    method: Literal["PUT", "PATCH", "DELETE"]
    place: Place
    route: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        """Where the admin API has that place. ``BadInput`` for a name that no path can carry."""
        parts = [str(part) for part in self.place]
        if any("/" in part or not part for part in parts):
            raise BadInput("a name on the way to the route has a slash", where="gateway")
        return "/config/" + "/".join(quote(part, safe="") for part in parts)


@dataclass(frozen=True)
class Configuration:
    """The configuration at one moment, with the tag that a write on top of it must name."""

    tree: Any
    etag: str
    server: str | None
    canonical: bytes
    digest: Digest

    @classmethod
    def of(cls, tree: Any, etag: str, server: str | None) -> Self:
        """Take the configuration's JSON; with *server*, look for routes in that one only."""
        canonical = canonical_json(tree)
        return cls(tree, etag, server, canonical, digest_bytes(canonical))

    def target(self, route: str) -> tuple[Place, dict[str, Any]]:
        """Return the route with this @id and its place in a list. ``BadInput`` if there is none."""
        found = [(place, node) for place, node in self._named() if node["@id"] == route]
        if len(found) != 1 or not isinstance(found[0][0][-1], int):
            raise BadInput(
                f"the gateway has no route with the id {route!r}",
                where="gateway",
                next_step='Give the route that "@id" in the configuration of Caddy.',
            )
        return found[0]

    def closings(self, route: str) -> list[Closing]:
        """Return our routes for *route*, of every incident."""
        found = []
        for place, node in self._named():
            try:
                mark = Mark.model_validate(node["handle"][0]["hemostat"])
            except (ValidationError, LookupError, TypeError):
                continue
            if mark.route == route and node["@id"] == mark.id and isinstance(place[-1], int):
                found.append(Closing(place, node, mark))
        return found

    def closing(self, incident: str, route: str) -> Closing | None:
        """Return this incident's route for *route*."""
        return next((c for c in self.closings(route) if c.mark.incident == incident), None)

    def _named(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        start: Place = ("apps", "http", "servers", *((self.server,) if self.server else ()))
        node = self.tree
        for part in start:
            node = node.get(part) if isinstance(node, dict) else None
        pending: list[tuple[Place, Any]] = [(start, node)]
        while pending:
            place, node = pending.pop()
            if isinstance(node, dict):
                if isinstance(node.get("@id"), str):
                    yield place, node
                pending += [((*place, key), value) for key, value in node.items()]
            elif isinstance(node, list):
                pending += [((*place, index), value) for index, value in enumerate(node)]


def closing_route(
    target: dict[str, Any], mark: Mark, *, header: str = "", cohort: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the route that answers for *target*, but not to those whose *header* is in *cohort*.

    ``not`` is a list of matcher sets of which none may match, so an own entry narrows the target's
    matcher and changes nothing else of it.
    """
    match: list[dict[str, Any]] = copy.deepcopy(target.get("match") or [])
    if cohort:
        match = match or [{}]
        for matcher in match:
            matcher["not"] = [*matcher.get("not", []), {"header": {header: list(cohort)}}]
    route: dict[str, Any] = {
        "@id": mark.id,
        "handle": [
            {"handler": "vars", "hemostat": mark.model_dump(mode="json")},
            {"handler": "static_response", "status_code": mark.status},
        ],
    }
    return {**route, "match": match} if match else route


def choose_cohort(accounts: Sequence[str], percent: int) -> list[str]:
    """Return *percent* of the accounts, rounded up, in the order of their SHA-256.

    Stable, and a larger share contains each smaller one.
    """
    ranked = sorted(set(accounts), key=lambda account: hashlib.sha256(account.encode()).digest())
    return ranked[: -(-percent * len(ranked) // 100)]


def _but_cohort(matcher: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in matcher.items() if key != "not"}
