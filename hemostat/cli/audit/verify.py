"""``hemostat audit verify``: does a pack hold, offline, trusting the trust file alone."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from hemostat.audit.verify.findings import Findings, Verdict
from hemostat.audit.verify.many import packs_in, verify_many
from hemostat.audit.verify.register import Given, check_population, read_register
from hemostat.audit.verify.signatures import Signed
from hemostat.cli import json_option
from hemostat.terminal import document, line
from schemas.audit.trust import Trust, read_trust
from schemas.errors import ConfigurationError

_MARK = {True: ("holds    ", "green"), False: ("BROKEN   ", "bold red"), None: ("-        ", "dim")}
_FILE = click.Path(path_type=Path, dir_okay=False)


_ALONE = (
    "Not compared with the register: give --register FILE, from the store itself, to know that these "
    "are the records that were registered, and all of them."
)
_FULLY = 10
"""So many packs are told check by check; of more, only those that do not hold."""


@click.command
@click.argument(
    "packs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PACK..."
)
@click.option(
    "--trust",
    required=True,
    type=_FILE,
    metavar="FILE",
    help="Whom to believe; the sealer keeps it as audit/trust.json in its state folder.",
)
@click.option(
    "--register", type=_FILE, metavar="FILE", help="All incidents; each must have a pack."
)
@click.option(
    "--processes", type=click.IntRange(1), help="How many at once.  [default: processors]"
)
@json_option
def command(
    packs: tuple[Path, ...],
    trust: Path,
    register: Path | None,
    processes: int | None,
    as_json: bool,
) -> int:
    """Verify packs, offline.

    A folder stands for all packs below it; of more than ten, only those that do not hold are told at length. Needs no network and no Temporal, and believes nothing but the trust file, which should come on another way than the packs.
    Exits 0 only if everything holds.
    """
    believed = read_trust(_read(trust), str(trust))
    found = packs_in(packs)
    told = _Told(len(found), as_json, register is not None)
    for verdict in verify_many(found, believed, processes):
        told.add(verdict)
    if register is not None:
        told.close(_population(register, believed, told.given))
    if as_json:
        document(told.document())
        return 0 if told.held else 1
    if not told.fully:
        told.print_summary()
    if register is None:
        line((_ALONE, "dim"))
    return 0 if told.held else 1


@dataclass
class _Told:
    """What is known of all packs, and in full only what is told."""

    packs: int
    as_json: bool
    compared: bool = False
    """Whether a register is to be compared with them."""
    given: list[Given] = field(default_factory=list)
    """What it is compared with; the rest of each verdict is left out."""
    count: int = 0
    kept: list[Verdict] = field(default_factory=list)
    broken: int = 0
    events: int = 0
    held: bool = True

    @property
    def fully(self) -> bool:
        """Whether each pack is told in full."""
        return self.packs <= _FULLY

    def add(self, verdict: Verdict) -> None:
        """Take the verdict on one pack."""
        self.count += 1
        if self.compared:
            self.given.append(Given.of(verdict))
        self.broken += not verdict.held
        self.events += verdict.events
        self._show_progress()
        self.close(verdict, always=self.fully)

    def close(self, verdict: Verdict, *, always: bool = True) -> None:
        """Tell *verdict*, if it is to be told."""
        self.held &= verdict.held
        if verdict.held and not always:
            return
        if self.as_json:
            self.kept.append(verdict)
        else:
            _tell(verdict)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        verdicts = [verdict.model_dump(mode="json") for verdict in self.kept]
        return {"held": self.held, "summary": self.summary(), "verdicts": verdicts}

    def summary(self) -> dict[str, int]:
        """All packs in numbers."""
        held = self.count - self.broken
        return {"packs": self.count, "held": held, "events": self.events}

    def print_summary(self) -> None:
        """The last line."""
        said = self.summary()
        line(
            ("All hold" if self.held else "NOT ALL HOLD", "bold"),
            f": {said['held']:,} of {said['packs']:,} packs, {said['events']:,} events",
        )

    def _show_progress(self) -> None:
        done = self.count
        if self.fully or not sys.stderr.isatty() or (done % 50 and done != self.packs):
            return
        end = "\n" if done == self.packs else ""
        sys.stderr.write(f"\r\x1b[K{done:,} of {self.packs:,}, {self.broken:,} broken{end}")
        sys.stderr.flush()


def _population(file: Path, trust: Trust, given: Sequence[Given]) -> Verdict:
    findings = Findings()
    entries = read_register(_read(file), Signed(trust), findings)
    findings.check("all incidents", lambda: check_population(entries, given, findings))
    return Verdict(
        pack=file.name,
        incident="",
        first_run="",
        held=not findings.found,
        closed=True,
        checks=tuple(findings.checks),
        findings=tuple(findings.found),
    )


def _tell(verdict: Verdict) -> None:
    line((verdict.pack, "bold"), f"  {verdict.incident}")
    for check in verdict.checks:
        line(_MARK[check.held], f"{check.name}: {check.says}")
    if verdict.findings:
        first = verdict.findings[0]
        line(("What breaks first: ", "bold"), f"{first.where}: {first.says} ({first.code})")
        line(f"What that means: {first.means}")
        for finding in verdict.findings[1:]:
            line(f"Also: {finding.where}: {finding.says} ({finding.code})")
    for note in verdict.notes:
        line((f"Note: {note}", "yellow"))
    line(("It holds." if verdict.held else "It does not hold.", "bold"))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"it cannot be read ({error.strerror})", where=str(file), next_step="name a file."
        ) from error
