"""Accounts of recorded incidents for tests, cut off or changed in one place, and what is told of them."""

from collections.abc import Callable
from typing import Any

from hemostat.audit.account.account import Account
from hemostat.audit.account.deviations import deviations_of
from hemostat.audit.account.record import Record
from hemostat.audit.explain.answer import Answer
from hemostat.audit.explain.explanation import explain
from hemostat.audit.report.answers import answers
from hemostat.audit.report.document import Report, Table
from schemas.journal import Entry

LOST = "feedback-poisoning/lost_and_contained_again"
AGAIN = "feedback-poisoning/fires_again"
FALSE = "feedback-poisoning/false_alarm"
BY_PEOPLE = "feedback-poisoning/by_people"
SILENT = "feedback-poisoning/nobody_answers"
BREACH = "feedback-poisoning/breach"
FILED = "assistant-exfiltration/filed"
BEFOREHAND = "assistant-exfiltration/agreed_beforehand"


def first_page(account: Account) -> dict[str, str]:
    return {one.asked: one.says for one in answers(account)}


def explained(account: Account) -> dict[str, Answer]:
    return {answer.id: answer for answer in explain(account).answers}


def otherwise(account: Account) -> list[str]:
    return [deviation.says for deviation in deviations_of(account)]


def table_of(report: Report, title: str) -> Table:
    (table,) = [s.table for s in report.sections if s.title == title and s.table]
    return table


def changed(account: Account, change: Callable[[Entry], dict[str, Any] | None]) -> Account:
    entries = []
    for entry in account.record.entries:
        data = change(entry)
        entries.append(entry if data is None else entry.model_copy(update={"data": data}))
    return Account(Record("histories", entries))


def until(account: Account, seq: int, **more: Any) -> Account:
    return Account(Record("histories", account.record.entries[: seq + 1], **more))
