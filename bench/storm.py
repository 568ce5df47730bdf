"""(c) A storm: thousands of deliveries of one episode must be one incident, with none lost.

In blocks, in turns: the gateway; a bare handler that answers 202 and does nothing; a bare handler
that sends each alert as its own signal-with-start. The next block waits until what was accepted
has been recorded. In the end the whole journal is read, its chain verified, its alerts counted.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from bench import alarms
from bench.latency import Progress
from bench.patience import look, patiently
from bench.posting import post_all
from bench.stage import TOKEN, Stage
from schemas.incident import JournalQuery
from schemas.journal import Entry, Kind, verify_chain

CASE: Final = "storm"
WITHIN: Final = 300.0


@dataclass
class Gusts:
    """The blocks of one side: alerts and seconds until the last was answered, and recorded."""

    name: str
    alerts: int = 0
    answered: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    cpu: Counter[str] = field(default_factory=Counter)
    incidents: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Count:
    """What is there in the end."""

    sent: int
    incidents: int
    in_view: int
    in_journal: int
    deliveries: int
    runs: int
    signals: int


async def measure(
    stage: Stage, *, alerts: int, blocks: int, at_once: int, say: Progress
) -> tuple[Gusts, Gusts, Gusts, Count]:
    """Send *alerts* to each side in *blocks*; return the sides, and what Hemostat recorded."""
    ours, accept, signal = Gusts("Hemostat"), Gusts("202 only"), Gusts("signal-with-start")
    paths = {
        ours.name: (stage.gateway_port, "/alerts/bench"),
        accept.name: (stage.floor_port, "/accept"),
        signal.name: (stage.floor_port, "/signal/bare-storm"),
    }
    per_block = alerts // blocks
    for block in range(blocks):
        bodies = [alarms.body(CASE, str(block * per_block + n)) for n in range(per_block)]
        for side in (ours, accept, signal):
            say(f"(c) block {block + 1} of {blocks}: {per_block} alerts, {side.name}")
            port, path = paths[side.name]
            await _gust(stage, side, port, path, bodies, at_once)
    count = await _count(stage, ours)
    for incident in (alarms.incident_of(CASE), "bare-storm"):
        await stage.client.get_workflow_handle(incident).terminate()
    return ours, accept, signal, count


async def _gust(
    stage: Stage, side: Gusts, port: int, path: str, bodies: list[bytes], at_once: int
) -> None:
    clock = asyncio.get_running_loop().time
    before, began = stage.cpu(), clock()
    answers = await post_all(port, path, bodies, token=TOKEN, at_once=at_once)
    answered = clock()
    side.alerts += len(bodies)
    await _recorded(stage, side)
    recorded, after = clock(), stage.cpu()
    side.answered.append(answered - began)
    side.recorded.append(recorded - began)
    side.latencies += [1000 * seconds for status, _, seconds in answers if status != 503]
    side.cpu.update({name: after[name] - before[name] for name in after})
    for status, answer, _ in answers:
        told = json.loads(answer).get("incidents", [{}])[0]
        side.statuses[f"{status} {told.get('status', '')}".strip()] += 1
        if "id" in told:
            side.incidents.add(told["id"])


async def _recorded(stage: Stage, side: Gusts) -> None:
    """Wait until all that *side* has accepted so far stands in its workflow."""
    if side.name == "202 only":
        return
    ours = side.name == "Hemostat"
    handle = stage.client.get_workflow_handle(alarms.incident_of(CASE) if ours else "bare-storm")
    async with asyncio.timeout(WITHIN):
        while True:
            seen = await look(handle, "incident" if ours else "count")
            if (seen["alerts"] if ours else seen) >= side.alerts:
                return
            await asyncio.sleep(0.05)


async def _count(stage: Stage, ours: Gusts) -> Count:
    """Read the whole journal, verify its chain, and count."""
    handle = stage.client.get_workflow_handle(alarms.incident_of(CASE))
    view = await look(handle)
    segments: list[str] = await look(handle, "segments")
    entries: list[Entry] = []
    for digest in segments:
        lines = (stage.folder / digest).read_text().splitlines()
        entries += [Entry.model_validate_json(line) for line in lines]
    while len(entries) < view["journal_length"]:
        query = JournalQuery(start=len(entries), limit=1000)
        raws = await patiently(partial(handle.query, "journal", query))
        entries += [Entry.model_validate(raw) for raw in raws]
    del entries[view["journal_length"] :]  # what was written since the view
    if verify_chain(entries) != view["journal_head"]:
        raise RuntimeError("the journal does not end at the head that the incident tells")
    told = [entry for entry in entries if entry.kind is Kind.ALERT]
    runs, signals = 0, 0
    async for run in stage.client.list_workflows(f'WorkflowId = "{handle.id}"'):
        runs += 1
        history = await stage.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        signals += sum(
            event.HasField("workflow_execution_signaled_event_attributes")
            for event in history.events
        )
    return Count(
        sent=ours.alerts,
        incidents=len(ours.incidents),
        in_view=view["alerts"],
        in_journal=len(told),
        deliveries=len({entry.data["delivery"] for entry in told}),
        runs=runs,
        signals=signals,
    )
