"""The world with channels: chat, mail and subscribers that remember what they were told."""

from dataclasses import dataclass, field
from typing import Any

from schemas.incident import Service
from schemas.ports import channels
from schemas.ports.port import Port
from schemas.situation import SituationReport
from tests.workflows.case import CONNECTIONS, service
from tests.workflows.roster import roster
from tests.workflows.world import World

CHANNELS = ("chat", "mail", "webhooks")


def followed(*only: str, **parameters: Any) -> Service:
    """The service of the tests, with people and with channels (all, or *only* some)."""
    connections = CONNECTIONS | {name: name for name in only or CHANNELS}
    changes = {"roster": roster(), "connections": connections}
    return service(**parameters).model_copy(update=changes)


@dataclass
class TellingWorld(World):
    """Keeps, by channel, each report that it took, and who was asked what."""

    reports: dict[str, list[SituationReport]] = field(default_factory=dict)
    questions: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Channel, gate, person, and how the question stood."""
    deaf: set[str] = field(default_factory=set)
    """People without an address."""

    def ports(self) -> list[Port[Any, Any]]:
        told = [port for port in vars(channels).values() if isinstance(port, Port)]
        return [*super().ports(), *told]

    def announce(self, request: channels.Announce) -> channels.Announced:
        return self._told("chat", request)

    def mail_report(self, request: channels.Announce) -> channels.Announced:
        return self._told("mail", request)

    def publish_report(self, request: channels.Announce) -> channels.Announced:
        return self._told("webhooks", request)

    def ask_in_chat(self, request: channels.AskPerson) -> channels.PersonAsked:
        return self._asked("chat", request)

    def ask_by_mail(self, request: channels.AskPerson) -> channels.PersonAsked:
        return self._asked("mail", request)

    def _told(self, channel: str, request: channels.Announce) -> channels.Announced:
        self.reports.setdefault(channel, []).append(request.report)
        return channels.Announced(message=f"{channel}/1", changed=True)

    def _asked(self, channel: str, request: channels.AskPerson) -> channels.PersonAsked:
        if request.person in self.deaf:
            return channels.PersonAsked(changed=False, withheld="no address")
        question = request.question
        stands = question.over.value if question.over else "open"
        self.questions.append((channel, question.gate, request.person, stands))
        return channels.PersonAsked(changed=True)
