"""What there is to tell of an incident now: the report, its lines, and who is asked what.

A report is rebuilt whenever it is asked for; it has a new revision only when it says something new.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.gate import OnSilence, Outcome
from schemas.incident import OpenIncident
from schemas.situation import LINES, Line, Question, SituationReport, StepLine, plain
from workflows.engine.gates import Gates
from workflows.engine.intake import Intake
from workflows.engine.people import People
from workflows.engine.record import Record


class Reporting:
    """Makes the situation reports of one incident."""

    def __init__(
        self,
        record: Record,
        gates: Gates,
        people: People,
        intake: Intake,
        opening: OpenIncident,
        *,
        incident: str,
        first_run: str,
        title: str,
    ) -> None:
        self._record = record
        self._gates = gates
        self._people = people
        self._intake = intake
        self._opening = opening
        self._incident, self._title = incident, title
        self.key = f"{incident}/{first_run}/announce"
        """Other than another incident's of the same id, opened when this one has closed."""
        self._last: SituationReport | None = None
        self._known: dict[str, Question] = {}
        """The questions that people were asked, by nonce, the newest."""
        self._lines: dict[str, Line] = {}
        self._number = 0

    def report(self, *, over: bool) -> SituationReport:
        """Where the incident stands; *over* says that it is closing."""
        record, last = self._record, self._last
        asked = self._take_stock()
        first = self._intake.first_firing()
        now = SituationReport(
            incident=self._incident,
            revision=last.revision if last else 1,
            playbook=self._title,
            service=self._opening.service.name,
            drill=self._opening.drill,
            discreet=self._people.any_excluded,
            opened_at=record.opened_at,
            severity=record.severity,
            phase=record.phase.value,
            containment=record.containment.value,
            alert=plain(first.title) if first else "",
            steps=tuple(
                StepLine(title=view.title, step_class=view.step_class, state=view.state)
                for view in record.steps.values()
            ),
            asked=tuple(asked),
            resolution=record.resolution.value if over and record.resolution else None,
        )
        self._note(last, now)
        now = now.model_copy(update={"lines": tuple(self._lines.values())})
        if last is not None and now != last:
            now = now.model_copy(update={"revision": last.revision + 1})
        self._last = now
        return now

    def wanted(self, told: Iterable[str]) -> list[tuple[Question, str]]:
        """Who is to know of which question: who may decide now, and who was asked before.

        *told* are the nonces and persons that know already.
        """
        self._take_stock()
        open_now = {gate.nonce: gate for gate in self._gates.views()}
        found: dict[tuple[str, str], tuple[Question, str]] = {}
        for nonce, question in self._known.items():
            if nonce in open_now:
                for standing in open_now[nonce].may_decide:
                    found[nonce, standing.person] = (question, standing.person)
        for key in told:
            nonce, _, person = key.partition("/")
            if nonce in self._known and (nonce, person) not in found:
                over = self._known[nonce].over or Outcome.WITHDRAWN
                question = self._known[nonce].model_copy(update={"over": over})
                found[nonce, person] = (question, person)
        return list(found.values())

    def _take_stock(self) -> list[Question]:
        """The questions that are open now; notes those that are new and those that ended."""
        asked: list[Question] = []
        for gate in self._gates.views():
            if gate.policy.on_silence is not OnSilence.STAND:
                question = Question(
                    gate=gate.policy.id,
                    nonce=gate.nonce,
                    asks=gate.policy.asks,
                    roles=gate.policy.roles,
                    deadline=gate.deadline,
                    held=gate.held,
                )
                asked.append(question)
        open_now = {question.nonce for question in asked}
        for nonce, question in self._known.items():
            if nonce not in open_now and question.over is None:
                state = self._gates.state(question.gate)
                same = state is not None and state.nonce == nonce
                outcome = state.outcome if state and same else None
                over = outcome or Outcome.WITHDRAWN
                self._known[nonce] = question.model_copy(update={"over": over})
                self._line(f"gate-{nonce}", f"Asked: {question.asks} {over.value}.")
        for question in asked:
            if question.nonce not in self._known:
                self._line(f"gate-{question.nonce}", f"Asked: {question.asks}")
            self._known[question.nonce] = question
        while len(self._known) > LINES:
            self._known.pop(next(iter(self._known)))
        return asked

    def _note(self, before: SituationReport | None, now: SituationReport) -> None:
        if before is None or before.severity is not now.severity:
            self._line(None, f"Severity: {now.severity.value}")
        if (before.containment if before else "none") != now.containment:
            self._line(None, f"Containment: {now.standing()}")
        if now.resolution is not None and (before is None or before.resolution is None):
            self._line(None, f"Closed: {now.resolution}")
        if now.resolution is None and before is not None and before.resolution is not None:
            self._line(None, "It fired again while closing: responding again")

    def _line(self, name: str | None, says: str) -> None:
        """Add a line, or change what the line of this name says."""
        if name is None:
            self._number += 1
            name = f"line-{self._number}"
        at = self._lines[name].at if name in self._lines else workflow.now()
        self._lines[name] = Line(id=name, at=at, says=says)
        while len(self._lines) > LINES:
            self._lines.pop(next(iter(self._lines)))

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "last": self._last.model_dump(mode="json") if self._last else None,
            "known": [question.model_dump(mode="json") for question in self._known.values()],
            "number": self._number,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        if dumped["last"]:
            self._last = SituationReport.model_validate(dumped["last"])
            self._lines = {line.id: line for line in self._last.lines}
        known = [Question.model_validate(question) for question in dumped["known"]]
        self._known = {question.nonce: question for question in known}
        self._number = dumped["number"]
