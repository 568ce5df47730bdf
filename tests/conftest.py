"""What holds for every test: commands find nobody signed in, whoever runs the tests."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def nobody_is_signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The state folder of the user is an empty one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("home")))
        yield
