"""An assistant that answers from documents: stop it, ask what left through it, make it tight.

Texts of prompts and answers are in no request and no result: they are counted where they are, and
sealed. Callers go by their opaque ids. A *document* left when an answer held its mark: a canary, or
its fingerprint (a sentence that no other document has).
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from schemas.base import Frozen, Name, Share, Utc
from schemas.evidence import Sealed
from schemas.ports.port import Effect, Request, port

Door = Literal["answers", "closed", "unclear"]
"""closed: 503. unclear: another answer, such as a refusal of who knocked or a redirect."""


class TurnAssistant(Effect):
    """Take the assistant offline for all, or for the undo bring it back."""


class ReadAssistant(Request):
    """Ask the assistant itself, not the gateway before it."""


class AssistantState(Frozen):
    """What it says of itself; ``key_id``: the cloud key that it reads documents with."""

    online: bool
    key_id: str | None
    own_permissions: bool
    """Whether it gives a caller only what that caller may read."""
    filters_output: bool
    holds: tuple[str, ...] = ()
    """The incidents for which nothing of its log is deleted."""
    changed: bool = False
    door: Door | None = Field(default=None, exclude_if=lambda door: door is None)
    """What its own door answered a harmless question; None: nobody knocked."""

    def seen(self, *, online: bool) -> bool | None:
        """Whether it is so by what it says and by what its door does; None: the door is unclear."""
        if self.online is not online:
            return False
        if self.door == "unclear":
            return None
        return self.door is None or (self.door == "answers") is online


class ReloadCredentials(Effect):
    """Make it take its cloud key from the secret store anew."""


class HoldLogs(Effect):
    """Delete nothing of its log until counsel lifts this incident's hold."""


class SurveyExtraction(Request):
    """Ask who took what from the confidential documents in the last *window*."""

    window: timedelta = timedelta(hours=24)


class CallerUse(Frozen):
    """What one caller got. ``retrieved`` counts what the log says was looked up for the answers."""

    caller: Name
    prompts: int
    fingerprints: int
    canaries: int
    retrieved: int
    first_at: Utc
    last_at: Utc


class ExtractionSurvey(Frozen):
    """Callers who got confidential documents, most first; the totals count documents once."""

    prompts: int
    callers: tuple[CallerUse, ...]
    documents: int
    """Distinct confidential documents whose mark is in an answer."""
    retrieved: int
    """Distinct confidential documents that were looked up for an answer."""


class ReplayPrompts(Request):
    """Ask a caller's own prompts again, in a sandbox that logs and serves nothing."""

    caller: Name
    most: int = Field(default=200, ge=1, le=1000)


class Replayed(Frozen):
    """What came out this time; ``answered``: the share of harmless questions answered well."""

    prompts: int
    leaked: int
    canaries: int
    answered: Share


class ApplyControls(Effect):
    """Give callers only what they may read, and hold back answers that carry a mark."""


class SealAssistant(Effect):
    """Seal prompts and answers, what was looked up, the index, configuration and controls."""

    window: timedelta = timedelta(hours=24)


@port("assistant")
async def take_offline(request: TurnAssistant) -> AssistantState:
    """Make it answer nobody."""
    raise NotImplementedError


@port("assistant")
async def bring_online(request: TurnAssistant) -> AssistantState:
    """Undo ``take_offline``."""
    raise NotImplementedError


@port("assistant")
async def read_assistant(request: ReadAssistant) -> AssistantState:
    """Read its state back, and knock at its own door rather than the gateway's."""
    raise NotImplementedError


@port("assistant")
async def reload_credentials(request: ReloadCredentials) -> AssistantState:
    """Cut it over to the key that the secret store holds now."""
    raise NotImplementedError


@port("assistant")
async def hold_logs(request: HoldLogs) -> AssistantState:
    """Put its log under litigation hold."""
    raise NotImplementedError


@port("assistant", attempt_within=timedelta(seconds=60))
async def survey_extraction(request: SurveyExtraction) -> ExtractionSurvey:
    """Read the log and count what left, by answers and by look-ups."""
    raise NotImplementedError


@port("assistant", attempt_within=timedelta(seconds=60))
async def replay_prompts(request: ReplayPrompts) -> Replayed:
    """Replay the extraction against what the assistant is now."""
    raise NotImplementedError


@port("assistant")
async def apply_controls(request: ApplyControls) -> AssistantState:
    """Turn the controls on."""
    raise NotImplementedError


@port("assistant", attempt_within=timedelta(seconds=60))
async def seal_assistant(request: SealAssistant) -> Sealed:
    """Put what the assistant said and knew into the vault, and declare what is missing."""
    raise NotImplementedError
