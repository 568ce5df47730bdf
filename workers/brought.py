"""What installed packages bring is held to the laws that ours are held to.

Law: an installed playbook or adapter has a name of its own, and imports only what a file of ours in
its place might; what breaks that is told before anything of it runs. The playbooks among them then
run in the same sandbox. Ours are held to it by the import contracts in ``pyproject.toml``.
"""

import ast
import importlib
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from hemostat.installed import PLAYBOOKS, Group, Installed, installed
from schemas.errors import ConfigurationError

NOT_IN_PLAYBOOKS: Final = frozenset(
    """
    activities hemostat workers
    concurrent multiprocessing os pathlib random secrets shutil signal socket ssl subprocess
    tempfile threading time urllib uuid
    boto3 botocore httpx httpx2 mlflow pagerduty requests
    """.split()
)
"""The contract "Playbooks are deterministic", and that decisions know no effects."""

NOT_IN_ADAPTERS: Final = frozenset({"workers", "workflows"})


def brought(group: Group, ours: Collection[str]) -> tuple[Installed, ...]:
    """Return what packages bring; ``ConfigurationError`` where one has a name of *ours*."""
    found = installed(group)
    for one in found:
        if one.name in ours:
            raise ConfigurationError(
                f"{one} has the name of one of Hemostat's own",
                next_step=f"give it another name, or uninstall {one.package}.",
            )
    return found


def imported(one: Installed) -> ModuleType:
    """Import the module of *one*, once its file keeps the laws; else ``ConfigurationError``."""
    file = one.where()
    if file is None:
        raise ConfigurationError(
            f"{one} is not there: no file is {one.module}",
            next_step=f"mend the entry point in the pyproject.toml of {one.package}.",
        )
    forbidden = NOT_IN_PLAYBOOKS if one.group == PLAYBOOKS else NOT_IN_ADAPTERS
    for line, name in _imports(one, file):
        if name in forbidden:
            raise ConfigurationError(
                f"{one} imports {name}, which it may not",
                where=f"{file}:{line}",
                next_step=_INSTEAD[one.group],
            )
    try:
        return importlib.import_module(one.module)
    except Exception as error:
        raise ConfigurationError(
            f"{one} cannot be imported ({type(error).__name__}: {error})",
            where=str(file),
            next_step=f"mend it, or uninstall {one.package}.",
        ) from error


_INSTEAD: Final[dict[Group, str]] = {
    "hemostat.playbooks": "a playbook reaches the outside through ports alone, and takes time and "
    "chance from self.now(), self.moment(name) and self.nonce().",
    "hemostat.adapters": "an adapter knows no playbook: it imports schemas, activities.parts, "
    "hemostat.settings and hemostat.vault.",
}


def _imports(one: Installed, file: Path) -> Iterator[tuple[int, str]]:
    """The line and the top-level name of each import of *file*."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise ConfigurationError(
            f"{one} is not Python: {error.msg}", where=f"{file}:{error.lineno}"
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]
