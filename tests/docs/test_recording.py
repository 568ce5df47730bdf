"""The recorder: what was written is what is drawn, in its order, and no machine is named."""

import re
import socket
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.docs.recording import (
    COLUMNS,
    HOLD,
    LONGEST_PAUSE,
    ROWS,
    draw,
    lines,
    refuse_what_names_this_machine,
    run,
)

RED = "\x1b[31mred <&>\x1b[0m"


def test_rows_are_those_of_the_terminal_and_long_pauses_are_cut() -> None:
    rows = lines("program", [(1.0, f"{RED} and plain\r\n"), (900.0, "x" * (COLUMNS + 5) + "\r\n")])
    said = [row.text.plain for row in rows]
    assert said == ["$ program", "red <&> and plain", "x" * COLUMNS, "x" * 5]
    assert rows[2].at - rows[1].at == pytest.approx(LONGEST_PAUSE)


def test_a_drawing_moves_a_curtain_and_a_window_and_ends_with_the_last_row() -> None:
    rows = lines("program", [(float(n), f"{RED} {n}\n") for n in range(1, ROWS + 10)])
    drawn = draw("A <title>", rows)
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    said = "".join(root.itertext())
    assert "A <title>" in said
    assert said.split()[-1].endswith(str(ROWS + 9))
    scrolled = (len(rows) - ROWS) * 18
    assert f".window{{transform:translateY({-scrolled}px)" in drawn
    assert re.search(rf"animation:curtain {rows[-1].at + HOLD:.2f}s step-end", drawn)
    assert "@media (prefers-reduced-motion:reduce)" in drawn
    frames = re.findall(r"\d[\d.]*%", drawn.partition("@keyframes curtain")[2])
    assert len(frames) == len(set(frames)) == len({row.at for row in rows})


def test_what_names_this_machine_is_not_drawn() -> None:
    refuse_what_names_this_machine("nothing of it")
    with pytest.raises(SystemExit, match="names this machine"):
        refuse_what_names_this_machine(f"at {socket.gethostname()}: /tmp/x")


def test_a_real_terminal_is_recorded_and_a_program_that_fails_is_not() -> None:
    says = "import sys; print(sys.stdout.isatty()); print('b')"
    written = "".join(text for _, text in run([sys.executable, "-c", says]))
    assert written.split() == ["True", "b"]
    with pytest.raises(SystemExit, match="status"):
        list(run([sys.executable, "-c", "raise SystemExit(1)"]))
