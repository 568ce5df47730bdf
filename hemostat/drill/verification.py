"""What a drill claims, each checked: from outside, from the systems themselves, or by replay."""

import asyncio
from typing import Any, Final

from hemostat.audit.keys import trust_file
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.register import Register
from hemostat.audit.replay.sources import incident_in
from hemostat.audit.replay.today import replay_today
from hemostat.audit.setup import store_of, trust_path
from hemostat.audit.verify.pack import verify_pack
from hemostat.drill.observer import Sample
from hemostat.drill.range.poisoning.attacker import AttackReport
from hemostat.drill.report import ATTACK_BEGINS, ROLLED_BACK, Report
from hemostat.drill.stage import Stage, StageOn
from hemostat.drill.told import CHANNEL, direct_channel
from hemostat.incidents import list_incidents
from hemostat.vault import Vault
from schemas.canonical import canonical_json
from schemas.errors import HemostatError
from schemas.incident import IncidentResult, Resolution
from schemas.journal import Entry, Kind, verify_chain

_SEALED_WITHIN: Final = 30.0

RISE = 1.4
"""The attack counts as a success at 40 % more negative answers than before."""


def verify_attack(report: Report, attack: AttackReport) -> None:
    """The control: without a response the attack succeeds, visibly and lastingly."""
    before, after = report.numbers["before"], report.numbers["after"]
    report.claim("poisoned feedback was accepted", attack.accepted > 0, attack.accepted)
    report.claim("nothing refused it", attack.refused == 0, attack.refused)
    report.claim(
        "negative answers rose by more than 40 %",
        after.negative_share > RISE * before.negative_share,
        f"{before.negative_share:.1%} → {after.negative_share:.1%}",
    )
    report.claim(
        "the probe set went wrong",
        after.accuracy < before.accuracy - 0.1,
        f"{before.accuracy:.1%} → {after.accuracy:.1%}",
    )


async def verify_response(
    report: Report,
    stage: Stage,
    result: IncidentResult | None,
    entries: list[Entry],
    untouched: object,
) -> None:
    """Everything that a response claims."""
    _verify_harm_and_recovery(report, stage)
    _verify_steps(report, result, entries)
    await _verify_outside(report, stage, untouched)
    await verify_record(report, stage, result, entries)


def _verify_harm_and_recovery(report: Report, stage: Stage) -> None:
    before, during, after = (report.numbers[name] for name in ("before", "during", "after"))
    worst = max((s.negative_share or 0 for s in report.samples), default=0.0)
    worst = max(worst, during.negative_share)
    report.claim(
        "the attack did harm first",
        worst > RISE * before.negative_share,
        f"negative answers {before.negative_share:.1%} → {worst:.1%}",
    )
    report.claim(
        "negative answers are back within 10 %",
        abs(after.negative_share - before.negative_share) <= 0.1 * before.negative_share,
        f"{before.negative_share:.1%} → {after.negative_share:.1%}",
    )
    report.claim(
        "the probe set is right again",
        after.accuracy >= before.accuracy - 0.015,
        f"{before.accuracy:.1%} → {after.accuracy:.1%}",
    )
    report.claim(
        "both routes answer again",
        after.predict_status == 200 and after.feedback_status == 201,
        f"{after.predict_status} and {after.feedback_status}",
    )
    poisoned = {version for sample in during_attack(report) for version in sample.versions}
    poisoned.discard(stage.range.known_good)
    report.claim(
        "no poisoned version answers any more, the previous one included",
        bool(poisoned) and not poisoned & set(after.versions),
        f"poisoned {', '.join(sorted(poisoned))}; now {', '.join(after.versions)}",
    )


def _verify_steps(report: Report, result: IncidentResult | None, entries: list[Entry]) -> None:
    proven = {e.step for e in entries if e.kind is Kind.PROOF and e.says.endswith(": proven")}
    for step in ("isolate-the-feedback-endpoint", "roll-the-model-back"):
        report.claim(f"{step.replace('-', ' ')}: proven", step in proven, "by the record")
    resolved = result is not None and result.resolution is Resolution.RESOLVED
    report.claim("the incident is closed as resolved", resolved, result and result.resolution)


def during_attack(report: Report) -> list[Sample]:
    """The looks between the attack's beginning and the rollback."""
    times = {moment.what: moment.at for moment in report.moments}
    began = times[ATTACK_BEGINS]
    ended = times.get(ROLLED_BACK, report.samples[-1].at)
    return [sample for sample in report.samples if began <= sample.at < ended]


async def _verify_outside(report: Report, stage: Stage, untouched: object) -> None:
    rows = await list_incidents(stage.client)
    report.claim("one harm, one incident", len(rows) == 1, f"{len(rows)} incident")
    now = await stage.edge_configuration()
    report.claim("the gateway's configuration is exactly as before", now == untouched, "read back")
    pager = await stage.pagerduty.state()
    mine = [a for a in pager["alerts"] if a["dedup_key"] == report.incident]
    states = [alert["status"] for alert in mine]
    report.claim("one page for the incident, resolved", states == ["resolved"], states)
    tickets = (await stage.servicenow.state())["tickets"]
    report.claim("one ticket for the root cause", len(tickets) == 1, f"{len(tickets)} ticket")
    await verify_told(report, stage)


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
