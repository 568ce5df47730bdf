"""Records a real run at a terminal and draws it as an SVG that plays by itself: ``make recording``.

Law: every line is what the program wrote into a pseudo-terminal, in its order. Only time is edited:
pauses are cut and the rest plays faster, which the picture says. It fetches nothing, runs no
script, stands still at the end where people asked for less motion, and a line that names this
machine makes no picture.
"""

import argparse
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from html import escape
from pathlib import Path
from termios import TIOCSWINSZ

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

COLUMNS, ROWS = 100, 36
SPEED, LONGEST_PAUSE, A_LINE, HOLD = 4.0, 1.2, 0.14, 8.0
"""How many times faster it plays; then seconds: a pause at most, a line of a block, the end."""

_CELL_WIDTH, _CELL_HEIGHT, _EDGE, _TOP = 8.4, 18, 14, 40
_PAPER, _INK = "#1b1f24", "#d0d4d8"


@dataclass(frozen=True)
class Line:
    """One row of the terminal, and when it was complete, in seconds of the picture."""

    at: float
    text: Text


def run(argv: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Run *argv* at a pseudo-terminal; yield what it writes, with the second; raise if it fails."""
    began = time.monotonic()
    terminal, inside = pty.openpty()
    ioctl(inside, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    size = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    program = subprocess.Popen(
        argv, stdin=inside, stdout=inside, stderr=inside, env={**os.environ, **size}
    )
    os.close(inside)
    text, rest = b"", b""
    try:
        while data := _read(terminal):
            whole = (rest + data).rfind(b"\n") + 1
            text, rest = (rest + data)[:whole], (rest + data)[whole:]
            if text:
                yield time.monotonic() - began, text.decode()
    finally:
        os.close(terminal)
        program.terminate()  # says nothing to one that has ended
        status = program.wait()
    if status != 0:
        said = Text.from_ansi((text + rest).decode()).plain.strip()
        raise SystemExit(f"{said}\nended with status {status}: nothing is drawn")


def _read(terminal: int) -> bytes:
    """What the program writes next; nothing once it and its terminal are gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def lines(command: str, written: Sequence[tuple[float, str]]) -> list[Line]:
    """The rows of the terminal, with the times of the picture at which they appear."""
    found = [Line(0.0, Text(f"$ {command}", style="bold"))]
    now, before = 1.0, 0.0
    for at, text in written:
        now = max(now, found[-1].at + min((at - before) / SPEED, LONGEST_PAUSE))
        before = at
        said = text.splitlines()
        for line in said:
            for row in _folded(Text.from_ansi(line)):
                found.append(Line(now, row))
                now += A_LINE if len(said) > ROWS else 0.0  # the closing report is one block
    return found


def _folded(line: Text) -> list[Text]:
    """One written line as the rows that a terminal makes of it."""
    line.rstrip()
    return list(line.divide(range(COLUMNS, len(line), COLUMNS)))


def draw(title: str, rows: Sequence[Line]) -> str:
    """Return the SVG: all rows below each other, a window over them, a curtain over what is to come."""
    last = rows[-1].at + HOLD
    width, height = COLUMNS * _CELL_WIDTH + 2 * _EDGE, ROWS * _CELL_HEIGHT + _TOP + _EDGE
    curtain, window = [], []
    for number, row in enumerate(rows, 1):
        share = f"{100 * row.at / last:.3f}%"
        curtain.append(f"{share}{{transform:translateY({number * _CELL_HEIGHT}px)}}")
        window.append(f"{share}{{transform:translateY({-_scrolled(number)}px)}}")
    styles: dict[str, str] = {}
    drawn = "\n".join(_row(number, row.text, styles) for number, row in enumerate(rows))
    classes = "".join(f".{name}{{{css}}}" for css, name in styles.items())
    tall = len(rows) * _CELL_HEIGHT
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img">
<title>{escape(title)}</title>
<style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:{_INK}}}
.bar{{font-size:12px;fill:#8b949e}}
{classes}
.window{{transform:translateY({-_scrolled(len(rows))}px);animation:window {last:.2f}s step-end infinite}}
.curtain{{transform:translateY({tall}px);animation:curtain {last:.2f}s step-end infinite}}
@media (prefers-reduced-motion:reduce){{.window,.curtain{{animation:none}}}}
@keyframes window{{{_merged(window)}}}
@keyframes curtain{{{_merged(curtain)}}}
</style>
<defs><clipPath id="pane"><rect y="{_TOP}" width="{width:g}" height="{ROWS * _CELL_HEIGHT}"/></clipPath></defs>
<rect width="{width:g}" height="{height}" rx="8" fill="{_PAPER}"/>
<circle cx="20" cy="20" r="5" fill="#4b535d"/><circle cx="38" cy="20" r="5" fill="#4b535d"/>
<circle cx="56" cy="20" r="5" fill="#4b535d"/>
<text class="bar" x="{width / 2:g}" y="24" text-anchor="middle">{escape(title)}</text>
<g clip-path="url(#pane)"><g class="window">
{drawn}
<rect class="curtain" y="{_TOP}" width="{width:g}" height="{tall}" fill="{_PAPER}"/>
</g></g>
</svg>
"""


def _scrolled(shown: int) -> int:
    return max(0, shown - ROWS) * _CELL_HEIGHT


def _merged(frames: Sequence[str]) -> str:
    """Keyframes without those that a later one of the same moment replaces."""
    by_moment = dict(frame.split("{", 1) for frame in frames)
    return "".join(f"{moment}{{{css}" for moment, css in by_moment.items())


def _row(number: int, text: Text, styles: dict[str, str]) -> str:
    """One row; each stretch of one style is as wide as its cells, whatever font is there."""
    y, at, spans = _TOP + number * _CELL_HEIGHT + 13, 0, []
    for segment in text.render(_CONSOLE):
        said, cells = segment.text, len(segment.text)
        if said.strip():
            lead = len(said) - len(said.lstrip())
            css = _css(segment.style)
            name = f' class="{styles.setdefault(css, f"r{len(styles)}")}"' if css else ""
            x, wide = _EDGE + (at + lead) * _CELL_WIDTH, len(said.strip()) * _CELL_WIDTH
            spans.append(
                f'<text{name} x="{x:g}" y="{y}" textLength="{wide:g}">{escape(said.strip())}</text>'
            )
        at += cells
    return "".join(spans)


def _css(style: Style | None) -> str:
    if style is None:
        return ""
    css = []
    if style.color is not None and not style.color.is_default:
        css.append(f"fill:{style.color.get_truecolor(SVG_EXPORT_THEME).hex}")
    if style.bold:
        css.append("font-weight:bold")
    if style.dim:
        css.append("opacity:.65")
    return ";".join(css)


def refuse_what_names_this_machine(text: str) -> None:
    """Raise if the picture would tell where it was made."""
    told = {socket.gethostname(), str(Path.home()), str(Path.cwd()), "/tmp"}  # noqa: S108 - looked for
    if found := sorted(n for n in told if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text)):
        raise SystemExit(f"the recording names this machine: {', '.join(found)}; nothing is drawn")


def main() -> None:
    """Run the command and draw what it wrote; or draw what an earlier run wrote."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    parser.add_argument("--keep", type=Path, help="Keep what was written, to draw it again.")
    parser.add_argument("--again", type=Path, help="Draw what was kept, and run nothing.")
    given = parser.parse_args()
    shown = " ".join(given.command)
    if given.again:
        written = json.loads(given.again.read_text())
    else:
        program = [str(Path(sys.executable).parent / given.command[0]), *given.command[1:]]
        written = list(run(program))
    if given.keep:
        given.keep.write_text(json.dumps(written))
    took = written[-1][0]
    title = f"{shown} ({took:.0f} s, played {SPEED:g} times faster, pauses cut)"
    drawn = draw(title, lines(shown, written))
    refuse_what_names_this_machine(drawn)
    given.picture.write_text(drawn, encoding="utf-8")


_CONSOLE = Console(width=COLUMNS, color_system="truecolor", force_terminal=True)

if __name__ == "__main__":
    main()
