"""The drills by name: how each is run, and how its report is drawn."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from hemostat.drill.course import Tell
from hemostat.drill.evasion.drill import drill as drill_evasion
from hemostat.drill.evasion.timeline import evasion
from hemostat.drill.exfiltration.drill import drill as drill_exfiltration
from hemostat.drill.exfiltration.timeline import exfiltration
from hemostat.drill.poisoning.drill import drill as drill_poisoning
from hemostat.drill.poisoning.timeline import poisoning
from hemostat.drill.report import Report
from hemostat.drill.timeline import Body

Drill = Callable[[Tell, bool], Coroutine[Any, Any, Report]]

SCENARIOS: Final[Mapping[str, tuple[Drill, Body]]] = {
    "feedback-poisoning": (drill_poisoning, poisoning),
    "adversarial-evasion": (drill_evasion, evasion),
    "assistant-exfiltration": (drill_exfiltration, exfiltration),
}
