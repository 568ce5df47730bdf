"""An assistant that offers the assistant admin contract: stop it, survey it, tighten it.

Law: prompts and answers are from strangers and about secrets: they are counted and sealed, and are
in no result and no error. Switches are set to a value, so setting them again changes nothing.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from activities.parts.extraction_survey import Marks, Row, survey
from activities.parts.http import Address, FileRef, Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Digest, Frozen, iso
from schemas.errors import ConflictingChange, HemostatError, SystemRefused, SystemUnreachable
from schemas.evidence import EvidenceItem, Gap, Sealed
from schemas.ports.assistant import (
    ApplyControls,
    AssistantState,
    Door,
    ExtractionSurvey,
    HoldLogs,
    ReadAssistant,
    ReloadCredentials,
    Replayed,
    ReplayPrompts,
    SealAssistant,
    SurveyExtraction,
    TurnAssistant,
    apply_controls,
    bring_online,
    hold_logs,
    read_assistant,
    reload_credentials,
    replay_prompts,
    seal_assistant,
    survey_extraction,
    take_offline,
)
from schemas.ports.port import fulfils

_MOST_ROWS: Final = 200_000
_DOORS: Final[dict[int, Door]] = {200: "answers", 503: "closed"}
_PROBE: Final = {"X-Traffic": "probe"}


class Connection(Frozen):
    """``[connections.NAME]``: the assistant's own address, the marks, and harmless questions.

    ``harmless`` maps a question to words that a good answer to it holds.
    """

    adapter: Literal["assistant_http"]
    url: Address
    admin_token: SecretRef
    marks: FileRef
    marks_digest: Digest
    harmless: dict[str, str] = Field(min_length=1)
    timeout_seconds: float = Field(default=5, gt=0)


class _Controls(BaseModel):
    acl: bool
    output_filter: bool


class _State(BaseModel):
    online: bool
    key_id: str | None
    controls: _Controls
    holds: list[str]


class _Answers(BaseModel):
    answers: list[str]


class AssistantHttp:
    """One assistant."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._http = Http(
            "assistant",
            connection.url,
            authorization=lambda: f"Bearer {read_secret(connection.admin_token)}",
            seconds=connection.timeout_seconds,
            limit=64 << 20,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def check(self) -> list[str]:
        """Say whether the marks are those pinned and the assistant answers."""
        problems = []
        try:
            self._marks()
        except HemostatError as error:
            problems.append(str(error))
        try:
            await self._state()
        except HemostatError as error:
            problems.append(str(error))
        return problems

    @fulfils(take_offline)
    async def take_offline(self, request: TurnAssistant) -> AssistantState:
        """Set it offline."""
        return await self._switch(online=False)

    @fulfils(bring_online)
    async def bring_online(self, request: TurnAssistant) -> AssistantState:
        """Set it online."""
        return await self._switch(online=True)

    @fulfils(read_assistant)
    async def read_assistant(self, request: ReadAssistant) -> AssistantState:
        """Read the state and knock; one that says offline and answers is online.

        A door that neither answers nor is closed (a refusal, a redirect) shows nothing: others
        may be let in.
        """
        state = await self._state()
        question = next(iter(self.connection.harmless))
        knock = await self._http.ask(
            "POST", "/v1/ask", content={"question": question}, headers=_PROBE, expect=None
        )
        told = _told(state, online=state.online or knock.status == 200)
        return told.model_copy(update={"door": _DOORS.get(knock.status, "unclear")})

    @fulfils(reload_credentials)
    async def reload_credentials(self, request: ReloadCredentials) -> AssistantState:
        """Tell it to take its key anew; ``changed`` compares the key ids."""
        before = await self._state()
        after = (await self._http.ask("POST", "/admin/credentials/reload")).parse(_State)
        return _told(after, changed=before.key_id != after.key_id)

    @fulfils(hold_logs)
    async def hold_logs(self, request: HoldLogs) -> AssistantState:
        """Put this incident among the holders of the log."""
        return await self._switch(hold=request.incident)

    @fulfils(survey_extraction)
    async def survey_extraction(self, request: SurveyExtraction) -> ExtractionSurvey:
        """Search the answers for marks, and the look-ups for confidential documents."""
        since = datetime.now(UTC) - request.window
        rows, cut = await self._rows(since)
        if cut:  # the newest are missing: what they took would be said to be nothing
            raise SystemRefused(
                f"its log has more than {_MOST_ROWS} rows in the window",
                where="assistant",
                next_step="Shorten `window`, and survey the rest by hand.",
            )
        return survey(rows, self._marks(), since)

    @fulfils(replay_prompts)
    async def replay_prompts(self, request: ReplayPrompts) -> Replayed:
        """Ask the caller's prompts and the harmless questions in the assistant's sandbox."""
        theirs, _ = await self._rows(None, lambda row: row.caller == request.caller)
        prompts = list(dict.fromkeys(row.prompt for row in theirs))[: request.most]
        answers = await self._evaluate(request.caller, prompts)
        harmless = self.connection.harmless
        answered = await self._evaluate(request.caller, list(harmless))
        good = sum(word in said for word, said in zip(harmless.values(), answered, strict=True))
        marks = self._marks()
        return Replayed(
            prompts=len(prompts),
            leaked=len(marks.fingerprints_in(answers)),
            canaries=len(marks.canaries_in(answers)),
            answered=good / len(harmless),
        )

    @fulfils(apply_controls)
    async def apply_controls(self, request: ApplyControls) -> AssistantState:
        """Turn permissions and the filter on."""
        return await self._switch(acl=True, output_filter=True)

    @fulfils(seal_assistant)
    async def seal_assistant(self, request: SealAssistant) -> Sealed:
        """Seal the log and the state; a provider's own logs are declared missing."""
        state = await self._http.ask("GET", "/admin/state")
        since = datetime.now(UTC) - request.window
        rows, cut = await self._rows(since)
        log = [row.model_dump(mode="json") for row in rows]
        items = (
            await self._seal("prompts, answers and look-ups", log),
            await self._seal("configuration, controls and index", state.json()),
        )
        gaps = (
            Gap(name="tool calls", reason="this assistant calls no tools"),
            Gap(name="conversation memory", reason="this assistant keeps none"),
            Gap(name="model provider's logs", reason="no provider is behind this assistant"),
        )
        rest = Gap(name="newer rows of the log", reason=f"more than {_MOST_ROWS} in the window")
        return Sealed(items=items, gaps=(*gaps, rest) if cut else gaps)

    async def _state(self) -> _State:
        return (await self._http.ask("GET", "/admin/state")).parse(_State)

    async def _switch(self, **values: Any) -> AssistantState:
        before = await self._state()
        await self._http.ask("PUT", "/admin/state", content=values)
        after = await self._state()  # asked anew: what a switch answers proves nothing
        if not all(_is_so(after, name, value) for name, value in values.items()):
            raise ConflictingChange(
                "took the switch, and its state does not show it", where="assistant"
            )
        return _told(after, changed=before != after)

    async def _rows(
        self, since: datetime | None, wanted: Callable[[Row], bool] = lambda _: True
    ) -> tuple[list[Row], bool]:
        """The *wanted* rows since then, oldest first, and whether there are more than we read."""
        rows: list[Row] = []
        after = 0
        while len(rows) < _MOST_ROWS:
            page = await self._page(after, since)
            if not page:
                return rows, False
            rows += [row for row in page if (since is None or row.at >= since) and wanted(row)]
            after = page[-1].id
        return rows[:_MOST_ROWS], True

    async def _page(self, after: int, since: datetime | None) -> list[Row]:
        params: dict[str, str | int] = {"after": after}
        if since is not None:
            params["since"] = iso(since)
        answer = await self._http.ask("GET", "/admin/log", params=params)
        try:
            page = [Row.model_validate(row) for row in answer.json()["rows"]]
        except (ValidationError, LookupError, TypeError):
            raise SystemUnreachable("its log is not in its form", where="assistant") from None
        if any(following.id <= row.id for row, following in pairwise(page)) or (
            page and page[0].id <= after
        ):
            raise SystemUnreachable("pages its log in circles", where="assistant")
        return page

    async def _evaluate(self, caller: str, prompts: list[str]) -> list[str]:
        answer = await self._http.ask(
            "POST", "/admin/evaluate", content={"caller": caller, "prompts": prompts}, seconds=50
        )
        answers = answer.parse(_Answers).answers
        if len(answers) != len(prompts):
            raise SystemUnreachable("did not answer every prompt once", where="assistant")
        return answers

    async def _seal(self, name: str, content: Any) -> EvidenceItem:
        return await self._vault.put(
            json.dumps(content, sort_keys=True).encode(),
            media_type="application/json",
            name=name,
            source="assistant",
            method="its admin API",
        )

    def _marks(self) -> Marks:
        return Marks.load(self.connection.marks, self.connection.marks_digest)


def _is_so(state: _State, name: str, value: Any) -> bool:
    if name == "hold":
        return value in state.holds
    shown = {"online": state.online, **state.controls.model_dump()}
    return bool(shown[name] == value)


def _told(state: _State, *, online: bool | None = None, changed: bool = False) -> AssistantState:
    return AssistantState(
        online=state.online if online is None else online,
        key_id=state.key_id,
        own_permissions=state.controls.acl,
        filters_output=state.controls.output_filter,
        holds=tuple(state.holds),
        changed=changed,
    )
