"""The tree is what it says: known packages from this very place, small files, nothing private."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("activities", "hemostat", "schemas", "workers", "workflows")
CEILING = 400
JUNK_DRAWERS = {"common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"}

# Written so that it does not match itself: this file is searched too.
PRIVATE = re.compile(
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org|deb[.]debian[.]org"
    r"|(?:^|[^A-Za-z0-9_./-])/(?:work|farm|root)/"
)


def tracked(pattern: str = "*") -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", pattern], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_comes_from_this_tree(package: str) -> None:
    # Their names are generic: a distribution that installs `workflows` could stand in our place.
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_no_other_top_level_package_appears() -> None:
    tops = {file.relative_to(ROOT).parts[0] for file in tracked("*.py")}
    assert tops <= {*PACKAGES, "tests", "bench"}


def test_no_python_file_holds_more_than_one_idea() -> None:
    lines = {file: len(file.read_text().splitlines()) for file in tracked("*.py")}
    too_long = {str(file.relative_to(ROOT)): n for file, n in lines.items() if n > CEILING}
    assert not too_long, f"over {CEILING} lines"


def test_no_module_is_a_junk_drawer() -> None:
    named = [
        str(file.relative_to(ROOT))
        for file in tracked("*.py")
        if JUNK_DRAWERS & {*file.relative_to(ROOT).parts[:-1], *file.stem.split("_")}
    ]
    assert not named


def test_nothing_names_a_package_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        for number, line in enumerate(file.read_bytes().decode(errors="replace").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert not found


@pytest.mark.parametrize("lock", ["dev", "drill", "runtime"])
def test_a_lock_pins_everything_by_hash_and_nothing_huge(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    requirements = re.findall(
        r"^(?!#)(\S+?)==\S+((?:.*\\\n)(?:\s+--hash=sha256:\S+.*\n)+)", text, re.MULTILINE
    )
    names = {name for name, _ in requirements}
    assert len(names) > 20
    assert all(line.startswith(("#", " ", *names)) for line in text.splitlines())
    assert not {name for name in names if name.startswith(("torch", "nvidia"))}


def test_playbooks_and_engine_wait_only_where_a_run_that_is_over_stands_still() -> None:
    waits = re.compile(r"workflow\.(sleep|execute_activity|start_activity|wait_condition)\(")
    allowed = {
        "workflows/engine/commands.py",
        "workflows/engine/lifecycle.py",  # the course, which decides that the run is over
        "workflows/engine/succession.py",
    }
    found = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "workflows").rglob("*.py")
        if waits.search(file.read_text("utf-8"))
    }
    assert found == allowed
