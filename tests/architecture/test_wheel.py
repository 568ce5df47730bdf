"""A wheel carries all that runs: whoever installs it has no checkout to fall back on."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_file_of_every_package_is_in_it(members: set[str]) -> None:
    there = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert there == {name for name in members if name.partition("/")[0] in PACKAGES}


@pytest.mark.parametrize(
    "kind", ["clocks.yaml", "console.css", "layout.html", "login.html", "report.typ", "py.typed"]
)
def test_what_is_read_at_run_time_and_is_no_python_is_in_it(members: set[str], kind: str) -> None:
    assert any(name.endswith(f"/{kind}") for name in members)


def test_it_offers_the_command_and_nothing_of_the_tests(members: set[str]) -> None:
    (points,) = (name for name in members if name.endswith("entry_points.txt"))
    assert points.startswith("hemostat-")
    assert {name.partition("/")[0] for name in members} == {*PACKAGES, points.partition("/")[0]}
