"""The pictures that a proof uploads: fixed, pinned by digest, base64 ``content`` a line."""

import base64
import json
from typing import Final

from activities.parts.pinned_file import pinned_lines, unusable
from schemas.base import Digest

_WHAT: Final = "picture set"


def picture_set(file: str, digest: Digest) -> list[bytes]:
    """Read ``file:PATH``, a JSON object with base64 ``content`` a line.

    ``ConfigurationError``: unreadable, empty, or not of *digest*.
    """
    try:
        return [
            base64.b64decode(json.loads(line)["content"], validate=True)
            for line in pinned_lines(_WHAT, file, digest)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise unusable(_WHAT, "has a line that holds no picture") from error
