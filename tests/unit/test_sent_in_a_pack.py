"""What was sent is evidence too: listed in a pack as the vault keeps it, bound by its digest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hemostat.audit.pack.export import _sealed
from hemostat.audit.verify.journal import _seals
from hemostat.vault import EvidenceMissing, Vault
from schemas.audit.manifest import Kept
from schemas.canonical import digest_of
from schemas.evidence import EvidenceItem
from schemas.journal import Entry, Journal, Kind
from schemas.ports.disclosure import Receipt
from workflows.engine.evidence import of_sent


def sent(digest: str, item: EvidenceItem | None = None) -> Entry:
    chain = Journal()
    receipt = Receipt(
        receipt="r-1",
        audience="hotline",
        text_digest=digest_of("text"),
        sealed=digest,
        changed=True,
        item=item,
    )
    data = of_sent(receipt)
    return chain.add(
        datetime(2026, 11, 23, tzinfo=UTC), Kind.EVIDENCE, "Sent: a report", step="s", data=data
    )


async def test_what_was_sent_is_listed_as_the_vault_keeps_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    item = await vault.put(
        b"mail", media_type="message/rfc822", name="sent to hotline", source="pickup", method="m"
    )
    entry = sent(item.digest)
    assert _sealed(entry, vault) == item
    assert _seals(entry, Kept(item=item, seq=0, held="reference"))
    other = item.model_copy(update={"digest": digest_of("another")})
    assert not _seals(entry, Kept(item=other, seq=0, held="reference"))


def test_where_the_journal_tells_of_the_item_nothing_of_it_can_be_changed_and_no_ledger_is_asked(
    tmp_path: Path,
) -> None:
    item = EvidenceItem(
        digest=digest_of("mail"),
        size=6,
        media_type="message/rfc822",
        name="sent to hotline",
        source="pickup",
        method="read back",
        collected_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    entry = sent(item.digest, item)
    assert _sealed(entry, Vault(tmp_path)) == item
    assert _seals(entry, Kept(item=item, seq=0, held="reference"))
    for change in (
        {"source": "fax"},
        {"size": 7},
        {"collected_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ):
        other = item.model_copy(update=change)
        assert not _seals(entry, Kept(item=other, seq=0, held="reference"))


def test_a_receipt_that_names_no_item_is_told_as_incidents_before_told_it() -> None:
    assert "item" not in sent(digest_of("mail")).data
    receipt = Receipt(
        receipt="r", audience="a", text_digest=digest_of("t"), sealed=digest_of("m"), changed=True
    )
    assert receipt.model_dump(mode="json").keys() == {
        "receipt",
        "audience",
        "text_digest",
        "sealed",
        "changed",
    }
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt


def test_what_was_sent_and_is_in_no_ledger_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EvidenceMissing):
        _sealed(sent(digest_of("gone")), Vault(tmp_path))
