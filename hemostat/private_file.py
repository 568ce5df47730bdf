"""A file that tells of an incident: whoever made it may read it, and says who may besides."""

import os
from pathlib import Path


def write_private(file: Path, content: bytes) -> None:
    """Write *content* to *file*, mode 0600 if it is new, else as it was; raises ``OSError``."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(content)
