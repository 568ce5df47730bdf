"""The drills by name: how each is run, and how its report is drawn."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from hemostat.drill import timeline
from hemostat.drill.course import Tell
from hemostat.drill.evasion import drill as adversarial_evasion
from hemostat.drill.evasion import timeline as evasion_timeline
from hemostat.drill.exfiltration import drill as assistant_exfiltration
from hemostat.drill.exfiltration import timeline as exfiltration_timeline
from hemostat.drill.poisoning import drill as feedback_poisoning
from hemostat.drill.report import Report

Drill = Callable[[Tell, bool], Coroutine[Any, Any, Report]]


async def _feedback_poisoning(tell: Tell, respond: bool) -> Report:
    return await feedback_poisoning.drill(tell, respond=respond)


async def _adversarial_evasion(tell: Tell, respond: bool) -> Report:
    return await adversarial_evasion.drill(tell, respond=respond)


async def _assistant_exfiltration(tell: Tell, respond: bool) -> Report:
    return await assistant_exfiltration.drill(tell, respond=respond)


SCENARIOS: Final[Mapping[str, tuple[Drill, timeline.Body]]] = {
    "feedback-poisoning": (_feedback_poisoning, timeline.sentiment),
    "adversarial-evasion": (_adversarial_evasion, evasion_timeline.evasion),
    "assistant-exfiltration": (_assistant_exfiltration, exfiltration_timeline.exfiltration),
}
