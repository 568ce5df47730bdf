"""Replays against a checkout of other code, in a process of its own.

The process imports playbooks, engine and schemas from the checkout, and this package from here:
what compares is always of today, what decides is the recorded version. The checkout is code; it
runs as whoever asked for the replay, so give one that you would run.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from hemostat.audit.replay.parting import Parting
from hemostat.audit.replay.sources import RecordedIncident
from hemostat.audit.replay.strict import RunReplay
from hemostat.processes import what_strangers_need
from schemas.errors import BadInput, SystemUnreachable

_WITHIN: Final = 600
_SCRIPT: Final = """
import asyncio, importlib, json, os, sys, types
code, ours, work = sys.argv[1:]
sys.path[:0] = [code]
import hemostat
for name in ("hemostat.audit", "hemostat.audit.replay"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [os.path.join(ours, *name.split(".")[1:])]
strict = importlib.import_module("hemostat.audit.replay.strict")
registry = importlib.import_module("workers.registry")
sandbox = importlib.import_module("workers.sandbox")
for module in (registry, sandbox):
    assert os.path.realpath(module.__file__).startswith(os.path.realpath(code) + os.sep), module
names = sorted(name for name in os.listdir(work) if name.endswith(".pb"))
journal = None
if os.path.exists(os.path.join(work, "journal.json")):
    journal = json.load(open(os.path.join(work, "journal.json")))
clocks = None
if os.path.exists(os.path.join(work, "clocks.json")):
    clocks = json.load(open(os.path.join(work, "clocks.json")))
def histories():
    for name in names:
        yield strict.history_of(open(os.path.join(work, name), "rb").read())
async def main():
    playbooks = list(registry.discover_playbooks().values())
    runs = strict.replay(histories(), playbooks, sandbox.sandbox(), journal=journal, clocks=clocks, exact=True)
    return [run.document() async for run in runs]
found = asyncio.run(main())
with open(os.path.join(work, "found.json"), "w") as file:
    json.dump(found, file)
os._exit(0)
"""


def replay_elsewhere(incident: RecordedIncident, code: Path) -> list[RunReplay]:
    """Replay every run of *incident* against the checkout at *code*; ``BadInput`` if it is none."""
    code = code.resolve()
    if not (code / "workflows").is_dir() or not (code / "workers" / "registry.py").is_file():
        raise BadInput(
            "this is no checkout of Hemostat: it has no workflows/ and workers/registry.py",
            where=str(code),
            next_step="check out the recorded version and give its top folder.",
        )
    with tempfile.TemporaryDirectory(prefix="hemostat-replay-") as folder:
        work = Path(folder)
        for number, history in enumerate(incident.histories()):
            _write(work / f"{number:06}.pb", history)
        if incident.journal is not None:
            (work / "journal.json").write_text(json.dumps([*incident.journal]))
        if incident.clocks is not None:
            (work / "clocks.json").write_text(json.dumps(incident.clocks))
        _run(code, work)
        found: list[dict[str, Any]] = json.loads((work / "found.json").read_text())
    return [_read(run) for run in found]


def _write(file: Path, history: WorkflowHistory) -> None:
    file.write_bytes(History(events=history.events).SerializeToString(deterministic=True))


def _run(code: Path, work: Path) -> None:
    ours = str(Path(__file__).resolve().parents[2])
    # Code of another time, or another place: it needs none of our secrets to replay.
    environment = {k: v for k, v in what_strangers_need().items() if not k.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _SCRIPT, str(code), ours, str(work)],
            cwd=code,
            env=environment,
            capture_output=True,
            timeout=_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SystemUnreachable(
            f"the replay took longer than {_WITHIN} s", where=str(code)
        ) from None
    if not (work / "found.json").exists():
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadInput(
            f"the code there cannot replay: {' '.join(last)[:200] or 'it said nothing'}",
            where=str(code),
            next_step="it has to run with the packages that are installed here.",
        )


def _read(run: dict[str, Any]) -> RunReplay:
    return RunReplay(
        incident=run["incident"],
        run=run["run"],
        playbook=run["playbook"],
        events=run["events"],
        commands=run["commands"],
        entries=run["entries"],
        partings=tuple(Parting(**parting) for parting in run["partings"]),
        notes=tuple(run["notes"]),
    )
