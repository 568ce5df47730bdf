"""What the drill of adversarial evasion claims, each checked from outside or read back."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import httpx2

from hemostat.drill.evasion.report import EvasionDrill
from hemostat.drill.moments import Moments
from hemostat.drill.outbox import sent
from hemostat.drill.range.evasion.attacker import EvasionReport, best_sticker
from hemostat.drill.range.evasion.range import ModerationRange
from hemostat.drill.range.moderation.images import originals
from hemostat.drill.range.moderation.model import Model
from hemostat.drill.stage import StageOn
from hemostat.drill.verification import verify_record, verify_told
from hemostat.incidents import list_incidents
from hemostat.vault import Vault
from schemas.incident import IncidentResult, Resolution, Severity
from schemas.journal import Entry, Kind

_PICTURES: Final = (b"P5\n16 16\n255\n", b"UDUKMTYgMTYKMjU1")
"""How every picture of the range begins, as bytes and in base64."""

_ALL: Final = 60
_OWN_MISSES: Final = 0.02
_GRACE: Final = timedelta(seconds=1.5)
"""An upload that was decided before the switch may be answered just after it."""


def verify_evasion(report: EvasionDrill, attack: EvasionReport, after: dict[str, Any]) -> None:
    """The control: without a response the attack succeeds, visibly and lastingly."""
    passed = attack.answers.get("safe", 0)
    report.measured["after"] = {
        "misses among audits": after["fn_rate"],
        "unstable under transforms": after["transform_disagree"],
        "attacker's uploads that pass": passed / max(attack.uploaded, 1),
        "benign served": report.looks[-1].served,
    }
    report.claim(
        "a sticker was found that blinds the model",
        attack.success_offline > 0.8 and attack.success_without < 0.1,
        f"{attack.success_without:.0%} → {attack.success_offline:.0%} pass",
    )
    report.claim(
        "nearly all of the attacker's uploads pass",
        passed > 0.8 * attack.uploaded > 0,
        f"{passed} of {attack.uploaded}",
    )
    report.claim("nothing refused them", set(attack.answers) <= {"safe", "explicit"}, "by status")
    report.claim(
        "people's audits find at least 2 % misses, of 1000 or more",
        after["audit_n"] >= 1000 and after["fn_rate"] >= 0.02,
        f"{after['fn_rate']:.1%} of {after['audit_n']}",
    )
    report.claim(
        "the misses share one sticker", after["cluster_items"] >= 3, f"{after['cluster_items']}"
    )


class EvasionMoments(Moments):
    """When the record says that its steps happened."""

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__(entries)
        looks = "approve-nothing-that-transforms-decide-otherwise"
        self.second_looks = self.when(Kind.EFFECT, looks, "set_moderation_mode")
        self.second_looks_proven = self.proven(looks)
        self.flagged = self.when(Kind.EFFECT, None, "preserve_items")
        self.fallback_proven = self.proven("let-fallback-rules-decide-all-uploads")
        self.blocked_proven = self.proven("block-the-accounts")
        self.swept = self.proven("sweep-what-was-approved")
        self.hardened = self.proven("retrain-against-stickers")
        self.recovered = self.when(Kind.EFFECT, None, "promote_version")


async def verify_response(
    report: EvasionDrill,
    stage: StageOn[ModerationRange],
    result: IncidentResult | None,
    entries: list[Entry],
) -> None:
    """Everything that a response claims."""
    attack = report.attack
    assert attack is not None  # noqa: S101 - the caller has just read it
    at = EvasionMoments(entries)
    _verify_containment(report, attack, at)
    await _verify_recovery(report, stage, at)
    await _verify_sweep_and_accounts(report, stage, attack)
    _verify_people(report, result, entries)
    await _verify_law(report, stage, entries)
    await _verify_outside(report, stage)
    await verify_record(report, stage, result, entries)


def _verify_containment(report: EvasionDrill, attack: EvasionReport, at: EvasionMoments) -> None:
    passed = attack.answers.get("safe", 0)
    report.claim("the attack did harm first", passed > 0, f"{passed} pictures passed as safe")
    after = [
        step for step in report.passing() if at.second_looks and step.at > at.second_looks + _GRACE
    ]
    through, tried = sum(s.passed for s in after), sum(s.uploaded for s in after)
    report.claim(
        "from the switch on stickers pass no more often than the model's own misses",
        tried > 0 and through <= _OWN_MISSES * tried,
        f"{through} of {tried} pass",
    )
    for name, moment in (
        ("second looks", at.second_looks_proven),
        ("fallback rules on all traffic", at.fallback_proven),
        ("accounts blocked at the gateway", at.blocked_proven),
        ("everything approved meanwhile re-scanned", at.swept),
        ("a hardened version, on held-out stickers", at.hardened),
    ):
        report.claim(f"{name}: proven", moment is not None, "by the record")
    during = [look for look in report.looks if at.fallback_proven and at.recovered]
    under = [look for look in during if at.fallback_proven <= look.at < at.recovered]  # type: ignore[operator] # the list is empty otherwise
    worst = min((look.served for look in under), default=0.0)
    report.claim("under fallback most benign pictures were still served", worst >= 0.6, worst)


async def _verify_recovery(
    report: EvasionDrill, stage: StageOn[ModerationRange], at: EvasionMoments
) -> None:
    last = await stage.ground.look(_ALL)
    report.looks.append(last)
    after = await stage.ground.admin("/admin/signals")
    evaded = f"{last.adversarial.get('safe', 0)} of {sum(last.adversarial.values())} pass"
    report.claim("the sealed adversarial set fails now", last.evaded <= 0.05, evaded)
    report.claim("benign pictures are served again", last.served >= 0.95, f"{last.served:.1%}")
    report.claim(
        "the model decides again, in its hardened version",
        last.by == ("model",) and "7" not in last.versions,
        f"version {', '.join(last.versions)}",
    )
    adaptive = await asyncio.to_thread(_attack_anew, stage, last.versions[-1:])
    report.claim(
        "a new attack, made against the hardened version itself, finds no sticker that works",
        adaptive <= 0.25,
        f"its best passes {adaptive:.1%}",
    )
    report.measured["after"] = {
        "sealed set that passes": last.evaded,
        "best new sticker": adaptive,
        "unstable under transforms": after["transform_disagree"],
        "benign served": last.served,
    }


def _attack_anew(stage: StageOn[ModerationRange], versions: tuple[str, ...]) -> float:
    model = Model.load(stage.state / "models", *versions)
    pool = originals("live")
    _, best, _ = best_sticker(model, pool.subjects[pool.explicit], 23)
    return best


async def _verify_sweep_and_accounts(
    report: EvasionDrill, stage: StageOn[ModerationRange], attack: EvasionReport
) -> None:
    path = f"/admin/approvals?from={_query(attack.began_at)}&to={_query(attack.series[-1][0])}"
    swept = await stage.ground.admin(path)
    passed = attack.answers.get("safe", 0)
    still_up = max(swept["left_over"], passed - swept["removed"], 0)
    report.claim(  # the model misses some without any attack, and second looks miss some after it
        "of the attacker's pictures that passed, no more than such misses are still up",
        still_up <= max(2, _OWN_MISSES * passed),
        f"{still_up} of {passed}; {swept['removed']} of {swept['approved']} taken down",
    )
    refused = [await stage.ground.knock(account) for account in attack.accounts]
    legitimate = await stage.ground.knock("member-0042")
    report.claim(
        "every account of the attacker is refused, a member is not",
        set(refused) == {403} and legitimate == 200,
        f"{refused.count(403)} refused, a member gets {legitimate}",
    )


def _query(moment: str) -> str:
    return moment.replace("+", "%2B")


def _verify_people(
    report: EvasionDrill, result: IncidentResult | None, entries: list[Entry]
) -> None:
    said = [entry.says for entry in entries if entry.kind in (Kind.GATE, Kind.DECISION)]
    silent = [s for s in said if "to-fallback-rules" in s and "proceeded-by-policy" in s]
    report.claim("the commander was silent: fallback by policy", len(silent) == 1, silent)
    refused = [s for s in said if "Gate hold-uploads: rejected" in s]
    never = all("503" not in {**look.adversarial, **look.benign} for look in report.looks)
    report.claim(
        "the service owner refused: uploads were never held", len(refused) == 1 and never, refused
    )
    resolved = result is not None and result.resolution is Resolution.RESOLVED
    report.claim("the incident is closed as resolved", resolved, result and result.resolution)
    severe = result is not None and result.severity is Severity.SEV1
    report.claim("one flagged item made it severity 1", severe, result and result.severity)


async def _verify_law(
    report: EvasionDrill, stage: StageOn[ModerationRange], entries: list[Entry]
) -> None:
    """The legal path, and that no picture is anywhere but where it may be."""
    flagged = (await stage.ground.admin("/admin/flagged"))["rows"]
    held = [row for row in flagged if row["held"]]
    report.claim(
        "the flagged item is preserved by hash, out of sight",
        len(held) == len(flagged) == 1,
        f"{len(held)} held",
    )
    mails = sent(stage.state / "outbox")
    reported = dict(mails).get("hotline@outside.example", "")
    report.claim(
        "the hotline got one report, by hash; uploaders got one statement of reasons",
        sorted(to for to, _ in mails) == ["hotline@outside.example", "notices@outside.example"]
        and all(row["digest"] in reported for row in flagged),
        f"{len(mails)} mails in the outbox",
    )
    async with httpx2.AsyncClient(
        base_url=stage.ground.service_url, trust_env=False, timeout=5
    ) as http:
        token = stage.ground.admin_token_file.read_text("utf-8")
        answer = await http.get(
            f"/admin/originals/{held[0]['digest'] if held else ''}",
            headers={"authorization": f"Bearer {token}"},
        )
    report.claim("nobody is given the flagged original", not answer.is_success, answer.status_code)
    handle = stage.client.get_workflow_handle(report.incident or "")
    history = await handle.fetch_history()
    events = b"".join(event.SerializeToString() for event in history.events)
    vault = Vault.of(stage.settings)
    sealed = [
        str(e.data["digest"]) for e in entries if e.kind is Kind.EVIDENCE and "digest" in e.data
    ]
    items = [*(vault.read(digest) for digest in sealed), *(text.encode() for _, text in mails)]
    locked = [entry for entry in entries if "locked original" in entry.says]
    clear = [blob for blob in (events, *items) if any(mark in blob for mark in _PICTURES)]
    report.claim(
        "no picture is in the history, and none in clear in the evidence",
        not clear and bool(locked),
        f"{len(locked)} originals locked, {len(events)} bytes of history",
    )


async def _verify_outside(report: EvasionDrill, stage: StageOn[ModerationRange]) -> None:
    rows = await list_incidents(stage.client)
    report.claim("one harm, one incident", len(rows) == 1, f"{len(rows)} incident")
    pager = await stage.pagerduty.state()
    mine = [a for a in pager["alerts"] if str(a["dedup_key"]).startswith(report.incident or "-")]
    states = {alert["status"] for alert in mine}
    report.claim("everyone was paged, and told when it was over", states == {"resolved"}, len(mine))
    tickets = (await stage.servicenow.state())["tickets"]
    report.claim("one ticket for the root cause", len(tickets) == 1, f"{len(tickets)} ticket")
    await verify_told(report, stage)
