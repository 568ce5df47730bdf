"""A situation report as a mail, plain and HTML, with the same content. Pure.

Law: every text is one line of printable characters with nothing in it that a mail program would
make a link of, and escaped in the HTML, which loads nothing from anywhere. The one link is to our
own page. The Message-ID is made of the key, so that the same mail sent again is known to be it.
"""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from html import escape
from typing import Final

from schemas.situation import Question, SituationReport, asked_of, defanged

_MOST: Final = 12
_NOTE: Final = "This mail carries no authority: people decide on the page, after they sign in."


def incident_mail(
    report: SituationReport, key: str, page: str, *, sender: str, to: Sequence[str]
) -> EmailMessage:
    """Return the mail about where the incident stands."""
    sections: list[tuple[str, list[str]]] = []
    if not report.discreet:
        steps = [f"{step.title}: {step.state.value}" for step in report.steps[-_MOST:]]
        lines = [f"{line.at:%Y-%m-%d %H:%M:%S} UTC  {line.says}" for line in report.lines]
        named = [("Steps", steps), ("Asked", [*report.waits()]), ("So far", lines)]
        sections = [(name, said) for name, said in named if said]
    mail = _mail(report.headline(), report.facts(), sections, page)
    _address(mail, f"{key}/{report.revision}", sender, to, thread=key)
    return mail


def question_mail(
    question: Question, report: SituationReport, key: str, page: str, *, sender: str, to: str
) -> EmailMessage:
    """Return the mail that asks one person."""
    exercise = "EXERCISE: " if report.drill else ""
    subject = f"{exercise}A question waits for you ({report.severity.value})"
    facts = (("Question", asked_of(question)), *report.facts())
    mail = _mail(subject, facts, [], page)
    _address(mail, key, sender, [to])
    return mail


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID of the mail of *key*."""
    return f"<{sha256(key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"


def _mail(
    subject: str,
    facts: Sequence[tuple[str, str]],
    sections: Sequence[tuple[str, list[str]]],
    page: str,
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = defanged(subject, 200)
    facts = [(name, defanged(value)) for name, value in facts]
    sections = [(name, [defanged(line) for line in lines]) for name, lines in sections]
    text = [f"{name}: {value}" for name, value in facts]
    for name, lines in sections:
        text += ["", f"{name}:", *(f"  {line}" for line in lines)]
    text += ["", *([page] if page else []), _NOTE]
    mail.set_content("\n".join(text) + "\n")
    mail.add_alternative(_html(subject, facts, sections, page), subtype="html")
    return mail


def _html(
    subject: str,
    facts: Sequence[tuple[str, str]],
    sections: Sequence[tuple[str, list[str]]],
    page: str,
) -> str:
    rows = "".join(
        f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>\n"
        for name, value in facts
    )
    told = "".join(
        f"<h3>{escape(name)}</h3>\n<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}"
        "</ul>\n"
        for name, lines in sections
    )
    link = f'<p><a href="{escape(page)}">Open the page</a></p>\n' if page else ""
    return (
        f"<!doctype html>\n<html><head><title>{escape(defanged(subject, 200))}</title></head><body>\n"
        f"<table>{rows}</table>\n{told}{link}<p>{escape(_NOTE)}</p>\n</body></html>\n"
    )


def _address(
    mail: EmailMessage, key: str, sender: str, to: Sequence[str], *, thread: str = ""
) -> None:
    """Fill the envelope's headers; the library refuses a line end in any of them."""
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail["Message-ID"] = message_id(key, sender)
    if thread:
        mail["References"] = message_id(thread, sender)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
