"""The moderation and accounts adapters against the real service behind the real edge.

One range for all tests, in their order: each builds on what the one before left.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from activities.accounts_caddy import AccountsCaddy
from activities.accounts_caddy import Connection as AccountsConnection
from activities.gateway_caddy import Connection as GatewayConnection
from activities.gateway_caddy import GatewayCaddy
from activities.moderation_http import Connection, ModerationHttp
from activities.parts.sealed_originals import MEDIA_TYPE, Restricted
from hemostat.drill.range.evasion.range import ModerationRange
from hemostat.vault import Vault
from schemas.canonical import digest_of
from schemas.errors import BadInput
from schemas.ports import moderation as ports
from schemas.ports.accounts import BlockAccounts, ProbeAccounts
from schemas.ports.gateway import IsolateEndpoint

pytestmark = [pytest.mark.real, pytest.mark.slow]

PICTURE = b"P5\n16 16"


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[ModerationRange]:
    async with ModerationRange() as running:
        (running.state / "evidence-key").write_bytes(base64.b64encode(b"k" * 32))
        await running.start_attack()
        yield running


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
async def adapter(target: ModerationRange, vault: Vault) -> AsyncIterator[ModerationHttp]:
    made = ModerationHttp(
        Connection(
            adapter="moderation_http",
            service=target.service_url,
            edge=target.edge_url,
            admin_token=f"file:{target.admin_token_file}",
            evidence_key=f"file:{target.state / 'evidence-key'}",
            adversarial_set=f"file:{target.sealed_path}",
            adversarial_set_digest=target.sealed_digest,
            benign_set=f"file:{target.benign_path}",
            benign_set_digest=target.benign_digest,
        ),
        vault,
    )
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
async def accounts(target: ModerationRange, vault: Vault) -> AsyncIterator[AccountsCaddy]:
    made = AccountsCaddy(
        AccountsConnection(
            adapter="accounts_caddy",
            admin=target.caddy_admin_url,
            edge=target.edge_url,
            knock_path="/v1/moderate",
            legitimate="member-0001",
        ),
        vault,
    )
    yield made
    await made.aclose()


async def found(adapter: ModerationHttp) -> ports.Pattern:
    """The pattern, once people have confirmed enough of it."""
    while (seen := await adapter.identify_pattern(ports.IdentifyPattern())).items < 12:
        pass
    return seen


async def test_it_is_sound(adapter: ModerationHttp, accounts: AccountsCaddy) -> None:
    assert await adapter.check() == []
    assert await accounts.check() == []


async def test_the_sealed_set_passes_while_the_model_is_alone(adapter: ModerationHttp) -> None:
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert (seen.adversarial, seen.passed) == (60, 60)
    assert seen.false_positives < 0.05
    assert seen.refused == seen.by_fallback == 0


async def test_the_pattern_is_the_attackers_sticker(
    adapter: ModerationHttp, target: ModerationRange
) -> None:
    seen = await found(adapter)
    attack = target.attack_report()
    assert seen.explained >= 0.8
    assert seen.attack_success > 0.8
    assert set(seen.accounts) <= set(attack.accounts)
    assert seen.first_at is not None
    assert seen.first_at >= datetime.fromisoformat(attack.began_at)


async def test_originals_are_locked_and_nothing_in_clear_is_a_picture(
    adapter: ModerationHttp, vault: Vault
) -> None:
    sealed = await adapter.seal_moderation(ports.SealModeration(originals=5))
    locked = [item for item in sealed.items if item.media_type == MEDIA_TYPE]
    assert len(locked) == 5
    assert [gap.name for gap in sealed.gaps] == ["originals"]
    pattern = await adapter.identify_pattern(ports.IdentifyPattern())
    restricted = Restricted(b"k" * 32)
    for item in sealed.items:
        assert PICTURE not in vault.read(item.digest)
        if item.media_type == MEDIA_TYPE:
            (digest,) = [d for d in pattern.digests if d[7:23] in item.name]
            assert restricted.open(vault.read(item.digest), digest).startswith(PICTURE)


@pytest.mark.parametrize(("mode", "kept_back"), [("review", 0.15), ("fallback", 0.25)])
async def test_each_mode_lets_no_sticker_pass_and_most_benign_pictures(
    adapter: ModerationHttp, mode: ports.Mode, kept_back: float
) -> None:
    wanted = ports.SetMode(mode=mode)
    assert (await adapter.set_moderation_mode(wanted)).changed
    assert not (await adapter.set_moderation_mode(wanted)).changed
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert seen.passed == seen.refused == 0
    assert seen.false_positives <= kept_back
    assert seen.by_fallback == (180 if mode == "fallback" else 0)


async def test_accounts_are_refused_and_a_star_is_a_name(
    accounts: AccountsCaddy, target: ModerationRange
) -> None:
    out = (*target.attack_report().accounts, "*", "a|b", "{http.request.host}")
    asked = BlockAccounts(route="moderate", accounts=out, incident="i", key="k")
    assert (await accounts.block_accounts(asked)).changed
    assert not (await accounts.block_accounts(asked)).changed
    seen = await accounts.probe_accounts(ProbeAccounts(route="moderate", accounts=out))
    assert seen.passed == 0
    assert seen.legitimate_status == 400
    assert await target.knock("member-0007") == 200
    assert (await accounts.unblock_accounts(asked)).changed
    assert not (await accounts.unblock_accounts(asked)).changed
    assert await target.knock("*") == 200
    await accounts.block_accounts(asked)


async def test_a_block_ends_by_the_gateways_own_clock(
    accounts: AccountsCaddy, target: ModerationRange
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    asked = BlockAccounts(
        route="moderate", accounts=("guest-9",), until=soon, incident="ends", key="k"
    )
    await accounts.block_accounts(asked)
    assert await target.knock("guest-9") == 403
    assert await target.knock("member-0007") == 200
    async with asyncio.timeout(20):
        while await target.knock("guest-9") == 403:
            await asyncio.sleep(0.2)
    assert datetime.now(UTC) >= soon
    assert await target.knock("guest-9") == 200
    await accounts.unblock_accounts(asked)


async def test_a_block_is_seen_as_one_while_uploads_are_held(
    accounts: AccountsCaddy, target: ModerationRange, vault: Vault
) -> None:
    gateway = GatewayCaddy(
        GatewayConnection(adapter="gateway_caddy", admin=target.caddy_admin_url), vault
    )
    hold = IsolateEndpoint(route="moderate", incident="holds", key="k")
    asked = BlockAccounts(route="moderate", accounts=("guest-8",), incident="holds", key="k")
    await gateway.isolate_endpoint(hold)
    await accounts.block_accounts(asked)
    seen = await accounts.probe_accounts(ProbeAccounts(route="moderate", accounts=("guest-8",)))
    assert (seen.knocked, seen.passed, seen.legitimate_status) == (1, 0, 503)
    assert not (await accounts.block_accounts(asked)).changed
    await gateway.restore_endpoint(hold)
    assert await target.knock("guest-8") == 403
    assert await target.knock("member-0007") == 200
    await accounts.unblock_accounts(asked)
    await gateway.aclose()


async def test_the_sweep_looks_at_everything_that_was_approved(adapter: ModerationHttp) -> None:
    pattern = await found(adapter)
    assert pattern.first_at is not None
    window = {"start": pattern.first_at, "end": datetime.now(UTC)}
    swept = await adapter.rescan_approvals(ports.RescanApprovals(**window, key="k"))
    counted = await adapter.count_approvals(ports.ApprovalWindow(**window))
    assert counted == swept
    assert swept.rescanned == swept.approved > 0
    assert swept.left_over == 0
    assert swept.removed >= 12


async def test_retraining_needs_the_set_of_that_digest(adapter: ModerationHttp) -> None:
    other = digest_of("another set")
    assert not (await adapter.find_adversarial_set(ports.FindAdversarialSet(digest=other))).usable
    with pytest.raises(BadInput):
        await adapter.retrain_hardened(ports.RetrainHardened(set_digest=other, key="k"))


async def test_a_hardened_version_withstands_what_it_never_saw_and_serves(
    adapter: ModerationHttp, target: ModerationRange
) -> None:
    pinned = target.training_digest
    assert (await adapter.find_adversarial_set(ports.FindAdversarialSet(digest=pinned))).usable
    made = await adapter.retrain_hardened(ports.RetrainHardened(set_digest=pinned, key="k"))
    again = await adapter.retrain_hardened(ports.RetrainHardened(set_digest=pinned, key="k"))
    assert made == again
    assert made.attack_success <= 0.05
    assert made.clean_drop <= 0.01
    canary = ports.AdmitCanary(version=made.version, percent=25)
    assert (await adapter.admit_canary(canary)).changed
    assert not (await adapter.admit_canary(canary)).changed
    seen = await adapter.probe_sets(ports.ProbeSets())
    assert 0 < seen.by_fallback < 180
    with pytest.raises(BadInput):
        await adapter.promote_version(ports.PromoteVersion(version="99"))
    assert (await adapter.promote_version(ports.PromoteVersion(version=made.version))).changed
    state = await adapter.read_moderation(
        ports.ReadModeration(since=datetime.now(UTC) - timedelta(seconds=5))
    )
    assert (state.mode, state.champion) == ("auto", made.version)


async def test_a_flagged_item_is_held_by_hash_and_given_to_nobody(
    adapter: ModerationHttp, target: ModerationRange
) -> None:
    await adapter.set_moderation_mode(ports.SetMode(mode="review"))
    target.flag_one_item()
    while not (flagged := await adapter.read_flagged(ports.ReadFlagged())).items:
        pass
    (item,) = flagged.items
    assert not item.held
    await adapter.preserve_items(ports.PreserveItems(digests=(item.digest,)))
    (held,) = (await adapter.read_flagged(ports.ReadFlagged())).items
    assert held.held
    sealed = await adapter.seal_moderation(ports.SealModeration(originals=500))
    assert not any(item.digest[7:23] in sealed_item.name for sealed_item in sealed.items)
    assert "flagged originals" in {gap.name for gap in sealed.gaps}
