"""What an incident leaves on paper, and who may have it: reports, and the audit pack.

Making them blocks: whoever asks has it done in a thread, when it is their turn (``turns``).
"""

import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlencode

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import Record
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.report.annotations import Annotation, Annotations
from hemostat.audit.report.board import board
from hemostat.audit.report.document import Report
from hemostat.audit.report.postmortem import postmortem
from hemostat.audit.report.render import html, pdf
from hemostat.audit.setup import store_of
from hemostat.console.turns import Turns
from hemostat.incidents import JournalRead
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.who import NEED_TO_KNOW, Who

Draw = Callable[[Account, Sequence[Annotation]], Report]
REPORTS: Final[dict[str, Draw]] = {"post-mortem": postmortem, "board-report": board}
FORMS: Final = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


@dataclass(frozen=True)
class Offered:
    """What a person is offered of one incident; ``query`` is for its addresses."""

    query: str
    pdf: bool
    """Whether what draws a PDF is installed here; it is an extra."""
    pack: bool


@dataclass(frozen=True)
class Papers:
    """Where the record and what people added to it lie, and whose turn it is."""

    settings: Settings
    turns: Turns = field(default_factory=Turns)

    def offered(self, who: Who, run: str | None) -> Offered:
        """Return what of it *who* may have."""
        query = f"?{urlencode({'run': run})}" if run else ""
        return Offered(query, importlib.util.find_spec("typst") is not None, may_have_pack(who))

    def draw(self, kind: str, form: str, read: JournalRead) -> bytes:
        """Return the report *kind* on what was *read*; blocks for about as long as a page is drawn."""
        record = Record(source="Temporal", entries=tuple(read.entries), gaps=tuple(read.gaps))
        account = Account(record)
        folder = self.settings.audit_folder / "annotations"
        report = REPORTS[kind](account, Annotations(folder, account.incident).standing())
        return pdf(report) if form == "pdf" else html(report).encode()

    def pack(self, incident: str, first_run: str | None) -> BinaryIO:
        """Return the sealed record as an open file that has no name any more; blocks.

        Evidence goes in by its digest, and of a restricted incident it is withheld.
        """
        services = self.settings.services.items()
        restricted = frozenset(name for name, table in services if table.restricted)
        self.settings.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix="handed-out-", dir=self.settings.state_folder
        ) as folder:
            file = Path(folder) / "pack.zip"
            export(
                store_of(self.settings),
                Vault.of(self.settings),
                incident,
                file,
                first_run=first_run,
                choice=Choice(restricted=restricted),
            )
            return file.open("rb")


def may_have_pack(who: Who) -> bool:
    """Whether the whole record is for *who*: auditors, and who needs to know.

    It holds what the pages do not show: every message as it was sent, and whom people excluded.
    """
    return who.kind == "auditor" or (
        who.kind == "person" and bool(set(NEED_TO_KNOW) & set(who.roles))
    )
