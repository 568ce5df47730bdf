"""All the questions in an auditor's order, and their answers as one document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hemostat.audit.account.account import Account
from hemostat.audit.explain import deeds, people, trust
from hemostat.audit.explain.answer import Answer
from hemostat.audit.explain.approvals import approvals
from schemas.base import iso

QUESTIONS: Final[tuple[Callable[[Account], Answer], ...]] = (
    approvals,
    people.authority,
    deeds.effective,
    people.silence,
    people.latencies,
    trust.altered,
    deeds.complete,
    deeds.playbook,
    trust.replayable,
    trust.clocks,
    people.negatives,
    deeds.custody,
    trust.readers,
    trust.real,
    trust.lessons,
    trust.generated,
)


@dataclass(frozen=True)
class Explanation:
    """The answers for one incident."""

    account: Account
    answers: tuple[Answer, ...]

    @property
    def concerns(self) -> int:
        """How many points an auditor should look at."""
        return sum(len(answer.concerns) for answer in self.answers)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        account = self.account
        return {
            "format": "hemostat-explanation/1",
            "incident": account.incident,
            "playbook": account.playbook,
            "service": account.service,
            "drill": account.drill,
            "opened_at": iso(account.opened_at),
            "closed": account.closed is not None,
            "journal_length": len(account.record.entries),
            "journal_head": account.record.head,
            "source": account.record.source,
            "concerns": self.concerns,
            "answers": [answer.document() for answer in self.answers],
        }


def explain(account: Account) -> Explanation:
    """Answer every question from *account*."""
    return Explanation(account, tuple(answer(account) for answer in QUESTIONS))
