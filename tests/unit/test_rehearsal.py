"""What a rehearsal refuses before anything runs: what is no fake, and what no playbook can use."""

from typing import Any

import pytest

from hemostat.testing import MemoryVault, Pager, Rehearsal, alert
from hemostat.testing.rehearsal import _connected
from schemas.alert import AlertAction
from schemas.canonical import digest_of
from schemas.errors import BadInput
from schemas.incident import Severity
from schemas.ports.paging import Page, PageKey
from schemas.ports.vault import ArchiveJournal, VerifyEvidence
from workers.registry import discover_playbooks


def stage(*capabilities: str) -> Rehearsal:
    nobody: Any = None  # no Temporal: nothing is opened
    serves = dict.fromkeys(capabilities, "fake-1")
    return Rehearsal(nobody, Pager(), MemoryVault(), "q", serves, discover_playbooks())


def test_what_fulfils_no_port_is_no_fake() -> None:
    with pytest.raises(BadInput, match="none of its methods fulfils a port"):
        _connected((object(),))


def test_a_capability_has_one_fake() -> None:
    with pytest.raises(BadInput, match="two fakes are given for pager"):
        _connected((Pager(), MemoryVault(), Pager()))
    connected, serves = _connected((Pager(), MemoryVault()))
    assert serves == {"pager": "fake-1", "vault": "fake-2"}
    assert connected["fake-1"].type.name == "Pager"


@pytest.mark.parametrize(
    ("playbook", "parameters", "says"),
    [
        ("no-such", {}, "no playbook 'no-such'.*hemostat playbooks"),
        ("feedback-poisoning", {}, "no fake is given for gateway, pager.*admit_cohort"),
        ("triage", {"ceiling": 1}, "`ceiling` is not a setting"),
    ],
)
async def test_what_does_not_fit_is_told(
    playbook: str, parameters: dict[str, Any], says: str
) -> None:
    serving = ("pager",) if playbook == "triage" else ()
    with pytest.raises(BadInput, match=says):
        await stage(*serving).open(playbook, parameters=parameters)


async def test_the_pager_and_the_vault_remember() -> None:
    pager, vault = Pager(), MemoryVault()
    called = Page(dedup_key="k", role="commander", summary="s", severity=Severity.SEV2)
    await pager.page(called)
    await pager.page(called)
    await pager.acknowledge_page(PageKey(dedup_key="k"))
    await pager.resolve_page(PageKey(dedup_key="k"))
    assert (pager.roles, pager.pages) == (["commander"], {"k": called})
    kept = (await vault.archive_journal(ArchiveJournal(segment="a line"))).digest
    assert vault.journals == {kept: "a line"}
    asked = VerifyEvidence(digests=(kept, digest_of("another")))
    assert (await vault.verify_evidence(asked)).missing == ()
    vault.lost.add(kept)
    assert (await vault.verify_evidence(asked)).missing == (kept,)


def test_an_alert_fires_unless_it_is_said_to_end() -> None:
    one = alert("SpendTooHigh", evidence={"spend_per_hour": 900.0}, labels={"model": "m"})
    assert (one.action, one.evidence["spend_per_hour"]) == (AlertAction.OPEN, 900.0)
    assert one.started_at is not None
    assert one.started_at < one.received_at
    end = alert("SpendTooHigh", action=AlertAction.CLOSE)
    assert end.episode_key == one.episode_key
    assert end.delivery_key != one.delivery_key
