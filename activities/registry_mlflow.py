"""MLflow's model registry: aliases are moved only from where they were expected to be.

Law: MLflow has no compare-and-set for aliases, so every move reads, compares, writes and reads
again; a conflict writes nothing. A version's lineage is in its tags (``training_cutoff``,
``dataset_digest``, ``artifact_digest``, ``parent_version``, ``validated_at``); a tag that is
malformed counts as absent, because anyone who may write to the registry wrote it.

Spoken is MLflow's REST API (2.0, of MLflow 2.9 to 3), not its client: that one takes credentials
and timeouts only from the process environment, follows redirects and cannot be cancelled.
"""

import asyncio
import base64
import re
from datetime import timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator
from temporalio import activity

from activities.parts.http import Address, Answer, Http
from activities.parts.mlflow_answers import (
    AliasAnswer,
    ErrorAnswer,
    ModelAnswer,
    Version,
    VersionsAnswer,
)
from activities.parts.sight import Sight
from hemostat.settings import Duration, SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.canonical import canonical_json
from schemas.errors import BadInput, ConflictingChange, HemostatError, SystemUnreachable
from schemas.evidence import EvidenceItem, Gap, Sealed
from schemas.ports.port import fulfils
from schemas.ports.registry import (
    AliasMove,
    AliasMoved,
    AliasState,
    ListVersions,
    ModelVersion,
    ModelVersions,
    MoveAlias,
    ReadAlias,
    SealRegistry,
    WatchAlias,
    list_versions,
    move_alias,
    move_alias_back,
    read_alias,
    seal_registry,
    watch_alias,
)

_API: Final = "/api/2.0/mlflow"
_MODEL: Final = re.compile(r"[^'\"\\/:\x00-\x1f]{1,256}")
_SEALED_VERSIONS: Final = 500
_PAGE: Final = 500
_PAGES: Final = 20
"""Versions in a page, and how many pages are read at most: a loop that is poisoned makes many."""


class Connection(Frozen):
    """``[connections.NAME]``: the tracking server, with a bearer token or a user and password."""

    adapter: Literal["registry_mlflow"]
    url: Address
    token: SecretRef | None = None
    username: str | None = None
    password: SecretRef | None = None
    timeout_seconds: float = Field(default=5, gt=0, le=6)
    watch_seconds: float = Field(default=5, gt=0, le=5)
    """A look is at most two exchanges: with these bounds a heartbeat is never late."""
    blind_after: Duration = timedelta(minutes=15)
    """After so long without an answer nobody calls the alias watched any more."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.token is not None and self.username is not None:
            raise ValueError("give a token, or a username and password, not both")
        return self

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry an Authorization header."""
        return self.token is not None or self.password is not None

    def authorization(self) -> str:
        """Return the Authorization header's value."""
        if self.token is not None:
            return f"Bearer {read_secret(self.token)}"
        pair = f"{self.username}:{read_secret(self.password or '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


class RegistryMlflow:
    """One MLflow server."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._http = Http(
            "model registry",
            connection.url,
            authorization=connection.authorization if connection.has_credentials else None,
            seconds=connection.timeout_seconds,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def check(self) -> list[str]:
        """Say whether the registry answers, and takes our credentials."""
        try:
            answer = await self._get("registered-models/search", max_results=1)
            answer.json()
        except HemostatError as error:
            return [str(error)]
        return []

    @fulfils(read_alias)
    async def read_alias(self, request: ReadAlias) -> AliasState:
        """Read the alias; None where the model has no such alias, ``BadInput`` for no model."""
        found = await self._named(request.model, request.alias)
        if found is None:
            return AliasState(version=None, digest=None)
        return AliasState(version=found.version, digest=found.artifact_digest)

    @fulfils(list_versions)
    async def list_versions(self, request: ListVersions) -> ModelVersions:
        """List versions, newest first, page by page; ``BadInput`` when the model is unknown."""
        found: list[ModelVersion] = []
        token, read = "", 0
        for _ in range(_PAGES):
            page = (await self._search(request.model, _PAGE, token)).parse(VersionsAnswer)
            versions = [version.with_lineage() for version in page.model_versions]
            read += len(versions)
            found += [version for version in versions if request.wants(version)]
            token = page.next_page_token
            if not token or len(found) >= request.limit:
                break
        if token and not found:
            raise BadInput(
                f"none of the newest {read} versions was trained before the time asked for, and "
                "there are more",
                where="model registry",
                next_step="Delete versions that were never served, or roll back by hand.",
            )
        if not read:
            await self._model(request.model)
        return ModelVersions(versions=tuple(found[: request.limit]))

    @fulfils(move_alias)
    async def move_alias(self, request: MoveAlias) -> AliasMove:
        """Move the alias from *expect* to *to*."""
        return await self._move(request, request.expect, request.to)

    @fulfils(move_alias_back)
    async def move_alias_back(self, request: MoveAlias) -> AliasMove:
        """Move the alias from *to* back to *expect*."""
        return await self._move(request, request.to, request.expect)

    @fulfils(watch_alias)
    async def watch_alias(self, request: WatchAlias) -> AliasMoved:
        """Look every ``watch_seconds``; one that stays silent is not watched, and that is told."""
        sight = Sight("model registry", self.connection.blind_after)
        while True:
            activity.heartbeat()
            version: str | None = request.expected
            try:
                version = await self._version_of(request)
                sight.saw()
            except BadInput:  # the whole model is gone
                version = None
            except SystemUnreachable:
                sight.missed()
            if version != request.expected:
                return AliasMoved(found=version)
            await asyncio.sleep(self.connection.watch_seconds)

    @fulfils(seal_registry)
    async def seal_registry(self, request: SealRegistry) -> Sealed:
        """Seal model, alias and versions in one item; the serving version's run in another."""
        model = (await self._model(request.model)).json()
        alias = await self._named(request.model, request.alias)
        versions = (await self._search(request.model, _SEALED_VERSIONS)).json()
        state = {"model": model, "alias": request.alias, "versions": versions}
        items = [await self._seal("model registry", {**state, "names": alias and alias.version})]
        gaps: list[Gap] = []
        try:
            run_id = alias.run_id if alias else ""
            run = await self._get("runs/get", run_id=run_id)
            items.append(await self._seal("run of the serving version", run.json()))
        except HemostatError as error:
            gaps.append(Gap(name="run of the serving version", reason=error.what))
        return Sealed(items=tuple(items), gaps=tuple(gaps))

    async def _move(self, request: MoveAlias, expect: str, to: str) -> AliasMove:
        """Move it; an empty version stands for no alias at all, so that a deleted one returns."""
        before = await self._version_of(request) or ""
        if before == to:
            return AliasMove(before=before, after=to, changed=False)
        if before != expect:
            raise ConflictingChange(
                "the alias names neither the version it was expected to name nor the wanted one",
                where="model registry",
                next_step="See who moved it; nothing was written.",
            )
        content = {"name": request.model, "alias": request.alias}
        answer = await self._http.ask(
            "POST" if to else "DELETE",
            f"{_API}/registered-models/alias",
            content={**content, "version": to} if to else content,
            expect=(200, 400, 404),
        )
        if answer.status != 200:
            raise BadInput(
                "the registry has no such version, or takes no such alias", where="model registry"
            )
        after = await self._version_of(request) or ""
        if after != to:
            raise ConflictingChange(
                "the registry took the move, and the alias does not show it", where="model registry"
            )
        return AliasMove(before=before, after=after, changed=True)

    async def _version_of(self, request: MoveAlias | WatchAlias) -> str | None:
        found = await self._named(request.model, request.alias)
        return found.version if found else None

    async def _named(self, model: str, alias: str) -> Version | None:
        """Return the version that *alias* names, or None. ``BadInput`` when there is no model."""
        answer = await self._get(
            "registered-models/alias", expect=(200, 400, 404), name=_checked(model), alias=alias
        )
        if answer.status == 200:
            return answer.parse(AliasAnswer).model_version
        # No such alias, no such model, or a fault on the way: only the model's own list can tell.
        listed = (await self._model(model)).parse(ModelAnswer).registered_model.aliases
        if any(entry.alias == alias for entry in listed):
            raise SystemUnreachable("lists the alias and does not find it", where="model registry")
        return None

    async def _model(self, model: str) -> Answer:
        answer = await self._get("registered-models/get", expect=(200, 404), name=_checked(model))
        if answer.status == 200:
            return answer
        if answer.parse(ErrorAnswer).error_code != "RESOURCE_DOES_NOT_EXIST":
            raise SystemUnreachable("answered 404, but not as a registry", where="model registry")
        raise BadInput(f"there is no model {model!r}", where="model registry")

    async def _search(self, model: str, limit: int, token: str = "") -> Answer:
        params: dict[str, str | int] = {
            "filter": f"name='{_checked(model)}'",
            "max_results": limit,
            "order_by": "version_number DESC",
            **({"page_token": token} if token else {}),
        }
        return await self._http.ask("GET", f"{_API}/model-versions/search", params=params)

    async def _get(
        self, path: str, *, expect: tuple[int, ...] = (200,), **params: str | int
    ) -> Answer:
        return await self._http.ask("GET", f"{_API}/{path}", params=params, expect=expect)

    async def _seal(self, name: str, state: Any) -> EvidenceItem:
        return await self._vault.put(
            canonical_json(state),
            media_type="application/json",
            name=name,
            source="mlflow",
            method="REST API 2.0, as canonical JSON (RFC 8785)",
        )


def _checked(model: str) -> str:
    if not _MODEL.fullmatch(model):
        raise BadInput("a model's name has no quotes, slashes or colons", where="model registry")
    return model
