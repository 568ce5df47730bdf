"""The command ``hemostat``: each file here is a command, found because it exists.

A file ``name.py`` offers ``command``, a click command; it returns None or its exit status. A folder
``name/`` is a group of such files; its ``command`` is ``group(__name__, ...)``. Exit
codes: 0 held, 1 the thing checked did not hold, 2 wrong use or configuration. With ``--json``
stdout holds one JSON document and nothing else, also when the command fails; with ``--follow`` as
well, one JSON object a line.
"""

import importlib
import logging
import os
import pkgutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from hemostat import __version__
from hemostat.terminal import clean, document, object_line
from schemas.errors import HemostatError, refused_by_the_system

SECTIONS = (
    ("See", ("incidents", "show", "approvals", "clocks", "playbooks")),
    ("Decide and say", ("decide", "withdraw", "attest", "grade", "determine", "draft",
                        "break-glass", "suspect")),
    ("Before an incident", ("check", "drill", "people")),
    ("The record", ("audit", "report", "sealer")),
    ("Run it", ("up", "gateway", "worker", "accounts", "keys")),
    ("This terminal", ("login", "logout", "completion")),
)  # fmt: skip
"""What ``hemostat --help`` puts its commands under."""


class Commands(click.Group):
    """The files of one package; ``package`` is its import name."""

    package = __name__

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        found = pkgutil.iter_modules(importlib.import_module(self.package).__path__)
        return sorted(module.name.replace("_", "-") for module in found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command; the others stay unread."""
        if cmd_name not in self.list_commands(ctx):
            return None
        file = f"{self.package}.{cmd_name.replace('-', '_')}"
        command: click.Command = importlib.import_module(file).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under what they are for; one that no heading names comes last."""
        names = self.list_commands(ctx)
        known = {name for _, under in SECTIONS for name in under}
        rest = tuple(name for name in names if name not in known)
        wide = formatter.width - 6 - max(len(name) for name in names)
        for heading, under in (*SECTIONS, ("Commands", rest)):
            found = [(n, self.get_command(ctx, n)) for n in under if n in names]
            rows = [(name, of.get_short_help_str(wide)) for name, of in found if of]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows, col_max=max(len(name) for name in names) + 2)


def group(package: str, says: str) -> Commands:
    """Return the group of the commands that are files of *package*; *says* is its help."""
    found = Commands(package.rpartition(".")[2], help=says)
    found.package = package
    return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="To begin: `hemostat up`. When something is asked of you: `hemostat approvals --mine`.",
)
@click.version_option(__version__, prog_name="hemostat")
def hemostat() -> None:
    """Incident response for AI services: contain, prove it, ask people, keep the record."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    as_json = "--json" in arguments
    report = object_line if "--follow" in arguments else document
    try:
        status = hemostat.main(list(arguments), prog_name="hemostat", standalone_mode=False)
    except click.Abort:
        return _failed("interrupted", status=130)
    except click.ClickException as error:
        if as_json:
            report(asdict(_Told(error.format_message(), *_of_what(error))))
        error.show()
        return error.exit_code
    except HemostatError as error:
        if as_json:
            report(asdict(_Told(error.what, error.where, error.next_step)))
        return _failed(str(error), status=error.exit_code)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except OSError as error:
        if error.errno is None:  # no word of the system's: a bug, and its traceback tells more
            raise
        told = refused_by_the_system(error)
        with suppress(OSError):  # where stdout itself is full
            if as_json:
                report(asdict(_Told(told.what, told.where, told.next_step)))
        return _failed(str(told), status=told.exit_code)
    return status if isinstance(status, int) else 0


@dataclass(frozen=True)
class _Told:
    """What ``--json`` prints of an error."""

    error: str
    where: str
    next: str


def _of_what(error: click.ClickException) -> tuple[str, str]:
    """Which command was used wrongly, and what shows how it is used."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "hemostat"
    return path, f"see `{path} --help`."


def _failed(said: str, *, status: int) -> int:
    for part in said.splitlines():
        sys.stderr.write(clean(part) + "\n")
    return status


def main() -> NoReturn:
    """Run the command line and end the process.

    It ends at once after flushing: Temporal's native threads may abort an interpreter that shuts
    down in order (sdk-python #300).
    """
    # What the SDK mutters while it tries again is for processes that keep a log, not for a command.
    logging.getLogger("temporalio").addHandler(logging.NullHandler())
    status = run(sys.argv[1:])
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            status = status or 1
        except OSError as error:  # what was to be read did not arrive whole
            status = status or _failed(str(refused_by_the_system(error)), status=2)
    os._exit(status)


class _PlainLines(logging.Formatter):
    """Whatever a line quotes, it neither acts on a terminal nor looks like the next line."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = super().format(record).splitlines() or [""]
        return "\n".join([clean(first, _LOGGED), *(f"  {clean(line, _LOGGED)}" for line in rest)])


_LOGGED = 8000
"""Characters of a line."""


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log lines of a process that keeps running."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_PlainLines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[lines])
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request at INFO


def settings_option(function: Any) -> Any:
    """Give a command ``--config FILE``."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings file.  [default: $HEMOSTAT_CONFIG, else ./hemostat.toml]",
    )(function)


def key_option(function: Any) -> Any:
    """Give a command ``--key FILE``."""
    return click.option(
        "--key",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Sign with your own private key; `hemostat keys create` makes one.",
    )(function)


def json_option(function: Any) -> Any:
    """Give a command ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(function)


def server_option(function: Any) -> Any:
    """Give a command ``--server URL``."""
    return click.option(
        "--server",
        metavar="URL",
        help="Ask this gateway, signed in there.  [default: the last `hemostat login`, else Temporal]",
    )(function)


def speaker_options(function: Any) -> Any:
    """Give a command what whoever speaks to an incident says with it: why, who, and their key."""
    reason = click.option("--reason", required=True, help="Why; it becomes part of the record.")
    actor = click.option(
        "--as", "actor", help="Who says it: a person's id.  [default: who is signed in]"
    )
    return reason(actor(key_option(server_option(json_option(function)))))


def yes_option(function: Any) -> Any:
    """Give a command ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask for confirmation at a terminal.")(
        function
    )
