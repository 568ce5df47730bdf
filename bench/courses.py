"""The two harder playbooks as the benchmark drives them: the service, the alert, what is waited for.

Systems are the worlds of the workflow tests, one an incident, in memory: their answers change as the
playbook acts, which one table of answers cannot.
"""

from dataclasses import dataclass
from typing import Any, Final

from bench import alarms
from hemostat.gateway.routing import Destination, incident_id
from hemostat.settings import Settings
from schemas.alert import AlertBatch
from schemas.canonical import digest_of
from schemas.incident import OpenIncident
from tests.workflows.exfiltration_world import ExfiltrationWorld
from tests.workflows.moderation_world import ModerationWorld


@dataclass(frozen=True)
class Course:
    """One playbook from its alert to its close, everybody answering at once."""

    playbook: str
    service: str
    world: type[ExfiltrationWorld] | type[ModerationWorld]
    alertname: str
    labels: dict[str, str]
    first: str
    """The port whose first call is the first containing effect."""
    after: str
    """The port that is called next once its step is proven."""
    toml: str

    def incident(self, case: str) -> str:
        """The incident that the alerts of *case* belong to."""
        return incident_id(self.playbook, self.service, [case])

    def body(self, case: str) -> bytes:
        """One POST: one firing alert of *case*."""
        return alarms.body(case, alertname=self.alertname, labels=self.labels)

    def batch(self, case: str) -> AlertBatch:
        """What the alert's signal carries."""
        (alert,) = alarms.batch(case).alerts
        told = {"alertname": self.alertname, "case": case, **self.labels}
        return AlertBatch(alerts=(alert.model_copy(update={"labels": told}),))

    def destination(self, settings: Settings, case: str) -> Destination:
        """Where the gateway sends it."""
        opening = OpenIncident(playbook=self.playbook, service=settings.service(self.service))
        return Destination(incident=self.incident(case), opening=opening)


def _toml(course: dict[str, Any], capabilities: tuple[str, ...], parameters: str) -> str:
    name = course["service"]
    wired = "\n".join(f'{capability} = "{course["playbook"]}"' for capability in capabilities)
    return f"""
[[routes]]
match = {{ alertname = "{course["alertname"]}" }}
playbook = "{course["playbook"]}"
service = "{name}"
correlate_by = ["case"]

[services.{name}]
playbooks = ["{course["playbook"]}"]

[services.{name}.connections]
{wired}

[services.{name}.parameters]
{parameters}

[connections.{course["playbook"]}]
adapter = "noop"
"""


_EVASION: Final[dict[str, Any]] = {
    "playbook": "adversarial-evasion",
    "service": "image-moderation",
    "world": ModerationWorld,
    "alertname": "ModerationFalseNegativeHigh",
    "labels": {},
    "first": "set_moderation_mode",
    "after": "identify_pattern",
}
_EXFILTRATION: Final[dict[str, Any]] = {
    "playbook": "assistant-exfiltration",
    "service": "assistant",
    "world": ExfiltrationWorld,
    "alertname": "AssistantCanaryLeaked",
    "labels": {"caller": "ck-7f3a"},
    "first": "block_caller",
    "after": "survey_extraction",
}
_RHYTHM: Final = """\
looks = 3
look_every = 0.001
look_within = 5
stage_looks = 2
stage_look_every = 0.001"""

COURSES: Final = (
    Course(
        **_EVASION,
        toml=_toml(
            _EVASION,
            ("accounts", "disclosure", "gateway", "moderation", "pager", "tickets", "vault"),
            f'adversarial_set = "{digest_of("the red team" + chr(39) + "s set")}"\n'
            f"baseline_fn_rate = 0.005\nbaseline_disagreement = 0.03\n{_RHYTHM}",
        ),
    ),
    Course(
        **_EXFILTRATION,
        toml=_toml(
            _EXFILTRATION,
            (
                *("assistant", "callers", "clocks", "connectors", "credentials", "disclosure"),
                *("gateway", "pager", "vault"),
            ),
            'callers = { ck-7f3a = "p-7f3a", ck-19b2 = "", ck-c05d = "" }\n'
            'credentials = [{ principal = "p-assistant", secret = "assistant/documents" }]\n'
            f'audiences = ["researcher"]\nstages = [50, 100]\nfrozen_for = 0.001\n{_RHYTHM}',
        ),
    ),
)
