"""Writes a pack: the members as they are given, and the manifest that lists them.

The same members give the same bytes, on any machine. Content is read twice, a chunk at a time:
once for its digest, once to be copied; a pack is never held in memory.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hemostat.audit.pack.archive import Content, write_archive
from schemas.audit.manifest import Manifest, Member
from schemas.canonical import canonical_json
from schemas.errors import ConfigurationError, refused_by_the_system

MANIFEST: Final = "manifest.json"


def write_pack(path: Path, about: Manifest, members: Mapping[str, Content]) -> Manifest:
    """Write the pack of *members* to *path*, whole or not at all; return its manifest.

    *about* is the manifest without its members. Raises ``ConfigurationError`` when *path* cannot
    be written, and replaces nothing that is there.
    """
    listed = tuple(_member(name, members[name]) for name in sorted(members))
    manifest = about.model_copy(update={"members": listed})
    told = canonical_json(manifest)
    everything = {**members, MANIFEST: lambda: [told]}
    begun = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Who may read it besides is for whoever made it to say.
        handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            write_archive(file, [(name, everything[name]) for name in sorted(everything)])
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(begun)
    except (FileExistsError, FileNotFoundError) as error:
        raise ConfigurationError(
            f"the pack cannot be written ({error.strerror})",
            where=str(path),
            next_step="name a new file in a folder that exists.",
        ) from error
    except OSError as error:  # no room, no permission
        raise refused_by_the_system(error) from error
    finally:
        begun.unlink(missing_ok=True)
    return manifest


def _member(name: str, content: Content) -> Member:
    digest, size = hashlib.sha256(), 0
    for chunk in content():
        digest.update(chunk)
        size += len(chunk)
    return Member(name=name, size=size, digest=f"sha256:{digest.hexdigest()}")
