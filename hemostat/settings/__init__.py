"""``hemostat.toml``: what it may say, what is wrong with it, and where each line of it stands."""

from hemostat.settings.file import FILE_NAME, FILE_VARIABLE, Settings
from hemostat.settings.tables import Route, Source
from hemostat.settings.values import Duration, SecretRef, read_secret

__all__ = [
    "FILE_NAME",
    "FILE_VARIABLE",
    "Duration",
    "Route",
    "SecretRef",
    "Settings",
    "Source",
    "read_secret",
]
