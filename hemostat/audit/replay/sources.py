"""Where recorded runs come from: a pack, a folder of histories, or one history file.

A history file is Temporal's JSON (as ``temporal workflow show -o json`` writes it) or protobuf,
with or without gzip. A folder holds the runs of one incident, in the order of their names.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from hemostat import installed
from hemostat.audit.pack.reader import Pack
from hemostat.audit.replay.strict import history_of
from hemostat.build import sources
from schemas.canonical import digest_of
from schemas.errors import BadInput

ENDINGS: Final = (".json", ".json.gz", ".pb", ".pb.gz")
PACK: Final = ".zip"
_BESIDE: Final = ".trust.json"
"""What a drill writes beside its pack: whose seals count in it."""


@dataclass(frozen=True)
class RecordedIncident:
    """The runs of one incident, and what else its record has. ``histories`` may be asked anew."""

    name: str
    histories: Callable[[], Iterator[WorkflowHistory]]
    journal: Sequence[Mapping[str, Any]] | None = None
    """None: the source has no journal of its own."""
    clocks: Mapping[str, Any] | None = None
    """The ledger of legal clocks at the close; None: the source has none of its own."""
    code: Mapping[str, Any] | None = None
    """The digests of the code that decided; None where nobody recorded them."""

    @property
    def by_this_code(self) -> bool:
        """Whether what decided then is, byte for byte, what decides here."""
        code = self.code or {}
        ours = {name: digest_of(sources(name)) for name in ("workflows", "schemas")}
        if "installed" in code:
            ours["installed"] = digest_of(installed.sources())
        return bool(code.get("same_build")) and all(code.get(n) == d for n, d in ours.items())


def incident_in(path: Path) -> RecordedIncident:
    """Return the incident recorded at *path*; ``BadInput`` if there is none."""
    if path.suffix == PACK:
        return _in_pack(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if is_history(file))
        if not files:
            raise BadInput(
                "this folder holds no history",
                where=str(path),
                next_step=f"give a pack, or a folder of files that end in {', '.join(ENDINGS)}.",
            )
        return RecordedIncident(path.name, lambda: map(_read, files))
    if is_history(path):
        return RecordedIncident(path.name, lambda: iter([_read(path)]))
    raise BadInput(
        "this is neither a pack nor a history",
        where=str(path),
        next_step="`hemostat audit export INCIDENT -o PACK` makes a pack.",
    )


def incidents_under(folder: Path) -> list[Path]:
    """Return what ``incident_in`` reads below *folder*, sorted: packs, and folders of histories."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    with_histories = {file.parent for file in files if is_history(file)}
    found = sorted(with_histories | {file for file in files if file.suffix == PACK})
    if not found:
        raise BadInput(
            "there is neither a pack nor a history below this folder",
            where=str(folder),
            next_step="`hemostat audit export INCIDENT -o PACK` makes a pack.",
        )
    return found


def is_history(file: Path) -> bool:
    """Whether *file* is named like a history."""
    named = file.name.endswith(ENDINGS) and not file.name.endswith(_BESIDE)
    return named and file.is_file()


def _in_pack(path: Path) -> RecordedIncident:
    try:
        pack = Pack.open(path)
    except OSError as error:
        raise BadInput("this pack cannot be read", where=str(path)) from error
    incident = pack.manifest.incident

    def histories() -> Iterator[WorkflowHistory]:
        for run in pack.histories():
            try:
                events = [HistoryEvent.FromString(bytes(event)) for event in run.events()]
            except DecodeError as error:
                raise BadInput("a history in it is none", where=f"{path}: {run.folder}") from error
            yield WorkflowHistory(incident, events)

    journal = [entry.model_dump(mode="json") for entry in pack.journal()]
    clocks = pack.json("clocks.json") if "clocks.json" in pack.names else None
    return RecordedIncident(path.name, histories, journal, clocks, pack.code())


def _read(file: Path) -> WorkflowHistory:
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        return history_of(content)
    except (OSError, EOFError) as error:
        raise BadInput("this history cannot be read", where=str(file)) from error
    except (DecodeError, LookupError, TypeError, ValueError) as error:
        raise BadInput("this is no history of a workflow", where=str(file)) from error
