"""Everything sealed anew: with a stranger's key, with an old one, with one that was stolen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hemostat.audit.keys import compromised, with_key
from schemas.audit.checkpoint import KIND, Checkpoint
from schemas.audit.signing import SigningKey, open_envelope, seal
from schemas.base import iso
from schemas.canonical import canonical_json
from tests.forgeries.forge import Case, Draft, assert_named, cases, forgery, named

pytestmark = pytest.mark.temporal


def _edited(draft: Draft) -> None:
    draft.edit_event(b"application/json", b"application/jsoN")


def _at(draft: Draft) -> str:
    return str(draft.lines("checkpoints.jsonl")[0]["body"]["at"])


def _earlier(days: int) -> Any:
    return lambda at: iso(datetime.fromisoformat(at) - timedelta(days=days))


@forgery("key-unknown", "checkpoint 0")
def all_is_signed_anew_with_another_key(draft: Draft) -> None:
    _edited(draft)
    draft.sign_everything(SigningKey.make())


@forgery("checkpoint-signature", "checkpoint 0")
def another_key_signs_under_the_name_of_the_right_one(draft: Draft) -> None:
    _edited(draft)
    stranger = SigningKey.make()
    stranger.kid = draft.key.kid
    draft.sign_everything(stranger)


@forgery("key-retired", "checkpoint")
def all_is_signed_anew_with_a_retired_key(draft: Draft) -> None:
    _edited(draft)
    retired = datetime.fromisoformat(_at(draft)) - timedelta(minutes=20)
    draft.trust = with_key(draft.trust, SigningKey.make(), retired)
    draft.sign_everything(draft.key)


@forgery("time-backdated", "checkpoint")
def a_retired_key_is_dated_back_to_its_time(draft: Draft) -> None:
    _edited(draft)
    draft.trust = draft.trust.model_copy(
        update={"keys": (draft.trust.keys[0].model_copy(update={"since": iso(_LONG_AGO)}),)}
    )
    draft.trust = with_key(draft.trust, SigningKey.make(), datetime.now(UTC) - timedelta(hours=2))
    draft.sign_everything(draft.key, at=_earlier(1))


_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@forgery("key-early", "checkpoint 0")
def a_checkpoint_is_dated_before_its_key(draft: Draft) -> None:
    draft.sign_everything(draft.key, at=_earlier(400))


@forgery("key-compromised", "checkpoint")
def all_is_signed_anew_with_a_stolen_key(draft: Draft) -> None:
    _edited(draft)
    draft.sign_everything(draft.key)
    draft.trust = compromised(draft.trust, draft.key.kid, datetime.now(UTC))


@forgery("checkpoint-signature", "checkpoint 1")
def a_checkpoint_is_edited(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    lines[1]["body"]["last_event"] += 1
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("shape", "checkpoints.jsonl:2")
def a_checkpoint_is_dated_on_no_calendar(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    lines[1]["body"]["at"] = "2026-02-30T99:99:99.999999Z"
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("checkpoint-missing", "checkpoint 1")
def a_checkpoint_is_taken_out(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    del lines[1]
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("checkpoint-missing", "checkpoint 1")
def checkpoints_change_places(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    lines[1], lines[2] = lines[2], lines[1]
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("checkpoint-missing", "checkpoints.jsonl")
def there_is_no_checkpoint(draft: Draft) -> None:
    draft.members["checkpoints.jsonl"] = b""


@forgery("checkpoint-chain", "checkpoint")
def the_chain_is_mended_with_the_key_but_not_the_links(draft: Draft) -> None:
    lines = draft.members["checkpoints.jsonl"].splitlines()
    body = open_envelope(KIND, lines[2], Checkpoint).body
    again = body.model_copy(update={"previous": "sha256:" + "7" * 64})
    lines[2] = seal(KIND, again, draft.key)
    draft.members["checkpoints.jsonl"] = b"\n".join(lines) + b"\n"


@forgery("time-backwards", "checkpoint")
def time_runs_backwards(draft: Draft) -> None:
    def change(body: dict[str, Any]) -> None:
        if body["seq"] == 2:
            body["at"] = _earlier(0)(_at(draft))

    draft.sign_everything(draft.key, change=change)


@forgery("checkpoint-other-incident", "checkpoint 0")
def the_record_of_another_incident_is_passed_off(draft: Draft) -> None:
    draft.manifest["incident"] = "feedback-poisoning-000000000000"


@forgery("history-chain")
def the_right_key_signs_heads_of_nothing(draft: Draft) -> None:
    def change(body: dict[str, Any]) -> None:
        body["head"] = "sha256:" + "3" * 64

    draft.sign_everything(draft.key, change=change)


@forgery("shape", "checkpoints.jsonl:1")
def a_signature_is_no_base64(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    lines[0]["signature"] = "*" * 88
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("shape", "checkpoints.jsonl:1")
def a_checkpoint_has_a_field_too_many(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    lines[0]["body"]["note"] = "trust me"
    draft.set_lines("checkpoints.jsonl", lines)


@forgery("statement-not-held", "journal entry")
def a_decision_is_put_in_anothers_mouth_with_the_sealers_own_key(draft: Draft) -> None:
    draft.edit_event(b'"one-ml-lead"', b'"two-ml-lead"')
    said = [
        entry["seq"]
        for entry in draft.lines("journal.jsonl")
        if entry["kind"] == "decision" and entry["data"].get("actor") == "one-ml-lead"
    ]
    draft.rewrite_journal(lambda entries: entries[said[-1]]["data"].update(actor="two-ml-lead"))
    draft.sign_everything(draft.key)


# The register


@forgery("register-missing", "register.jsonl")
def the_incident_is_not_in_the_register(draft: Draft) -> None:
    draft.members["register.jsonl"] = b""


@forgery("register-other-incident", "register entry")
def the_register_is_of_another_incident(draft: Draft) -> None:
    draft.manifest["first_run"] = "00000000-0000-0000-0000-000000000000"


@forgery("register-signature", "register entry")
def the_register_is_edited(draft: Draft) -> None:
    lines = draft.lines("register.jsonl")
    lines[0]["body"]["drill"] = not lines[0]["body"]["drill"]
    draft.set_lines("register.jsonl", lines)


@forgery("register-close", "register entry")
def the_end_is_cut_off_and_the_register_is_not(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    draft.set_lines("checkpoints.jsonl", lines[:-1])
    draft.set_events(draft.events()[: lines[-2]["body"]["last_event"]])


@forgery("register-close", "checkpoint")
def the_entry_of_the_close_is_taken_out(draft: Draft) -> None:
    draft.set_lines("register.jsonl", draft.lines("register.jsonl")[:1])
    draft.manifest["closed"] = False


@forgery("record-open", "checkpoint")
def the_end_is_cut_off_wherever_it_shows(draft: Draft) -> None:
    lines = draft.lines("checkpoints.jsonl")
    draft.set_lines("checkpoints.jsonl", lines[:-1])
    draft.set_lines("register.jsonl", draft.lines("register.jsonl")[:1])
    draft.set_events(draft.events()[: lines[-2]["body"]["last_event"]])
    draft.manifest["closed"] = False
    for name in ("journal.jsonl", "code.json", "clocks.json", "histories/01.json"):
        del draft.members[name]
    for name in [n for n in draft.members if n.startswith(("evidence", "decisions"))]:
        del draft.members[name]


@forgery("manifest-wrong", "manifest.json")
def an_exercise_is_passed_off_as_real(draft: Draft) -> None:
    draft.manifest["drill"] = False


@forgery("manifest-wrong", "manifest.json")
def a_closed_incident_is_said_to_be_open(draft: Draft) -> None:
    draft.manifest["closed"] = False


@forgery("format-version", "manifest.json")
def the_pack_claims_another_version(draft: Draft) -> None:
    draft.manifest["format"] = "hemostat-pack/2"


@pytest.mark.parametrize("case", cases(__name__), ids=named)
def test_it_is_noticed_and_named(case: Case, draft: Draft, tmp_path: Path) -> None:
    assert_named(case, draft, tmp_path)


def test_with_the_right_key_an_untouched_record_can_be_signed_anew(
    draft: Draft, tmp_path: Path
) -> None:
    """The forger's tools are good: what they make of an untouched record holds."""
    draft.sign_everything(draft.key)
    assert draft.verdict(tmp_path).findings == ()


def test_a_rotated_key_vouches_for_its_own_time(draft: Draft, tmp_path: Path) -> None:
    draft.trust = with_key(draft.trust, SigningKey.make(), datetime.now(UTC) + timedelta(hours=1))
    assert draft.trust.keys[0].retired is not None
    assert draft.verdict(tmp_path).held


def test_canonical_json_is_what_the_forger_writes_too(draft: Draft) -> None:
    line = draft.members["checkpoints.jsonl"].splitlines()[0]
    assert canonical_json(draft.lines("checkpoints.jsonl")[0]) == line
