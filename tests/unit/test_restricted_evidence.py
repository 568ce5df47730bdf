"""Evidence of a restricted incident does not leave with a pack, whatever was asked for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import encode_search_attributes

from hemostat.audit.keys import with_key
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.pack.reader import Pack
from hemostat.audit.pack.restricted import MARK, SERVICE, visibility_of
from hemostat.audit.register import Register
from hemostat.audit.sealing import Sealing
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.verify.pack import verify_pack
from hemostat.vault import Vault
from schemas import visibility
from schemas.audit.chain import Link
from schemas.audit.checkpoint import JournalAt, Outcome, Why
from schemas.audit.signing import SigningKey
from schemas.canonical import canonical_json
from schemas.journal import Journal, Kind

OPENED = datetime.now(UTC) - timedelta(minutes=1)
ALL = Choice(include=True)


def event(number: int, kind: int, *, restricted: bool | None = None) -> bytes:
    """A start (1) or an upsert (40) that marks the incident so, or says nothing of it."""
    made = HistoryEvent(event_id=number, event_type=kind)  # type: ignore[arg-type]  # a number is enough
    made.event_time.FromDatetime(OPENED)
    pairs: list[SearchAttributePair[bool] | SearchAttributePair[str]] = [
        SearchAttributePair(visibility.SERVICE, "support-bot")
    ]
    if restricted is not None:
        pairs.append(SearchAttributePair(visibility.RESTRICTED, restricted))
    into = (
        made.workflow_execution_started_event_attributes
        if kind == 1
        else made.upsert_workflow_search_attributes_event_attributes
    )
    encode_search_attributes(TypedSearchAttributes(pairs), into.search_attributes)
    return made.SerializeToString(deterministic=True)


async def held(folder: Path, events: Sequence[bytes], choice: Choice) -> list[tuple[str, bool]]:
    """How the one item of evidence is in the pack, and whether its bytes are; the pack verifies."""
    key, store, vault = SigningKey.make(), FolderStore(folder / "store"), Vault(folder / "vault")
    item = await vault.put(
        b"secret", media_type="text/plain", name="prompt", source="s", method="m"
    )
    journal = Journal()
    said = {"incident": "i", "run": "r", "playbook": "p", "drill": False}
    journal.add(OPENED, Kind.OPENED, "Opened", data=said)
    journal.add(OPENED, Kind.EVIDENCE, "Sealed", data=item.model_dump(mode="json"))
    register = Register(store, key)
    register.enter_opened("i", "r", playbook="p", drill=False, opened_at=OPENED)
    sealing = Sealing(store, key, "i", "r")
    sealing.begin_run("r", Link.START)
    sealing.take(events)
    lines = b"".join(canonical_json(entry) + b"\n" for entry in journal.entries)
    sealing.checkpoint(
        Why.CLOSE,
        journal=JournalAt(length=journal.length, head=journal.head),
        outcome=Outcome.COMPLETED,
        sealed={"journal.jsonl": sealing.keep(lines)},
    )
    register.enter_closed(sealing)
    path = folder / "pack.zip"
    export(store, vault, "i", path, choice=choice)
    verdict = verify_pack(path, with_key(None, key, OPENED - timedelta(hours=1)))
    assert verdict.findings == ()
    pack = Pack.open(path)
    return [
        (kept.held, f"evidence/{kept.item.digest.removeprefix('sha256:')}" in pack.names)
        for kept in pack.evidence().items
    ]


@pytest.mark.parametrize(
    "events",
    [
        [event(1, 1, restricted=True)],
        [event(1, 1, restricted=False), event(2, 40, restricted=True)],
        [event(1, 1, restricted=True), event(2, 40, restricted=False)],
    ],
    ids=["from the start", "since somebody was suspected", "and never unmarked"],
)
async def test_of_a_marked_incident_it_is_listed_and_withheld(
    tmp_path: Path, events: list[bytes]
) -> None:
    assert await held(tmp_path, events, ALL) == [("withheld", False)]


async def test_of_a_service_that_is_restricted_by_now_it_is_withheld_too(tmp_path: Path) -> None:
    choice = Choice(include=True, restricted=frozenset({"support-bot"}))
    assert await held(tmp_path, [event(1, 1)], choice) == [("withheld", False)]


async def test_of_any_other_incident_it_is_included_where_that_is_asked(tmp_path: Path) -> None:
    choice = Choice(include=True, restricted=frozenset({"another"}))
    assert await held(tmp_path, [event(1, 1, restricted=False)], choice) == [("included", True)]


def test_the_marks_are_those_of_the_list_of_incidents() -> None:
    assert (visibility.RESTRICTED.name, visibility.SERVICE.name) == (MARK, SERVICE)
    assert visibility_of([b"", b"\xff"]).restricted is False
