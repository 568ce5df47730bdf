"""One file a source kind: it turns a verified delivery into alerts, purely.

A module here *is* a source kind; its name is the ``kind`` of ``[sources.NAME]``. It offers
``normalise(delivery) -> Normalised`` and raises ``BrokenBody`` for what it cannot understand; where
the sender signs, ``seal(headers, body)`` as well (see ``gateway.sealed``).
Unknown keys are allowed, all text is untrusted and cut to size (``clip``); nothing is fetched.
"""

import importlib
import pkgutil
from typing import Protocol, cast

from hemostat.gateway.delivery import Delivery, Normalised
from schemas.errors import ConfigurationError


class SourceKind(Protocol):
    """What a module of this package offers."""

    def normalise(self, delivery: Delivery) -> Normalised:
        """Return the alerts of *delivery*, or raise ``BrokenBody``."""


def kinds() -> tuple[str, ...]:
    """The kinds of sources there are: the files of this package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def source_kind(kind: str, where: str) -> SourceKind:
    """Return the module of *kind*; *where* is the place that asks for it."""
    if kind not in kinds():
        raise ConfigurationError(
            f"there is no kind of source {kind!r}",
            where=where,
            next_step=f"use one of: {', '.join(kinds())}.",
        )
    return cast("SourceKind", importlib.import_module(f"{__name__}.{kind}"))
