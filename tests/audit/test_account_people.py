"""What the record does not bear out is not told: decisions, silence and legal clocks."""

from typing import Any

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import Record
from hemostat.audit.report.board import board
from hemostat.audit.report.metrics import metrics_of
from hemostat.audit.report.postmortem import postmortem
from schemas.journal import Entry, Kind
from tests.audit.accounts import (
    BEFOREHAND,
    BY_PEOPLE,
    FALSE,
    FILED,
    SILENT,
    changed,
    explained,
    first_page,
    otherwise,
    table_of,
    until,
)
from tests.audit.test_explain import account_of


async def test_a_judgement_that_it_was_a_false_alarm_is_among_the_decisions() -> None:
    account = await account_of(FALSE)
    rows = table_of(board(account, []), "Decisions by people").rows
    (row,) = [row for row in rows if row[0].startswith("Is this a false alarm?")]
    assert row[1:4] == ("commander, ml-lead", "approved", "-")
    denied = [point.says for point in explained(account)["negatives"].points]
    assert len([says for says in denied if "judged it a false alarm" in says]) == 2


async def test_what_was_asked_and_never_answered_is_told() -> None:
    account = await account_of(SILENT)
    assert "1 question was never answered (acknowledge)." in first_page(account)["Who decided?"]
    rows = table_of(postmortem(account, []), "Decisions by people").rows
    assert rows[0][1:4] == ("nobody", "never answered (escalated 2 times)", "-")
    assert any("though ml-secondary, commander were asked too" in s for s in otherwise(account))
    concerns = [point.says for point in explained(account)["silence"].concerns]
    assert any(says.startswith("acknowledge was never answered (withdrawn ") for says in concerns)
    assert metrics_of(account).counts["unanswered"] == 1


async def test_what_people_agreed_to_beforehand_is_no_silence() -> None:
    account = await account_of(BEFOREHAND)
    metrics = metrics_of(account)
    assert metrics.counts["silent"] == 1
    silence = explained(account)["silence"]
    assert "1 proceeded by silence (take-offline), none of which destroys" in silence.says
    assert "1 by what people had agreed beforehand (file-gdpr-33)" in silence.says
    rows = table_of(board(account, []), "Decisions by people").rows
    (row,) = [row for row in rows if row[2].startswith("as agreed beforehand")]
    assert row[1] == "counsel, dpo (beforehand)"


async def test_silence_that_let_something_grave_proceed_is_named_as_against_the_rule() -> None:
    account = await account_of(BEFOREHAND)

    def without(entry: Entry) -> dict[str, Any] | None:
        if entry.kind is not Kind.GATE or "pre_authorisation" not in entry.data:
            return None
        return {name: v for name, v in entry.data.items() if not name.startswith("pre_authori")}

    said = explained(changed(account, without))["silence"].says
    assert "AGAINST THE RULE some destroy, re-enable or leave the company (file-gdpr-33)" in said


async def test_a_filing_that_was_told_earlier_than_the_record_shows_it_sent_is_told() -> None:
    account = await account_of(BEFOREHAND)
    told = first_page(account)["Was the clock met?"]
    assert "sent 2 d 13 h after that, 10 h 48 min before it was due" in told
    clocks = explained(account)["clocks"]
    assert "  the record shows it sent 2 d 13 h AFTER the time of filing that was told" in [
        point.says for point in clocks.concerns
    ]
    assert any("reference DPA 4711" in point.says for point in clocks.points)


async def test_a_clock_is_told_with_the_moment_that_it_runs_from_and_who_selected_it() -> None:
    account = await account_of(FILED)
    points = [point.says for point in explained(account)["clocks"].points]
    assert any("it runs from 2026-11-22T09:01:00.000000Z, as counsel selected" in p for p in points)
    assert any("the extraction was confirmed" in p for p in points)
    rows = {row[0]: row for row in table_of(board(account, []), "Regulatory position").rows}
    assert rows["gdpr-33"][3] == "2026-11-22 09:01"
    assert rows["nis2-23-4a"][3:] == ("-", "-", "-"), "what does not apply falls due never"


async def test_a_moment_that_counsel_told_with_an_offset_stands_in_utc() -> None:
    def abroad(entry: Entry) -> dict[str, Any] | None:
        moments = {"awareness": "2026-11-22T10:01:00+01:00", "filed": "2026-11-22T23:30:00-05:00"}
        told = moments.get(str(entry.data.get("what")))
        return {**entry.data, "value": told} if told and "role" in entry.data else None

    report = board(changed(await account_of(FILED), abroad), [])
    rows = {row[0]: row for row in table_of(report, "Regulatory position").rows}
    assert rows["gdpr-33"][3] == "2026-11-22 09:01"
    assert rows["gdpr-33"][5].startswith("2026-11-23 04:30 (")
    (legal,) = [s for s in report.sections if s.title == "Regulatory position"]
    told = " ".join(legal.bullets)
    assert "selected 2026-11-22 09:01 UTC as the moment from which it runs" in told
    assert "told that it was filed at 2026-11-23 04:30 UTC, reference" in told


async def test_a_clocks_id_is_explained_where_this_edition_of_the_catalogue_was_pinned() -> None:
    account = await account_of(FILED)
    (legal,) = [s for s in board(account, []).sections if s.title == "Regulatory position"]
    (first,) = [line for line in legal.bullets if line.startswith("gdpr-33 (")]
    what = "Reg (EU) 2016/679 Art 33(1), within 72 hours, to lead supervisory authority"
    assert first.startswith(f"gdpr-33 ({what}): counsel ruled that it applies (entry ")
    assert any(line.startswith("gdpr-33-2 (Reg (EU) 2016/679 Art 33(2)") for line in legal.bullets)

    def other(entry: Entry) -> dict[str, Any] | None:
        return {**entry.data, "catalogue": "sha256:0"} if "catalogue" in entry.data else None

    (legal,) = [
        s for s in board(changed(account, other), []).sections if s.title == "Regulatory position"
    ]
    assert any(line.startswith("gdpr-33: counsel ruled") for line in legal.bullets)


async def test_what_was_sent_is_no_evidence_that_was_sealed() -> None:
    account = await account_of(FILED)
    assert (len(account.sealed), len(account.sent), len(account.missing)) == (3, 3, 1)
    assert metrics_of(account).shares["evidence"] == 0.75


async def test_a_determination_is_a_word_of_a_person() -> None:
    account = await account_of(FILED)
    assert account.acknowledged is not None
    assert account.acknowledged.kind is Kind.CLOCK
    beside = [point.says for point in explained(account)["approvals"].points]
    assert any("counsel determined awareness of gdpr-33 = 2026-11-22T09:01" in s for s in beside)


async def test_an_approval_that_was_taken_back_is_no_approval() -> None:
    whole = await account_of(BY_PEOPLE)
    approved = next(e for e in whole.record.entries if e.seq == 102)
    back = {
        "gate": approved.data["gate"],
        "actor": approved.data["actor"],
        "withdraws": approved.data["decision"],
        "reason": "seen too late",
    }
    says = "An approval at gate re-enable-feedback was taken back"
    update = {"kind": Kind.DECISION, "says": says, "data": back}
    entries = list(whole.record.entries)
    entries[103] = entries[103].model_copy(update=update)
    account = Account(Record("histories", entries))
    told = explained(account)
    assert any("taken back before it was used" in point.says for point in told["approvals"].points)
    assert "re-enable-feedback: wanted 2 people, 0 approved" in [
        point.says for point in told["authority"].concerns
    ]
    assert f"{says}." in otherwise(account)


async def test_a_record_whose_chain_is_broken_says_so_on_the_first_page_of_a_report() -> None:
    account = changed(
        await account_of(SILENT), lambda e: {**e.data, "x": 1} if e.seq == 9 else None
    )
    assert "chain is broken (journal entry 9" in first_page(account)["What is not known?"]
    assert "whose chain IS BROKEN" in board(account, []).made_from
    assert "whose chain holds" in board(await account_of(SILENT), []).made_from


async def test_a_clock_that_nobody_determined_stands_open_before_the_board() -> None:
    whole = await account_of(FILED)
    account = until(whole, 21)
    (stands,) = [s for s in board(account, []).sections if s.title == "Where it stands"]
    assert any(
        line.startswith("Legal clock gdpr-33: nobody determined it; if it applies, due 2026-11-25")
        for line in stands.bullets
    )


async def test_a_page_that_was_acknowledged_is_an_answer() -> None:
    account = await account_of("feedback-poisoning/with_answers_to_pages")
    assert account.acknowledged is not None
    assert account.acknowledged.says == "Acknowledged in pagerduty: ml-on-call"
    assert "never answered" not in first_page(account)["Who decided?"]
    rows = table_of(board(account, []), "Decisions by people").rows
    assert rows[0][1:3] == ("ml-on-call", "taken by its page")
    beside = [point.says for point in explained(account)["approvals"].points]
    assert any("Acknowledged in pagerduty: ml-on-call; no person is named" in s for s in beside)


async def test_broken_glass_says_who_used_it_and_what_its_review_was() -> None:
    account = await account_of(BY_PEOPLE)
    (glass,) = [says for says in otherwise(account) if says.startswith("The glass")]
    assert glass.endswith("used for a decision; review: justified.")
    approvals = explained(account)["approvals"]
    assert "9 decisions by people counted at gates" in approvals.says, "breaking it decides nothing"
    assert any(
        "o2 broke the glass at rescore-decisions, until" in p.says for p in approvals.concerns
    )
    unreviewed = until(account, 90)
    (glass,) = [says for says in otherwise(unreviewed) if says.startswith("The glass")]
    assert glass.endswith("review: NOT REVIEWED.")


async def test_an_approval_names_the_digest_of_what_was_shown_and_who_else_could_have() -> None:
    account = await account_of(BY_PEOPLE)
    told = explained(account)
    gate = next(gate for gate in account.gates if gate.id == "confirm-known-good")
    assert gate.digest in told["approvals"].points[0].says
    assert (
        told["authority"]
        .points[0]
        .says.endswith(
            "2 could have decided then: o1 as ml-on-call (holder), c1 as commander (holder)"
        )
    )


async def test_a_signed_decision_says_how_it_was_proven_and_whose_the_key_is_not() -> None:
    proof = {
        "authenticated_at": "2026-11-22T23:01:30Z", "method": "passkey", "channel": "console",
        "key": "ed25519-1", "statement": "hs1.x.y",
    }  # fmt: skip
    account = changed(
        await account_of(BY_PEOPLE),
        lambda entry: {**entry.data, **proof} if "choice" in entry.data else None,
    )
    said = explained(account)["approvals"]
    assert (
        "9 of the decisions name a signed statement, by 1 key (1 of them signed for more"
        in said.says
    )
    assert "(authenticated 2026-11-22T23:01:30Z by passkey, over console, key ed25519-1)" in (
        said.points[0].says
    )


async def test_what_was_said_in_vain_names_who_said_it_to_an_auditor_alone() -> None:
    account = changed(
        await account_of("feedback-poisoning/garbage"),
        lambda e: {**e.data, "actor": "x9", "role": "ciso", "gate": "g"} if e.seq == 38 else None,
    )
    denied = [point.says for point in explained(account)["negatives"].points]
    assert any(says.endswith("not-the-role: x9 as ciso at g") for says in denied)
    assert "x9" not in str(board(account, []).document())


async def test_an_evidence_hold_that_held_something_up_is_told() -> None:
    whole = await account_of(FILED)
    says = "An evidence hold blocks redeploy_changed_system: aia-73-6-hold (scope-not-declared)"
    entries = [
        e.model_copy(
            update={"says": says, "data": {"clocks": {"aia-73-6-hold": "scope-not-declared"}}}
        )
        if e.seq == 14
        else e
        for e in whole.record.entries
    ]
    account = Account(Record("histories", entries))
    assert any(says in point.says for point in explained(account)["clocks"].points)
    (legal,) = [s for s in board(account, []).sections if s.title == "Regulatory position"]
    assert any(line.startswith(says) for line in legal.bullets)
