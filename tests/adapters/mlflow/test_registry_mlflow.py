"""The registry adapter against a real MLflow server, seen also by the vendor's own client."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.testing import ActivityEnvironment

from activities import registry_mlflow
from activities.registry_mlflow import Connection, RegistryMlflow
from hemostat.vault import Vault
from schemas.errors import (
    BadInput,
    ConflictingChange,
    HemostatError,
    SystemRefused,
    SystemUnreachable,
)
from schemas.ports.registry import (
    AliasMove,
    AliasMoved,
    ListVersions,
    MoveAlias,
    ReadAlias,
    SealRegistry,
    WatchAlias,
)
from tests.adapters.liar import Liar, Lie
from tests.adapters.mlflow.conftest import Model

pytestmark = pytest.mark.real


def moving(model: Model, expect: str = "3", to: str = "1") -> MoveAlias:
    return MoveAlias(key="k", model=model.name, alias="champion", expect=expect, to=to)


def watching(model: Model) -> WatchAlias:
    return WatchAlias(model=model.name, alias="champion", expected="3")


def writes(liar: Liar) -> int:
    return len(liar.writes())


async def test_an_alias_is_read_with_the_digest_of_its_version(
    registry: RegistryMlflow, model: Model
) -> None:
    state = await registry.read_alias(ReadAlias(model=model.name, alias="champion"))
    assert (state.version, state.digest) == ("3", "sha256:a3")


async def test_an_alias_that_is_not_there_names_nothing(
    registry: RegistryMlflow, model: Model
) -> None:
    state = await registry.read_alias(ReadAlias(model=model.name, alias="challenger"))
    assert (state.version, state.digest) == (None, None)


@pytest.mark.parametrize("name", ["no-such-model", "x' or name='sentiment", "a/b", ""])
async def test_a_model_that_is_not_there_is_bad_input(registry: RegistryMlflow, name: str) -> None:
    with pytest.raises(BadInput):
        await registry.read_alias(ReadAlias(model=name, alias="champion"))
    with pytest.raises(BadInput):
        await registry.list_versions(ListVersions(model=name))


async def test_versions_come_newest_first_with_what_is_sound_of_their_lineage(
    registry: RegistryMlflow, model: Model
) -> None:
    listed = await registry.list_versions(ListVersions(model=model.name))
    third, second, first = listed.versions
    assert [v.version for v in listed.versions] == ["3", "2", "1"]
    assert first.training_cutoff is not None
    assert first.training_cutoff.isoformat() == "2026-09-30T22:00:00+00:00"
    assert first.validated_at is not None
    assert (first.dataset_digest, first.artifact_digest) == ("sha256:d1", "sha256:a1")
    assert (second.training_cutoff, second.artifact_digest) == (None, None)
    assert second.parent_version == "1"
    assert third.training_cutoff is None  # a time without a zone is none
    newest = await registry.list_versions(ListVersions(model=model.name, limit=1))
    assert [v.version for v in newest.versions] == ["3"]


async def test_a_version_from_before_is_found_behind_any_number_of_poisoned_ones(
    registry: RegistryMlflow, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_mlflow, "_PAGE", 2)
    for _ in range(5):
        model.add_version(training_cutoff="2026-11-21T00:00:00+00:00")
    poisoned_since = datetime(2026, 11, 20, tzinfo=UTC)
    asked = ListVersions(model=model.name, limit=3, before=poisoned_since)
    listed = await registry.list_versions(asked)
    assert [v.version for v in listed.versions] == ["1"]
    newest = await registry.list_versions(ListVersions(model=model.name, limit=3))
    assert [v.version for v in newest.versions] == ["8", "7", "6"]

    monkeypatch.setattr(registry_mlflow, "_PAGES", 2)
    with pytest.raises(BadInput, match="none of the newest 4 versions"):
        await registry.list_versions(asked)


async def test_an_alias_is_moved_and_moved_back(registry: RegistryMlflow, model: Model) -> None:
    moved = await registry.move_alias(moving(model))
    assert moved == AliasMove(before="3", after="1", changed=True)
    assert model.champion() == "1"
    assert not (await registry.move_alias(moving(model))).changed
    back = await registry.move_alias_back(moving(model))
    assert back == AliasMove(before="1", after="3", changed=True)
    assert not (await registry.move_alias_back(moving(model))).changed
    assert model.champion() == "3"


async def test_a_deleted_alias_is_put_back_and_deleted_again(
    registry: RegistryMlflow, model: Model
) -> None:
    model.client.delete_registered_model_alias(model.name, "champion")
    with pytest.raises(ConflictingChange):
        await registry.move_alias(moving(model))
    made = await registry.move_alias(moving(model, expect=""))
    assert made == AliasMove(before="", after="1", changed=True)
    assert model.champion() == "1"
    gone = await registry.move_alias_back(moving(model, expect=""))
    assert gone == AliasMove(before="1", after="", changed=True)
    assert model.champion() is None


async def test_an_alias_that_names_a_third_version_is_left_alone(
    deceived: RegistryMlflow, liar: Liar, model: Model
) -> None:
    model.point("2")
    with pytest.raises(ConflictingChange):
        await deceived.move_alias(moving(model))
    with pytest.raises(ConflictingChange):
        await deceived.move_alias_back(moving(model))
    assert model.champion() == "2"
    assert writes(liar) == 0


async def test_a_version_that_is_not_there_is_bad_input(
    registry: RegistryMlflow, model: Model
) -> None:
    with pytest.raises(BadInput):
        await registry.move_alias(moving(model, to="99"))
    assert model.champion() == "3"


async def test_an_answer_lost_after_the_move_does_not_move_twice(
    deceived: RegistryMlflow, liar: Liar, model: Model
) -> None:
    liar.lie = lambda method, path: Lie.ACT_THEN_SILENCE if method == "POST" else Lie.NONE
    with pytest.raises(SystemUnreachable):
        await deceived.move_alias(moving(model))
    assert model.champion() == "1"
    assert await deceived.move_alias(moving(model)) == AliasMove(
        before="1", after="1", changed=False
    )
    assert writes(liar) == 1


async def test_yes_without_an_effect_is_not_believed(
    deceived: RegistryMlflow, liar: Liar, model: Model
) -> None:
    liar.lie = lambda method, path: Lie.NO_EFFECT if method == "POST" else Lie.NONE
    with pytest.raises(ConflictingChange):
        await deceived.move_alias(moving(model))


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (Lie.FAIL, SystemUnreachable),
        (Lie.BUSY, SystemUnreachable),
        (Lie.GARBAGE, SystemUnreachable),
        (Lie.OTHER_SHAPE, SystemUnreachable),
        (Lie.OVERSIZED, SystemRefused),
        (Lie.REDIRECT, SystemRefused),
        (Lie.NOT_FOUND, SystemUnreachable),
    ],
)
async def test_a_broken_registry_is_an_error_of_ours_that_quotes_nothing(
    deceived: RegistryMlflow, liar: Liar, model: Model, lie: Lie, error: type[HemostatError]
) -> None:
    liar.lie = lambda method, path: lie
    for attempt in (
        deceived.read_alias(ReadAlias(model=model.name, alias="champion")),
        deceived.move_alias(moving(model)),
    ):
        with pytest.raises(error) as raised:
            await attempt
        assert "attacker" not in repr(raised.value)
    assert writes(liar) == 0


async def test_the_watch_ends_when_something_moves_the_alias(
    deceived: RegistryMlflow, liar: Liar, model: Model
) -> None:
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    watch = asyncio.ensure_future(environment.run(deceived.watch_alias, watching(model)))
    async with asyncio.timeout(20):
        while len(beats) < 3:
            await asyncio.sleep(0.01)
        assert not watch.done()
        model.point("2")
        assert await watch == AliasMoved(found="2")


@pytest.mark.parametrize("whole_model", [False, True])
async def test_the_watch_ends_when_the_alias_is_deleted(
    deceived: RegistryMlflow, model: Model, whole_model: bool
) -> None:
    if whole_model:
        model.client.delete_registered_model_alias(model.name, "champion")
        model.client.delete_registered_model(model.name)
    else:
        model.client.delete_registered_model_alias(model.name, "champion")
    moved = await ActivityEnvironment().run(deceived.watch_alias, watching(model))
    assert moved == AliasMoved(found=None)


@pytest.mark.parametrize("lie", [Lie.FAIL, Lie.GARBAGE, Lie.NOT_FOUND])
async def test_the_watch_goes_on_through_an_outage_and_beats(
    deceived: RegistryMlflow, liar: Liar, model: Model, lie: Lie
) -> None:
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    liar.lie = lambda method, path: lie
    watch = asyncio.ensure_future(environment.run(deceived.watch_alias, watching(model)))
    async with asyncio.timeout(20):
        while len(beats) < 4:
            await asyncio.sleep(0.01)
        assert not watch.done()
        model.point("1")
        liar.lie = lambda method, path: Lie.NONE
        assert await watch == AliasMoved(found="1")


async def test_the_watch_ends_when_it_is_cancelled(deceived: RegistryMlflow, model: Model) -> None:
    watch = asyncio.ensure_future(ActivityEnvironment().run(deceived.watch_alias, watching(model)))
    await asyncio.sleep(0)
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_the_registry_is_sealed_and_a_missing_run_is_declared(
    registry: RegistryMlflow, model: Model, tmp_path: Path
) -> None:
    sealed = await registry.seal_registry(SealRegistry(model=model.name, alias="champion"))
    (item,) = sealed.items
    state = json.loads(Vault(tmp_path).read(item.digest))
    assert state["names"] == "3"
    assert len(state["versions"]["model_versions"]) == 3
    assert [gap.name for gap in sealed.gaps] == ["run of the serving version"]


async def test_the_run_of_the_serving_version_is_sealed(
    registry: RegistryMlflow, model: Model
) -> None:
    run = model.client.create_run(model.client.create_experiment(model.name))
    model.client.create_model_version(model.name, source="s3://models/m", run_id=run.info.run_id)
    model.point("4")
    sealed = await registry.seal_registry(SealRegistry(model=model.name, alias="champion"))
    assert len(sealed.items) == 2
    assert not sealed.gaps


async def test_a_registry_that_is_down_fails_fast(tmp_path: Path) -> None:
    adapter = RegistryMlflow(
        Connection(adapter="registry_mlflow", url="http://127.0.0.1:9"), Vault(tmp_path)
    )
    with pytest.raises(SystemUnreachable):
        await adapter.read_alias(ReadAlias(model="sentiment", alias="champion"))
    assert len(await adapter.check()) == 1
    await adapter.aclose()


async def test_a_healthy_registry_passes_the_check(registry: RegistryMlflow) -> None:
    assert await registry.check() == []


def test_half_a_credential_is_refused() -> None:
    with pytest.raises(ValidationError):
        Connection(adapter="registry_mlflow", url="http://r", username="u")
    with pytest.raises(ValidationError):
        Connection(adapter="registry_mlflow", url="http://user:secret@r")


async def test_credentials_go_out_and_never_into_an_error(
    liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "s3cret")
    connection = Connection(adapter="registry_mlflow", url=liar.url, token="env:REGISTRY_TOKEN")
    adapter = RegistryMlflow(connection, Vault(tmp_path))
    liar.lie = lambda method, path: Lie.NOT_FOUND
    problems = await adapter.check()
    assert liar.headers[-1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in " ".join(problems)
    await adapter.aclose()
