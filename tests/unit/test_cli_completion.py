"""``hemostat completion``: the scripts are the shells' own, and what they ask is answered."""

import os
import shutil
import subprocess
import sys

import pytest

from hemostat.cli import run

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_calls_back_and_the_shell_reads_it(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_HEMOSTAT_COMPLETE={shell}_complete" in script
    if found := shutil.which(shell):
        read = subprocess.run(
            [found, "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert (read.returncode, read.stderr) == (0, "")


def test_another_shell_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "cmd"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("hemostat de", 1, {"plain,decide", "plain,determine"}),
        ("hemostat break", 1, {"plain,break-glass"}),
        ("hemostat keys ro", 2, {"plain,rotate"}),
        ("hemostat show --fo", 2, {"plain,--follow"}),
        ("hemostat decide i g app", 4, {"plain,approve"}),
    ],
)
def test_a_tab_completes_commands_options_and_choices(
    words: str, at: int, expected: set[str]
) -> None:
    asked = {"_HEMOSTAT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    answered = subprocess.run(
        [sys.executable, "-m", "hemostat"],
        env={**os.environ, **asked},
        text=True,
        capture_output=True,
        check=False,
    )
    assert set(answered.stdout.split()) == expected
    assert answered.stderr == ""
