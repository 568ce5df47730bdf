"""What every drill claims: who was told, the record that holds, and its pack, replayed."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter

from hemostat.audit.keys import trust_file
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.register import Register
from hemostat.audit.replay.sources import incident_in
from hemostat.audit.replay.today import replay_today
from hemostat.audit.setup import store_of, trust_path
from hemostat.audit.verify.pack import verify_pack
from hemostat.drill.report import Report
from hemostat.drill.stage import StageOn
from hemostat.drill.told import CHANNEL, direct_channel
from hemostat.vault import Vault
from schemas.canonical import canonical_json
from schemas.errors import HemostatError
from schemas.incident import IncidentResult
from schemas.journal import Entry, Kind, verify_chain
from schemas.step import Observation

_SEALED_WITHIN: Final = 30.0


async def verify_told(report: Report, stage: StageOn[Any], *never: str) -> None:
    """One message in Slack tells of the incident; nobody in *never* is told there."""
    messages: dict[str, list[dict[str, Any]]] = (await stage.slack.state())["messages"]
    told = [m for m in messages[CHANNEL] if "thread_ts" not in m]
    exercise = all("EXERCISE" in m["text"] for m in told)
    report.claim(
        "one message in Slack tells of it, as an exercise",
        len(told) == 1 and exercise,
        f"{len(told)} message, {len(messages[CHANNEL]) - len(told)} lines in its thread",
    )
    direct = {channel for channel, said in messages.items() if channel != CHANNEL and said}
    if never:
        theirs = {direct_channel(person) for person in never}
        report.claim(
            "who is excluded was told nothing in Slack", not direct & theirs, f"{len(direct)} told"
        )


async def verify_record(
    report: Report, stage: StageOn[Any], result: IncidentResult | None, entries: list[Entry]
) -> None:
    """The journal's chain, the sealed evidence, and the pack: verified, and replayed strictly."""
    try:
        head = report.journal_head = verify_chain(entries)
        intact = result is not None and head == result.journal_head
        report.claim(f"the chain of {len(entries)} entries holds", intact, head[:19])
    except HemostatError as error:
        report.claim("the journal's chain holds", False, error)
    vault = Vault.of(stage.settings)
    sealed = [
        str(e.data["digest"]) for e in entries if e.kind is Kind.EVIDENCE and "digest" in e.data
    ]
    try:
        sizes = [len(vault.read(digest)) for digest in sealed]
        report.claim("sealed evidence reads back", bool(sizes), f"{len(sizes)} items")
    except HemostatError as error:
        report.claim("sealed evidence reads back", False, error)
    await _verify_pack(report, stage)


async def _verify_pack(report: Report, stage: StageOn[Any]) -> None:
    """The sealed record as one file, verified as an auditor would."""
    settings, incident = stage.settings, report.incident or ""
    store, trust = store_of(settings), trust_file(trust_path(settings))
    register = Register(store)
    try:
        async with asyncio.timeout(_SEALED_WITHIN):
            while not any(known == incident for known, _ in register.closed):
                await asyncio.sleep(0.2)
                register.catch_up()
        pack = stage.state / "incident.pack.zip"
        export(store, Vault.of(settings), incident, pack, choice=Choice(include=True))
    except (TimeoutError, HemostatError) as error:
        report.claim("the record is sealed and exported", False, str(error) or "not in time")
        return
    if trust is not None:
        report.pack = (pack.read_bytes(), canonical_json(trust))
        verdict = verify_pack(pack, trust)
        seen = f"{verdict.events} events" if verdict.held else verdict.findings[0].says
        report.claim("its pack verifies offline", verdict.held, seen)
    runs = await replay_today(incident_in(pack))
    parted = [parting.says for run in runs for parting in run.partings]
    seen = f"{sum(run.commands for run in runs)} commands, the same code"
    report.claim(
        "its pack replays strictly",
        bool(runs) and all(run.held for run in runs),
        parted[0] if parted else seen,
    )


def looked_at(entries: Iterable[Entry], step: str) -> str:
    """How *step* was proven, by the record: what its last looks looked at, and how often."""
    looks = [e.data for e in entries if e.step == step and e.kind is Kind.PROOF]
    last = next((data for data in reversed(looks) if "streak" in data), None)
    if last is None:
        return "no look, by the record"
    seen = TypeAdapter(tuple[Observation, ...]).validate_python(last["observations"])
    return f"{last['streak']} looks in a row: {'; '.join(one.check for one in seen if one.held)}"
