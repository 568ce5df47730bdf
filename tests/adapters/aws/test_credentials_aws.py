"""Credentials on a real endpoint that refuses dead keys and denied sessions."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.credentials_aws import CredentialsAws
from hemostat.vault import Vault
from schemas.errors import BadInput, SystemRefused
from schemas.ports.credentials import (
    CreateKey,
    DenyOlderSessions,
    DistributeKey,
    KnockWithKey,
    ListKeys,
    NewKey,
    ReadLastUse,
    ReadSessions,
    RetireKeys,
    SealCredentials,
    TrySecret,
    TurnKey,
)
from tests.adapters.aws.conftest import Account

pytestmark = pytest.mark.real


def turning(account: Account, key_id: str = "") -> TurnKey:
    return TurnKey(
        incident="inc-1", key="k", principal=account.principal, key_id=key_id or account.key_id
    )


def creating(account: Account) -> CreateKey:
    return CreateKey(
        incident="inc-1",
        key="k",
        principal=account.principal,
        secret=account.secret,
        rotation=f"inc-1/{account.principal}",
    )


def denying(account: Account, before: datetime) -> DenyOlderSessions:
    return DenyOlderSessions(incident="inc-1", key="k", principal=account.principal, before=before)


def a_moment_from_now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


async def test_the_connection_is_sound(adapter: CredentialsAws) -> None:
    assert await adapter.check() == []


async def test_a_deactivated_key_is_refused_from_outside_and_others_pass(
    adapter: CredentialsAws, account: Account
) -> None:
    other = account.cloud.client("iam").create_access_key(UserName=account.principal)["AccessKey"]
    knock = KnockWithKey(key_id=account.key_id)
    assert (await adapter.knock_with_key(knock)).accepted
    done = await adapter.deactivate_key(turning(account))
    assert done.changed
    assert not done.active
    assert not (await adapter.knock_with_key(knock)).accepted
    assert not account.lists(account.key_id, account.key_secret)
    assert account.lists(other["AccessKeyId"], other["SecretAccessKey"])
    told = await adapter.read_last_use(ReadLastUse(key_id=account.key_id))
    assert (
        told.stood_still(a_moment_from_now()) is None
    )  # it was used, and this cloud keeps no note


async def test_deactivating_twice_changes_once_and_can_be_undone(
    adapter: CredentialsAws, account: Account
) -> None:
    assert (await adapter.deactivate_key(turning(account))).changed
    assert not (await adapter.deactivate_key(turning(account))).changed
    assert (await adapter.reactivate_key(turning(account))).active
    assert account.lists(account.key_id, account.key_secret)


async def test_a_key_of_someone_else_is_not_touched(
    adapter: CredentialsAws, account: Account
) -> None:
    with pytest.raises(BadInput, match="no such key"):
        await adapter.deactivate_key(turning(account, "AKIASOMEONEELSE00000"))


async def test_a_session_outlives_its_key_until_older_sessions_are_denied(
    adapter: CredentialsAws, account: Account
) -> None:
    session = account.session()
    await adapter.deactivate_key(turning(account))
    old = (session["access_key_id"], session["secret_access_key"], session["session_token"])
    assert account.lists(*old)
    before = a_moment_from_now()
    seen = await adapter.read_sessions(ReadSessions(incident="inc-1", principal=account.principal))
    assert seen.witness_accepted
    assert not seen.refused(before)
    assert (await adapter.deny_older_sessions(denying(account, before))).changed
    assert not (await adapter.deny_older_sessions(denying(account, before))).changed
    assert not account.lists(*old)
    seen = await adapter.read_sessions(ReadSessions(incident="inc-1", principal=account.principal))
    assert seen.witness_accepted is False
    assert seen.refused(before)
    (problem,) = await adapter.check()
    assert f"the witness session of {account.principal} is not accepted any more" in problem
    assert (await adapter.allow_older_sessions(denying(account, before))).changed
    assert account.lists(*old)


async def rotate(adapter: CredentialsAws, account: Account) -> NewKey:
    made = await adapter.create_key(creating(account))
    await adapter.distribute_key(
        DistributeKey(incident="inc-1", key="k", secret=account.secret, version=made.version)
    )
    await adapter.retire_keys(
        RetireKeys(incident="inc-1", key="k", principal=account.principal, keep=made.key_id)
    )
    return made


async def test_a_rotation_leaves_one_key_that_works_and_an_old_one_that_does_not(
    adapter: CredentialsAws, account: Account
) -> None:
    made = await rotate(adapter, account)
    assert account.keys() == {account.key_id: "Inactive", made.key_id: "Active"}
    tried = await adapter.try_secret(TrySecret(secret=account.secret))
    assert tried.accepted
    assert (tried.key_id, tried.principal) == (made.key_id, account.principal)
    assert not account.lists(account.key_id, account.key_secret)
    held = account.current()
    assert account.lists(held["access_key_id"], held["secret_access_key"])
    assert "AWSCURRENT" in account.stages()[made.version]


async def test_until_it_is_distributed_a_new_key_is_pending_and_the_old_one_current(
    adapter: CredentialsAws, account: Account
) -> None:
    made = await adapter.create_key(creating(account))
    assert account.stages()[made.version] == ["AWSPENDING"]
    assert account.current()["access_key_id"] == account.key_id
    assert (await adapter.try_secret(TrySecret(secret=account.secret))).key_id == account.key_id


async def test_a_rotation_repeated_at_every_step_makes_one_key(
    adapter: CredentialsAws, account: Account
) -> None:
    first = await rotate(adapter, account)
    second = await rotate(adapter, account)
    assert second.key_id == first.key_id
    assert not second.changed
    assert len(account.keys()) == 2


async def test_no_secret_is_in_what_is_returned_or_sealed(
    adapter: CredentialsAws, account: Account, tmp_path: Path
) -> None:
    made = await rotate(adapter, account)
    sealed = await adapter.seal_credentials(
        SealCredentials(
            incident="inc-1", key="k", principals=(account.principal,), secrets=(account.secret,)
        )
    )
    content = Vault(tmp_path / "vault").read(sealed.items[0].digest).decode()
    secret = account.current()["secret_access_key"]
    assert secret not in made.model_dump_json()
    assert secret not in content
    assert account.key_secret not in content
    assert {key["key_id"] for key in json.loads(content)["principals"][account.principal]["keys"]}
    assert sealed.gaps


async def test_a_principal_that_is_not_there_spoils_nobody_elses_evidence(
    adapter: CredentialsAws, account: Account
) -> None:
    sealed = await adapter.seal_credentials(
        SealCredentials(
            incident="inc-1",
            key="k",
            principals=(account.principal, "p-nobody"),
            secrets=(account.secret, "nobody/store"),
        )
    )
    assert len(sealed.items) == 2
    assert {"identity of p-nobody", "stages of nobody/store"} <= {g.name for g in sealed.gaps}
    with pytest.raises(SystemRefused):
        await adapter.seal_credentials(
            SealCredentials(incident="inc-1", key="k", principals=("p-nobody",))
        )


async def test_a_key_is_deleted_only_when_it_is_out_of_use(
    adapter: CredentialsAws, account: Account
) -> None:
    with pytest.raises(BadInput, match="in use"):
        await adapter.delete_key(turning(account))
    await adapter.deactivate_key(turning(account))
    assert (await adapter.delete_key(turning(account))).changed
    assert not (await adapter.delete_key(turning(account))).changed


async def test_the_key_to_keep_must_work_before_others_are_retired(
    adapter: CredentialsAws, account: Account
) -> None:
    await adapter.deactivate_key(turning(account))
    with pytest.raises(BadInput, match="to keep is not in use"):
        await adapter.retire_keys(
            RetireKeys(incident="inc-1", key="k", principal=account.principal, keep=account.key_id)
        )


async def test_a_third_key_is_not_asked_for(adapter: CredentialsAws, account: Account) -> None:
    account.cloud.client("iam").create_access_key(UserName=account.principal)
    with pytest.raises(BadInput, match="allows no third"):
        await adapter.create_key(creating(account))
    assert len(account.keys()) == 2


async def test_an_unknown_principal_is_refused_in_our_words(
    adapter: CredentialsAws, account: Account
) -> None:
    request = SealCredentials(incident="inc-1", key="k", principals=("nobody",))
    with pytest.raises(SystemRefused, match="NoSuchEntity"):
        await adapter.seal_credentials(request)


async def test_keys_are_listed_oldest_first(adapter: CredentialsAws, account: Account) -> None:
    seen = await adapter.list_keys(ListKeys(principal=account.principal))
    assert [key.key_id for key in seen.keys] == [account.key_id]
    assert seen.active() == (account.key_id,)
