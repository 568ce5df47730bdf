"""Checks a draft against the fields that a published format requires.

The formats' own schema texts are not kept here; each rule cites where the requirement is published.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]


def text(least: int = 1, most: int = 100_000) -> Rule:
    """A text of so many characters."""
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def matches(pattern: str) -> Rule:
    """A text of that form."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def number(*allowed: int) -> Rule:
    """One of these whole numbers; without any, a number from 0 on."""
    return lambda value: (
        isinstance(value, int)
        and not isinstance(value, bool)
        and (value in allowed if allowed else value >= 0)
    )


def each(rules: Mapping[str, Rule] | Rule) -> Rule:
    """A list with at least one item, and each item as *rules* say."""

    def holds(value: Any) -> bool:
        one = rules if callable(rules) else lambda item: not problems(item, rules)
        return isinstance(value, list) and bool(value) and all(one(item) for item in value)

    return holds


def of(rules: Mapping[str, Rule]) -> Rule:
    """An object as *rules* say."""
    return lambda value: not problems(value, rules)


def problems(draft: Any, rules: Mapping[str, Rule], but: tuple[str, ...] = ()) -> list[str]:
    """Return the required fields that *draft* lacks or has in another form, without those of *but*."""
    if not isinstance(draft, Mapping):
        return ["it is no object"]
    return [
        n for n, rule in rules.items() if n not in but and (n not in draft or not rule(draft[n]))
    ]
