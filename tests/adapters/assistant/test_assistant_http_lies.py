"""The assistant's adapter where the assistant lies: about its state, its switches, its log."""

from collections.abc import Callable

import pytest

from activities.assistant_http import AssistantHttp
from hemostat.drill.range.exfiltration.range import SUSPECT, ExfiltrationRange
from schemas.errors import ConflictingChange, SystemRefused, SystemUnreachable
from schemas.ports import assistant as ports
from tests.adapters.assistant.conftest import ask
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real

TURN = ports.TurnAssistant(incident="inc-1", key="k")
LOOKS_BACK = ("GET", "/admin/state")


def at(method: str, path: str, lie: Lie) -> Callable[[str, str], Lie]:
    """Tell *lie* there and the truth elsewhere."""

    def told(asked: str, of: str) -> Lie:
        return lie if (asked, of.partition("?")[0]) == (method, path) else Lie.NONE

    return told


async def test_one_that_says_offline_and_answers_is_online(
    adapter: AssistantHttp, deceived: AssistantHttp, liar: Liar
) -> None:
    await adapter.take_offline(TURN)
    assert not (await deceived.read_assistant(ports.ReadAssistant())).online
    liar.lie = at("POST", "/v1/ask", Lie.NO_EFFECT)
    assert (await deceived.read_assistant(ports.ReadAssistant())).online


async def test_a_switch_that_is_answered_and_not_turned_is_no_switch(
    adapter: AssistantHttp, deceived: AssistantHttp, liar: Liar
) -> None:
    deaf = deceived
    state = await adapter.read_assistant(ports.ReadAssistant())
    assert state.online

    async def switched_back(method: str, path: str) -> None:
        """Another hand is faster between the write and the look back."""
        if (method, path) == LOOKS_BACK and ("PUT", "/admin/state") in liar.requests:
            await adapter.bring_online(TURN)

    liar.before = switched_back
    with pytest.raises(ConflictingChange):
        await deaf.take_offline(TURN)


async def test_an_answer_of_nothing_to_a_switch_is_not_believed(
    adapter: AssistantHttp, deceived: AssistantHttp, liar: Liar
) -> None:
    liar.lie = at("PUT", "/admin/state", Lie.NO_EFFECT)
    with pytest.raises((SystemUnreachable, ConflictingChange)):
        await deceived.take_offline(TURN)
    assert (await adapter.read_assistant(ports.ReadAssistant())).online


@pytest.mark.parametrize("lie", [Lie.ACT_THEN_SILENCE, Lie.ACT_TWICE])
async def test_done_and_not_said_or_done_twice_ends_as_asked(
    adapter: AssistantHttp, deceived: AssistantHttp, liar: Liar, lie: Lie
) -> None:
    liar.lie = at("PUT", "/admin/state", lie)
    if lie is Lie.ACT_THEN_SILENCE:
        with pytest.raises(SystemUnreachable):
            await deceived.take_offline(TURN)
    else:
        assert (await deceived.take_offline(TURN)).changed
    liar.lie = at("PUT", "/admin/state", Lie.NONE)
    again = await deceived.take_offline(TURN)
    assert (again.online, again.changed) == (False, False)
    await deceived.hold_logs(ports.HoldLogs(incident="inc-twice", key="k"))
    held = (await adapter.read_assistant(ports.ReadAssistant())).holds
    assert held.count("inc-twice") == 1


@pytest.mark.parametrize(
    "lie", [lie for lie in Lie if lie not in (Lie.NONE, Lie.ACT_TWICE, Lie.ACT_THEN_SILENCE)]
)
async def test_no_lie_is_believed_and_none_is_repeated(
    target: ExfiltrationRange, deceived: AssistantHttp, liar: Liar, lie: Lie
) -> None:
    token = (target.state / "admin-token").read_text()
    liar.lie = lambda method, path: lie
    for look in (
        deceived.read_assistant(ports.ReadAssistant()),
        deceived.survey_extraction(ports.SurveyExtraction()),
        deceived.replay_prompts(ports.ReplayPrompts(caller=SUSPECT)),
    ):
        with pytest.raises((SystemUnreachable, SystemRefused)) as caught:
            await look
        assert "attacker text" not in str(caught.value)
        assert token not in str(caught.value)


async def test_a_sandbox_that_skips_prompts_has_shown_nothing(
    target: ExfiltrationRange, deceived: AssistantHttp, liar: Liar
) -> None:
    await ask(target, SUSPECT, "aurora pricing model details")
    liar.lie = at("POST", "/admin/evaluate", Lie.NO_EFFECT)
    with pytest.raises(SystemUnreachable):
        await deceived.replay_prompts(ports.ReplayPrompts(caller=SUSPECT))
