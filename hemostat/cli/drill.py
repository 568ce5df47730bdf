"""``hemostat drill``: attack the range for real, respond, prove, verify."""

import asyncio
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from hemostat.cli import json_option
from hemostat.processes import ChildFailed
from hemostat.terminal import clean, document
from schemas.errors import ConfigurationError

SCENARIOS = ("feedback-poisoning", "adversarial-evasion", "assistant-exfiltration")
_STYLES = {"attacker": "red", "outside": "cyan", "proof": "green", "gate": "yellow"}


@click.command
@click.argument("scenario", type=click.Choice(SCENARIOS))
@click.option("--no-respond", is_flag=True, help="The control: the same attack, nobody responds.")
@click.option("--picture", type=click.Path(path_type=Path), help="Write the timeline as SVG.")
@click.option(
    "--pack",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep the sealed record, and its trust file as FILE.trust.json.",
)
@json_option
def command(
    scenario: str, *, no_respond: bool, picture: Path | None, pack: Path | None, as_json: bool
) -> int:
    """Attack a real service, respond, and show what held.

    Everything runs on this machine and is gone afterwards. Exits 0 only if all held; with
    --no-respond what must hold is that the attack succeeds.
    """
    try:
        # Only drills need these, and they come with an extra.
        from hemostat.drill import scenarios, stage, timeline  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigurationError(
            f"drills need more than is installed ({error.name})",
            where="hemostat drill",
            next_step="install it with its extra: pip install 'hemostat[drill]'.",
        ) from error
    console = Console(stderr=as_json, highlight=False, markup=False)
    began = time.monotonic()

    def tell(who: str, what: str) -> None:
        line = Text().append(f"{time.monotonic() - began:6.1f} s  ", style="dim")
        line.append(f"{clean(who):<10}", style=_STYLES.get(who, "bold"))
        console.print(line.append(clean(what)), soft_wrap=True)

    stage.leave_no_environment()
    try:
        drill, body = scenarios.SCENARIOS[scenario]
        report = asyncio.run(drill(tell, not no_respond))
    except ChildFailed as error:  # its log is gone with the stage
        for said in error.tail.splitlines()[-20:]:
            tell(error.where, said)
        raise
    if picture is not None:
        picture.write_text(timeline.picture(report, body), encoding="utf-8")
    if pack is not None and report.pack is not None:
        sealed, trust = report.pack
        pack.write_bytes(sealed)
        pack.with_name(f"{pack.name}.trust.json").write_bytes(trust)
    if as_json:
        document(report.document())
    else:
        out = Console(file=sys.stdout)
        width = min(out.width, timeline.WIDTH) if out.is_terminal else timeline.WIDTH
        Console(file=sys.stdout, width=width).print(timeline.draw(report, body, width))
    return 0 if report.held else 1
