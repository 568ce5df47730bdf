"""``hemostat completion``: the script with which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

from hemostat.cli import hemostat
from schemas.errors import BadInput

_VARIABLE = "_HEMOSTAT_COMPLETE"


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    For now: eval "$(hemostat completion bash)", the same with zsh, or hemostat completion fish | source. To keep it, put that line into the shell's startup file. bash has to be 4.4 or newer.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise BadInput("there is no completion for it", where=shell, next_step="bash, zsh, fish.")
    click.echo(kind(hemostat, {}, "hemostat", _VARIABLE).source())
