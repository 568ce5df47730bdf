"""Which code and data decide here: digests of the files, as they are installed.

The build id of a worker is made of them, and Temporal writes it into each workflow task that the
worker completes; so the sealed history itself says which code decided what.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hemostat import __version__, installed
from schemas.base import Digest
from schemas.canonical import digest_bytes, digest_of

PACKAGES: Final = ("activities", "hemostat", "schemas", "workers", "workflows")
_NOT_OURS: Final = frozenset({"__pycache__"})


@cache
def sources(package: str) -> dict[str, Digest]:
    """Return the digest of each file of *package*, by its path, such as ``schemas/alert.py``."""
    folder = Path(str(import_module(package).__file__)).parent
    return {
        f"{package}/{file.relative_to(folder).as_posix()}": digest_bytes(file.read_bytes())
        for file in sorted(_files(folder))
    }


@cache
def distribution() -> Digest:
    """Return the digest of everything that decides or acts: ours, and what packages bring."""
    ours = {path: told for name in PACKAGES for path, told in sources(name).items()}
    return digest_of({**ours, **installed.sources()})


def build_id() -> str:
    """Return the build id of a worker of this installation."""
    return f"hemostat-{__version__}-{distribution().removeprefix('sha256:')[:32]}"


def code_of(playbook: str, builds: list[str], sdk: dict[str, str]) -> dict[str, Any]:
    """Return ``code.json`` of an incident.

    *builds* are those that its history names as having decided it; the digests are those of this
    installation, and the workers' too where ``same_build`` says so.
    """
    ours = build_id()
    file = installed.source_of(playbook) or f"workflows/{playbook.replace('-', '_')}.py"
    brought = installed.sources()
    told: dict[str, Any] = {
        "format": "hemostat-code/1",
        "playbook": playbook,
        "worker_builds": builds,
        "sealer_build": ours,
        "same_build": builds == [ours],
        "versions": sdk,
        "distribution": distribution(),
        "playbook_source": {
            p: d for p, d in {**sources("workflows"), **brought}.items() if p == file
        },
        "workflows": digest_of(sources("workflows")),
        "schemas": digest_of(sources("schemas")),
        "data": {p: d for p, d in sources("schemas").items() if not p.endswith(".py")},
    }
    if brought:
        told |= {"packages": installed.packages(), "installed": digest_of(brought)}
    return told


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and not _NOT_OURS & set(file.parts) and file.suffix != ".pyc":
            yield file
