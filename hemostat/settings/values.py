"""What values of ``hemostat.toml`` look like: durations, and references to secrets."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from schemas.errors import ConfigurationError

SecretRef = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""Where a secret is: ``env:NAME`` or ``file:PATH``. Never the secret itself."""

_DURATION: Final = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
LONGEST: Final = timedelta(days=3653)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_duration(value: object) -> timedelta:
    """Return the duration that "90s", "10m", "24h", "2d" or "250ms" says."""
    if isinstance(value, timedelta):  # said in code, where it is no string to begin with
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a duration is a number with its unit, such as "90s", "10m" or "24h"')
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError("a duration is ten years at most: no calendar holds what is longer")
    return timedelta(seconds=seconds)


def not_nothing(value: timedelta) -> timedelta:
    """Return *value*; a time to answer in is no time if it is none."""
    if not value:
        raise ValueError('nobody answers in no time: give people some, such as "5m"')
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Patience = Annotated[Duration, AfterValidator(not_nothing)]
"""How long somebody has."""
"""A duration as people write it."""


def read_secret(ref: str) -> str:
    """Return the secret that *ref* points at, without one trailing newline.

    Raises ``ConfigurationError``, which names the reference and never the secret.
    """
    kind, _, place = ref.partition(":")
    try:
        secret = os.environ[place] if kind == "env" else Path(place).read_text("utf-8")
    except KeyError:
        message, hint = "the environment variable is not set", f"set {place} for this process."
    except (OSError, UnicodeDecodeError) as error:
        message, hint = f"the file cannot be read ({type(error).__name__})", "create it, mode 0600."
    else:
        if secret := secret.removesuffix("\n").removesuffix("\r"):
            return secret
        message, hint = "the secret is empty", "put the secret there."
    raise ConfigurationError(message, where=ref, next_step=hint)
