"""Whether there is room where this machine keeps what it must not lose.

On a full disk nothing is lost and nothing goes on: alerts are refused, decisions are not taken, and
none of the systems that are asked can say why.
"""

import os
from collections.abc import Iterator
from typing import Final

from hemostat.settings import Settings
from schemas.errors import NotHeld

LEAST: Final = 256 * 2**20
"""Bytes below which it is said; an incident takes some megabytes, a drill's evidence some more."""


def lacking(settings: Settings) -> Iterator[NotHeld]:
    """Yield a problem for each disk that is nearly full, once."""
    told: set[int] = set()
    for folder in (settings.state_folder, settings.vault_folder, settings.audit_folder):
        there = next((one for one in (folder, *folder.parents) if one.exists()), None)
        if there is None or (device := there.stat().st_dev) in told:
            continue
        told.add(device)
        disk = os.statvfs(there)
        free = disk.f_bavail * disk.f_frsize
        files = disk.f_favail if disk.f_files else None  # some file systems count none
        if free < LEAST or files == 0:
            left = f"{free // 2**20} MiB" if files != 0 else "no file"
            yield NotHeld(
                f"{left} left on this disk: once it is full nothing is taken, decided or sealed",
                where=str(folder),
                next_step="make room there.",
            )
