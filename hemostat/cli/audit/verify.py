"""``hemostat audit verify``: does a pack hold, offline, trusting the trust file alone."""

from pathlib import Path

import click

from hemostat.audit.verify.findings import Findings, Verdict
from hemostat.audit.verify.pack import verify_pack
from hemostat.audit.verify.register import check_population, read_register
from hemostat.audit.verify.signatures import Signed
from hemostat.cli import json_option
from hemostat.terminal import document, line
from schemas.audit.trust import Trust, read_trust
from schemas.errors import ConfigurationError

_MARK = {True: ("holds    ", "green"), False: ("BROKEN   ", "bold red"), None: ("-        ", "dim")}
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command
@click.argument("packs", nargs=-1, required=True, type=_FILE, metavar="PACK...")
@click.option("--trust", required=True, type=_FILE, metavar="FILE", help="Whom to believe.")
@click.option(
    "--register", type=_FILE, metavar="FILE", help="All incidents; each must have a pack."
)
@json_option
def command(packs: tuple[Path, ...], trust: Path, register: Path | None, as_json: bool) -> int:
    """Verify packs, offline.

    Needs no network and no Temporal, and believes nothing but the trust file, which should come on another way than the packs.
    Exits 0 only if everything holds.
    """
    believed = read_trust(_read(trust), str(trust))
    verdicts: list[Verdict] = []
    for pack in packs:
        verdicts.append(verify_pack(pack, believed))
        if not as_json:
            _tell(verdicts[-1])
    if register is not None:
        verdicts.append(_population(register, believed, verdicts, packs))
        if not as_json:
            _tell(verdicts[-1])
    held = all(verdict.held for verdict in verdicts)
    if as_json:
        document({"held": held, "verdicts": [v.model_dump(mode="json") for v in verdicts]})
    return 0 if held else 1


def _population(
    file: Path, trust: Trust, verdicts: list[Verdict], packs: tuple[Path, ...]
) -> Verdict:
    findings = Findings()
    entries = read_register(_read(file), Signed(trust), findings)
    given = [(verdict.incident, verdict.first_run) for verdict in verdicts]
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
