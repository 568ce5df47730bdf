"""Reports say what the record shows, mark what people add, and draw whatever text they are given."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from hemostat.audit.account.account import Account
from hemostat.audit.account.reading import record_at
from hemostat.audit.account.record import Record
from hemostat.audit.explain.explanation import explain
from hemostat.audit.report.annotations import About, Annotations
from hemostat.audit.report.answers import answers
from hemostat.audit.report.board import board
from hemostat.audit.report.document import Report
from hemostat.audit.report.metrics import (
    metrics_of,
)
from hemostat.audit.report.postmortem import postmortem
from hemostat.audit.report.render import html, pdf
from hemostat.cli import run
from schemas.audit.signing import SigningKey
from schemas.errors import BadInput, NotHeld
from tests.audit.test_explain import account_of
from tests.replay.record import HISTORIES

HOSTILE = (
    '#panic("typst") #read("/etc/passwd") $x$ *bold* <script>alert(1)</script> {{ 7*7 }} \\ ` " '
    "\x1b[31m \u202e ] ) }"
)


def said(report: Report) -> str:
    return json.dumps(report.document(), ensure_ascii=False)


async def test_people_appear_as_roles_and_nobody_by_an_id() -> None:
    account = await account_of("feedback-poisoning/by_people")
    for report in (postmortem(account, []), board(account, [])):
        told = json.dumps([s["table"] or s["bullets"] for s in report.document()["sections"]])
        assert "ml-lead" in told
        for person in account.people():
            assert f'"{person}"' not in told
            assert f" {person} " not in told


async def test_who_was_excluded_is_for_the_restricted_file_alone() -> None:
    account = await account_of("feedback-poisoning/by_people")
    assert any("excluded someone" in entry.says for entry in account.record.entries)
    assert "excluded someone" not in said(board(account, []))


async def test_what_is_unknown_is_shown_as_unknown() -> None:
    account = await account_of("feedback-poisoning/end_before_its_beginning")
    told = said(postmortem(account, []))
    assert "unknown: not assessed" in told
    assert "unknown: nothing to contain" in told
    assert metrics_of(account).seconds["ttc"] is None


async def test_contained_means_that_every_containing_step_was_proven() -> None:
    account = await account_of("feedback-poisoning/lying_gateway")
    metrics = metrics_of(account)
    assert metrics.seconds["ttc"] is not None
    assert metrics.seconds["commanded"] is not None
    assert metrics.seconds["ttc"] > 0
    assert metrics.shares["first_try"] == 0.5


def answered(account: Account) -> dict[str, str]:
    return {one.asked: one.says for one in answers(account)}


async def test_the_first_page_answers_what_everybody_asks() -> None:
    account = await account_of("assistant-exfiltration/filed")
    told = answered(account)
    assert told["Did it work?"].startswith(
        "Yes. All 12 containing steps held 2.0 s after the opening"
    )
    assert told["Who decided?"].startswith("25 decisions at gates: counsel 6, ")
    assert (
        "6 determinations on legal clocks by counsel. Silence decided nothing."
        in (told["Who decided?"])
    )
    assert told["Was the clock met?"] == (
        "gdpr-33 was filed 3 d 0 h before it was due, as counsel told; aia-73-6-hold was released; "
        "the record shows the text for gdpr-33 sent 16 h 1 min after that, 2 d 7 h before it was "
        "due; 2 do not apply."
    )
    assert "memory (3 items were); the impact on people, safety" in told["What is not known?"]
    for report in (postmortem(account, []), board(account, [])):
        assert [one.asked for one in report.answers] == list(told)
        facts = {fact.label: fact.value for fact in report.facts}
        assert facts["legal clocks met"] == "1 of 1, as told"
        assert html(report).index("Did it work?") < html(report).index("<h2>")


async def test_what_is_not_shown_is_not_answered_with_yes() -> None:
    nothing = answered(await account_of("feedback-poisoning/end_before_its_beginning"))
    assert nothing["Did it work?"] == "Nothing was contained."
    assert nothing["Who decided?"] == "No person decided. Silence decided nothing."
    assert nothing["Was the clock met?"].startswith("The service declares no legal regime")
    assert nothing["What is not known?"] == "The impact, which nobody assessed."
    alone = answered(await account_of("feedback-poisoning/by_people"))
    assert "The glass was broken 1 time: one person could decide alone." in alone["Who decided?"]
    lied_to = answered(await account_of("feedback-poisoning/lying_gateway"))
    assert lied_to["Did it work?"].endswith("than the act; 1 of them not at the first try.")
    account = await account_of("feedback-poisoning/resolved")
    cut = account.record.entries[: account.containing[0].begun_seqs[0] + 1]
    unproven = answered(Account(Record("histories", list(cut))))
    assert unproven["Did it work?"].startswith("It is not shown as a whole. ")
    assert "It is not closed." in unproven["What happened?"]


async def test_a_hold_that_was_released_is_no_filing() -> None:
    account = await account_of("assistant-exfiltration/filed")
    (hold,) = [c for c in account.legal.clocks.values() if c.id == "aia-73-6-hold"]
    assert (hold.state, hold.released) == ("filed", True)
    assert account.legal.met() == (1, 1)
    (clocks,) = [a for a in explain(account).answers if a.id == "clocks"]
    assert "Filed or overdue: 1; in time, by the moment of filing that was told: 1." in clocks.says
    assert any(point.says.startswith("aia-73-6-hold: released") for point in clocks.points)
    (row,) = [
        r for s in board(account, []).sections if s.table for r in s.table.rows if r[0] == hold.id
    ]
    assert row[1:] == ("released", "counsel", "-", "-", "-")


async def test_steps_that_the_picture_has_no_room_for_are_counted() -> None:
    account = await account_of("assistant-exfiltration/filed")
    (drawn,) = [s for s in postmortem(account, []).sections if s.picture]
    assert drawn.note == "14 later steps and questions are not drawn."
    (whole,) = [
        s
        for s in postmortem(await account_of("feedback-poisoning/by_people"), []).sections
        if s.picture
    ]
    assert whole.note == ""


async def test_annotations_are_marked_and_the_missing_ones_are_named(tmp_path: Path) -> None:
    account = await account_of("feedback-poisoning/resolved")
    before = board(account, [])
    assert "Not added by people, so far" in said(before)
    kept = Annotations(tmp_path, account.incident)
    add(kept, account, About.ACTION, "Refuse accounts younger than a week", owner="ml-lead")
    add(kept, account, About.ASK, "Two more drills a year")
    after = postmortem(account, kept.standing())
    (actions,) = [s for s in after.sections if s.title == "Action items"]
    assert actions.annotated
    assert actions.table is not None
    assert actions.table.rows[0][1:] == ("ml-lead", "no day", "nothing verifies it yet")


def add(kept: Annotations, account: Account, about: About, text: str, **more: object) -> None:
    kept.add(
        SigningKey.make(),
        head=account.record.head,
        role="commander",
        about=about,
        text=text,
        more=more,
    )


async def test_an_annotation_that_was_edited_dropped_or_moved_is_noticed(tmp_path: Path) -> None:
    account = await account_of("feedback-poisoning/resolved")
    kept = Annotations(tmp_path, account.incident)
    for text in ("one", "two", "three"):
        add(kept, account, About.WENT_WELL, text)
    lines = kept.file.read_bytes().splitlines(keepends=True)
    for forged in (
        [lines[0], lines[1].replace(b"two", b"too"), lines[2]],
        [lines[0], lines[2]],
        [lines[1], lines[0], lines[2]],
    ):
        kept.file.write_bytes(b"".join(forged))
        with pytest.raises(NotHeld):
            kept.read()
    kept.file.write_bytes(b"".join(lines))
    assert [a.text for a in kept.read()] == ["one", "two", "three"]
    add(kept, account, About.RETRACTS, "it was not so", retracts=1)
    assert [a.text for a in kept.standing()] == ["one", "three"]
    with pytest.raises(BadInput, match="no annotation of that number"):
        add(kept, account, About.RETRACTS, "nothing", retracts=9)


async def test_hostile_text_is_drawn_as_text(tmp_path: Path) -> None:
    account = await account_of("feedback-poisoning/by_people")
    entries = [
        entry.model_copy(
            update={"data": {**entry.data, "title": HOSTILE, "name": HOSTILE, "source": HOSTILE}}
        )
        for entry in account.record.entries
    ]
    hostile = Account(Record("histories", entries))
    kept = Annotations(tmp_path, account.incident)
    add(kept, account, About.CONTRIBUTING, HOSTILE)
    report = postmortem(hostile, kept.standing())
    page = html(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    drawn = pdf(report)
    assert drawn.startswith(b"%PDF-")


async def test_a_drill_says_so_on_every_page() -> None:
    account = await account_of("feedback-poisoning/resolved")
    entries = list(account.record.entries)
    entries[0] = entries[0].model_copy(update={"data": {**entries[0].data, "drill": True}})
    report = board(Account(Record("histories", entries)), [])
    assert report.exercise
    assert "EXERCISE" in html(report)


def test_the_commands_write_pages_pdf_json_and_annotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = str(HISTORIES / "feedback-poisoning" / "resolved")
    kept = str(tmp_path / "kept")
    key = tmp_path / "key.pem"
    key.write_text(SigningKey.make().pem())
    said_ = ["report", "annotate", pack, "action-item", "Drill it", "--role", "commander"]
    given = [*said_, "--key", f"file:{key}", "--annotations", kept]
    assert run([*given, "--owner", "ml-lead", "--due", "2026-12-24"]) == 0
    assert run([*given, "--owner", "No Role", "--json"]) == 2
    assert "look at owner" in capsys.readouterr().err
    for name in ("postmortem", "board"):
        for ending in ("pdf", "html"):
            file = tmp_path / f"{name}.{ending}"
            assert run(["report", name, pack, "-o", str(file), "--annotations", kept]) == 0
            assert file.stat().st_size > 5000
        assert "Drill it" in (tmp_path / f"{name}.html").read_text()
    assert run(["report", "board", pack, "-o", str(tmp_path / "board.doc")]) == 2
    capsys.readouterr()
    assert run(["report", "metrics", str(HISTORIES / "triage"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["incidents"]["n"] == len(list((HISTORIES / "triage").iterdir()))
    assert told["unread"] == []


@pytest.mark.parametrize(
    ("scenario", "began"),
    [
        ("feedback-poisoning/resolved", "2026-11-20T12:00:00+00:00"),  # the first poisoned feedback
        ("adversarial-evasion/hardened", "2026-11-22T08:30:00+00:00"),  # the first patched upload
        ("assistant-exfiltration/filed", "2026-11-22T09:00:00+00:00"),  # the first extraction
        ("triage/closed", None),
    ],
)
def test_harm_began_when_the_record_shows_it(scenario: str, began: str | None) -> None:
    metrics = metrics_of(Account(record_at(HISTORIES / scenario)))
    if began is None:
        assert metrics.seconds["mttd"] is None
        assert metrics.unknown["mttd"] == "the record does not show when the harm began"
    else:
        took = metrics.opened_at - datetime.fromisoformat(began)
        assert metrics.seconds["mttd"] == took.total_seconds()
