"""The laws of the folders hold, and each of them bites."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workers.brought import NOT_IN_PLAYBOOKS

ROOT = Path(__file__).parents[2]
PACKAGES = ("activities", "hemostat", "schemas", "workers", "workflows")

VIOLATIONS = [
    ("schemas/base.py", "import workflows", "Layers"),
    ("schemas/base.py", "import temporalio", "Schemas import nothing of ours"),
    ("schemas/base.py", "import boto3", "Schemas import nothing of ours"),
    ("workflows/__init__.py", "import random", "Playbooks are deterministic"),
    ("workflows/__init__.py", "import activities", "Only workers introduce"),
    ("workflows/__init__.py", "import hemostat.settings", "Playbooks are deterministic"),
    ("activities/__init__.py", "import workflows", "Layers"),
    ("activities/__init__.py", "import hemostat.temporal", "Adapters take of hemostat only"),
    ("hemostat/temporal/connection.py", "import activities", "Only workers introduce"),
    ("hemostat/temporal/connection.py", "import workers", "Of hemostat, only the command line"),
    ("hemostat/identity/desk.py", "import temporalio", "Identity says who asks"),
    ("hemostat/vault/evidence.py", "import hemostat.temporal\nimport workers", "Layers"),
    (
        "hemostat/drill/range/sentiment/store.py",
        "import hemostat.vault",
        "The attacked service knows nothing",
    ),
]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, to break laws in."""
    root = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return root


def test_the_laws_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(("module", "line", "law"), VIOLATIONS)
def test_a_violation_breaks_its_law(copy: Path, module: str, line: str, law: str) -> None:
    source = copy / module
    honest = source.read_text()
    source.write_text(f"{line}\n{honest}")
    try:
        result = lint(copy)
    finally:
        source.write_text(honest)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [told for told in result.stdout.splitlines() if " BROKEN" in told]
    assert any(told.startswith(law) for told in broken), result.stdout


def test_two_adapters_that_know_each_other_break_a_law(copy: Path) -> None:
    first, second = copy / "activities/one_this.py", copy / "activities/two_that.py"
    first.write_text('"""One."""\n')
    second.write_text('"""Two."""\n\nimport activities.one_this\n')
    try:
        result = lint(copy)
    finally:
        first.unlink()
        second.unlink()
    assert "Adapters know neither each other nor any playbook BROKEN" in result.stdout


def test_what_packages_bring_is_held_to_the_contract_of_playbooks() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (ours,) = (c for c in contracts["contracts"] if c["name"].startswith("Playbooks are determ"))
    assert set(ours["forbidden_modules"]) | {"activities", "workers"} == NOT_IN_PLAYBOOKS
