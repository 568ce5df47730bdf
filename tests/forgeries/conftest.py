"""The pack of an incident that really ran, for every forgery anew."""

from pathlib import Path

import pytest

from tests.audit.conftest import Room, continued, resolved
from tests.forgeries.forge import Draft

__all__ = ["continued", "resolved"]


@pytest.fixture(scope="session")
def original(resolved: tuple[Room, str]) -> Path:
    """The untouched pack, evidence included."""
    room, incident = resolved
    return room.export(incident, evidence=True)


@pytest.fixture(scope="session")
def original_of_many_runs(continued: tuple[Room, str]) -> Path:
    """The untouched pack of an incident of many runs."""
    room, incident = continued
    return room.export(incident)


@pytest.fixture
def draft(resolved: tuple[Room, str], original: Path) -> Draft:
    """The pack in pieces."""
    return Draft.of(original, resolved[0].key, resolved[0].trust)


@pytest.fixture
def draft_of_many_runs(continued: tuple[Room, str], original_of_many_runs: Path) -> Draft:
    """A pack of many runs in pieces."""
    return Draft.of(original_of_many_runs, continued[0].key, continued[0].trust)
