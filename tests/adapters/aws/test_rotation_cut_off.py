"""A rotation that is cut off anywhere, or lied to: one key, never two, never none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.credentials_aws import Connection, CredentialsAws
from hemostat.vault import Vault
from schemas.errors import SystemUnreachable
from schemas.ports.credentials import DistributeKey, KnockWithKey, RetireKeys, TrySecret
from tests.adapters.aws.conftest import Account
from tests.adapters.aws.test_credentials_aws import creating, turning
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real


@pytest.fixture
async def liar(account: Account) -> AsyncIterator[Liar]:
    async with Liar(account.cloud.url) as lying:
        yield lying


@pytest.fixture
async def deceived(
    connection: Connection, liar: Liar, tmp_path: Path
) -> AsyncIterator[CredentialsAws]:
    through = connection.model_copy(update={"endpoint_url": liar.url, "timeout_seconds": 2})
    made = CredentialsAws(through, Vault(tmp_path / "vault"))
    yield made
    await made.aclose()


class Nth:
    """Tells *lie* at the n-th request from now on, and the truth before and after."""

    def __init__(self, liar: Liar, n: int, lie: Lie) -> None:
        self.left, self.lie, self.told = n, lie, False
        liar.lie = self

    def __call__(self, method: str, path: str) -> Lie:
        self.left -= 1
        self.told = self.told or self.left == 0
        return self.lie if self.left == 0 else Lie.NONE


@pytest.mark.parametrize(
    ("at", "lie"), [(n, Lie.ACT_THEN_SILENCE) for n in range(1, 10)] + [(6, Lie.FAIL)]
)
async def test_cut_off_at_any_request_the_next_attempt_ends_with_one_new_key(
    adapter: CredentialsAws,
    deceived: CredentialsAws,
    liar: Liar,
    account: Account,
    at: int,
    lie: Lie,
) -> None:
    cut = Nth(liar, at, lie)
    try:
        await deceived.create_key(creating(account))
    except SystemUnreachable:
        pass
    else:
        assert not cut.told, "the cut went unnoticed"
    made = await adapter.create_key(creating(account))
    assert set(account.keys()) == {account.key_id, made.key_id}
    await adapter.distribute_key(
        DistributeKey(incident="inc-1", key="k", secret=account.secret, version=made.version)
    )
    await adapter.retire_keys(
        RetireKeys(incident="inc-1", key="k", principal=account.principal, keep=made.key_id)
    )
    assert account.keys() == {account.key_id: "Inactive", made.key_id: "Active"}
    assert account.current()["access_key_id"] == made.key_id
    held = account.current()
    assert account.lists(held["access_key_id"], held["secret_access_key"])


async def test_a_key_made_by_an_attempt_that_died_before_storing_it_is_swept(
    adapter: CredentialsAws, deceived: CredentialsAws, liar: Liar, account: Account
) -> None:
    def die_at_storing(method: str, path: str) -> Lie:
        # Secret of the new key: made, and the process dies before it stored anything.
        return Lie.FAIL if len(account.keys()) == 2 else Lie.NONE

    liar.lie = die_at_storing
    with pytest.raises(SystemUnreachable):
        await deceived.create_key(creating(account))
    (orphan,) = set(account.keys()) - {account.key_id}
    made = await adapter.create_key(creating(account))
    assert made.orphans == 1
    assert orphan not in set(account.keys())
    assert not (await adapter.knock_with_key(KnockWithKey(key_id=orphan))).accepted


async def test_a_cloud_that_says_done_and_does_nothing_is_seen_through(
    adapter: CredentialsAws, deceived: CredentialsAws, liar: Liar, account: Account
) -> None:
    keys_are_read = 2  # the list and when the key was last used; then comes the write
    Nth(liar, keys_are_read + 1, Lie.NO_EFFECT)
    with pytest.raises(SystemUnreachable):
        await deceived.deactivate_key(turning(account))
    assert (await adapter.knock_with_key(KnockWithKey(key_id=account.key_id))).accepted


@pytest.mark.parametrize("lie", [Lie.FAIL, Lie.BUSY, Lie.GARBAGE, Lie.OTHER_SHAPE, Lie.NOT_FOUND])
async def test_a_knock_that_is_answered_nonsense_shows_nothing(
    deceived: CredentialsAws, liar: Liar, account: Account, lie: Lie
) -> None:
    liar.lie = lambda method, path: lie
    with pytest.raises(SystemUnreachable) as caught:
        await deceived.knock_with_key(KnockWithKey(key_id=account.key_id))
    assert "attacker" not in str(caught.value)


async def test_a_secret_that_holds_something_else_is_no_key(
    adapter: CredentialsAws, account: Account
) -> None:
    account.cloud.client("secretsmanager").put_secret_value(
        SecretId=account.secret, SecretString="not a key"
    )
    with pytest.raises(SystemUnreachable) as caught:
        await adapter.try_secret(TrySecret(secret=account.secret))
    assert "not a key" not in str(caught.value)
