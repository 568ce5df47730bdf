"""The sections of figures: metrics with their definitions, and the controls at work."""

from collections.abc import Sequence

from hemostat.audit.account.account import Account
from hemostat.audit.report.controls import controls_of
from hemostat.audit.report.document import Section, Table
from hemostat.audit.report.metrics import COUNTS, DEFINITIONS, SHARES, Metrics, said
from schemas.journal import Entry


def measured(metrics: Metrics) -> Section:
    """The metrics with their definitions."""
    rows = [
        (title, said(name, metrics.seconds[name]), _why(metrics, name, definition))
        for name, (title, definition) in DEFINITIONS.items()
    ]
    rows += [
        (title, said(name, metrics.shares[name]), _why(metrics, name, definition))
        for name, (title, definition) in SHARES.items()
    ]
    rows += [
        (title, str(metrics.counts[name]), definition)
        for name, (title, definition) in COUNTS.items()
    ]
    table = Table(("measure", "value", "definition"), tuple(rows), (28, 16, 56), (1,))
    return Section("Metrics", table=table)


def _why(metrics: Metrics, name: str, definition: str) -> str:
    unknown = metrics.unknown.get(name)
    return f"{definition} (unknown: {unknown})" if unknown else definition


def controls(account: Account) -> Section:
    """Which controls this incident shows at work."""
    rows = tuple(
        (
            c.artefact,
            c.iso42001,
            c.csf,
            c.ai_rmf,
            _numbered(c.entries) if c.entries else "not exercised",
        )
        for c in controls_of(account)
    )
    heads = ("artefact", "ISO/IEC 42001", "CSF 2.0, SP 800-61r3", "AI RMF", "entries")
    return Section(
        "Controls",
        lead="Which artefacts speak to which control. That a control is met is an auditor's to judge.",
        table=Table(heads, rows, (24, 15, 21, 16, 24)),
    )


def _numbered(entries: Sequence[Entry]) -> str:
    seqs = [entry.seq for entry in entries]
    first = ", ".join(str(seq) for seq in seqs[:4])
    return first + (f" and {len(seqs) - 4} more" if len(seqs) > 4 else "")
