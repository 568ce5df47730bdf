"""What was sent is evidence too: listed in a pack as the vault keeps it, bound by its digest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hemostat.audit.pack.export import _sealed
from hemostat.audit.verify.journal import _seals
from hemostat.vault import EvidenceMissing, Vault
from schemas.audit.manifest import Kept
from schemas.canonical import digest_of
from schemas.journal import Entry, Journal, Kind


def sent(digest: str) -> Entry:
    chain = Journal()
    data = {"digest": digest, "text": digest_of("text"), "receipt": "r-1", "audience": "hotline"}
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


def test_what_was_sent_and_is_in_no_ledger_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EvidenceMissing):
        _sealed(sent(digest_of("gone")), Vault(tmp_path))
