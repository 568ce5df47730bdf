"""Commands in the playbook's words: ``isolate_endpoint(route=feedback)``, not payload bytes."""

import json
from dataclasses import dataclass
from typing import Any, Final

from hemostat.audit.replay.asked import Asked, Asking

_ADDRESS: Final = ("connection", "incident", "key")
"""What the engine adds to every request; said only where it differs."""

_MOST: Final = 160


@dataclass(frozen=True)
class Place:
    """A place in two JSON values at which they differ."""

    path: str
    recorded: str
    now: str
    added: bool = False
    """Whether the recorded value has nothing at this place."""


def cut(value: Any, most: int = _MOST) -> str:
    """Return *value* as short text."""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said if len(said) <= most else said[: most - 1] + "…"


def told(asked: Asked) -> str:
    """Name where in the playbook a command belongs."""
    if asked.kind in (Asking.COMPLETE, Asking.FAIL):
        return "the outcome"
    return f"step {asked.step}" if asked.step else asked.kind.value


def in_words(asked: Asked, *, only: tuple[str, ...] = ()) -> str:
    """Return *asked* as a call; with *only*, the arguments that are worth a look come first."""
    if asked.kind is Asking.ACTIVITY:
        return cut(f"{asked.name}({_arguments(asked.part('arguments'), only)})", 400)
    if asked.kind is Asking.TIMER:
        said = asked.summary.partition(": ")[2]
        return f"a timer of {asked.part('for')} s" + (f" ({cut(said)})" if said else "")
    if asked.kind is Asking.ATTRIBUTES:
        fields = {name.removeprefix("Hemostat"): asked.part(name) for name in asked.parts}
        return cut(", ".join(f"{name}={cut(value)}" for name, value in sorted(fields.items())))
    if asked.kind is Asking.MEMO:
        return "the memo " + ", ".join(sorted(asked.parts))
    if asked.kind in (Asking.CANCEL_ACTIVITY, Asking.CANCEL_TIMER):
        return f"the {asked.kind.value} {asked.id}"
    return f"the {asked.kind.value}"


def _arguments(request: Any, only: tuple[str, ...]) -> str:
    if not isinstance(request, dict):
        return cut(request)
    tops = {path.partition(".")[0].partition("[")[0] for path in only}
    names = [name for name in request if name in tops]
    names += [name for name in request if name not in tops and name not in _ADDRESS]
    shown = [f"{name}={cut(request[name], 80)}" for name in names[:8] if request[name] is not None]
    return ", ".join(shown) + (", …" if len(names) > 8 else "")


def where_they_differ(recorded: Any, now: Any, path: str = "") -> list[Place]:
    """Return each place at which two JSON values differ, in reading order."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        found: list[Place] = []
        for name in (*recorded, *(n for n in now if n not in recorded)):
            at = f"{path}.{name}" if path else str(name)
            if name not in now:
                found.append(Place(at, cut(recorded[name]), "nothing"))
            elif name not in recorded:
                found.append(Place(at, "nothing", cut(now[name]), added=True))
            else:
                found += where_they_differ(recorded[name], now[name], at)
        return found
    if isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        pairs = zip(recorded, now, strict=True)
        return [
            place
            for number, (one, other) in enumerate(pairs)
            for place in where_they_differ(one, other, f"{path}[{number}]")
        ]
    alike = recorded == now and isinstance(recorded, bool) is isinstance(now, bool)
    return [] if alike else [Place(path, cut(recorded), cut(now))]
