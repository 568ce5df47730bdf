"""The record inside the workflow: the journal with Temporal's clock, and what is published."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from schemas.incident import Containment, Phase, Resolution, Severity
from schemas.journal import GENESIS, Entry, Journal, Kind
from schemas.severity import Facts, Impact
from schemas.severity import grade as severity_of
from schemas.step import StepClass, StepState, StepView
from schemas.visibility import CHANGED_AT, CONTAINMENT, PHASE, RESTRICTED, SEVERITY, WAITING_FOR


class Record:
    """Journal, steps and standing of one incident; what people see changes only here."""

    def __init__(self, start: int = 0, prev: str = GENESIS) -> None:
        self.chain = Journal(start, prev)
        self.first_seq = start
        self.opened_at = workflow.now()
        self.phase = Phase.DETECTION
        self.severity = Severity.SEV2
        self.containment = Containment.NONE
        self.contained_at: datetime | None = None
        self.proven_at: datetime | None = None
        self.resolution: Resolution | None = None
        self.steps: dict[str, StepView] = {}
        self.waiting: dict[str, tuple[str, ...]] = {}
        self.facts, self.impact = Facts(), Impact()
        self.restricted: bool | None = None
        """Whether someone must not see the incident; None: it was opened before this was told."""
        self.in_full = False
        """Whether it also tells when answers were due and over what looks were made."""
        self.only_people_lower = False
        """Whether a playbook may raise the severity and no more; its first word sets it."""
        self._graded = False
        self._published: dict[str, object] = {}
        # As it was started: histories that were recorded before this mark go on without it.
        self._tells_when = workflow.info().typed_search_attributes.get(CHANGED_AT) is not None
        self._entered: list[str] = []
        self._walked: list[str] = []
        """The phases that earlier runs entered; walking through them again is no news."""

    def write(
        self,
        kind: Kind,
        says: str,
        *,
        step: str | None = None,
        data: Mapping[str, JsonValue] | None = None,
    ) -> Entry:
        """Append one entry at Temporal's time."""
        return self.chain.add(workflow.now(), kind, says, step=step, data=data)

    def enter(self, phase: Phase) -> None:
        """Move to *phase*; a response may go back, when containment has to be done again."""
        self._entered.append(phase.value)
        if self._walked:
            self._walked.pop(0)
            return
        if phase is not self.phase:
            self.phase = phase
            self.write(Kind.PHASE, f"Phase: {phase.value}", data={"phase": phase.value})
            self.publish()

    def begin_round(self) -> None:
        """Another response begins: its phases are entered anew."""
        self._entered.clear()

    def grade(self, severity: Severity, because: str) -> None:
        """Set the severity as the playbook sees it; lowering it may be left to the commander."""
        lowers = self.severity.graver_than(severity)
        if lowers and self.only_people_lower and self._graded:
            self.write(
                Kind.FINDING,
                f"Severity could be {severity.value}: {because}; the commander may lower it",
                data={"severity": self.severity.value, "proposed": severity.value},
            )
            return
        self._graded = True
        self.set_severity(severity, because)

    def set_severity(
        self, severity: Severity, because: str, *, by: Mapping[str, JsonValue] | None = None
    ) -> None:
        """Set the severity, with its reason and who says so; a playbook then lowers it no more."""
        if by is not None:
            self.only_people_lower = self._graded = True
        if severity is not self.severity:
            before, self.severity = self.severity, severity
            self.write(
                Kind.DECISION if by else Kind.FINDING,
                f"Severity {severity.value}: {because}",
                data={"before": before.value, "severity": severity.value, **(by or {})},
            )
            self.publish()

    def assess(
        self,
        facts: Facts,
        impact: Impact | None = None,
        *,
        by: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Take in what became known; the severity rises by itself and never falls by it."""
        known = self.facts.model_copy(update=facts.model_dump(exclude_none=True))
        vector = self.impact.model_copy(
            update={name: getattr(impact, name) for name in impact.model_fields_set}
            if impact
            else {}
        )
        if (known, vector) == (self.facts, self.impact):
            return
        self.facts, self.impact = known, vector
        self.only_people_lower = self._graded = True  # it stands, whatever a playbook says first
        grading = severity_of(known)
        says = f"Assessed: {grading.severity.value} by {', '.join(grading.because)}"
        self.write(
            Kind.DECISION if by else Kind.FINDING,
            says,
            data={
                "facts": known.model_dump(mode="json", exclude_none=True),
                "impact": vector.model_dump(mode="json"),
                **(by or {}),
            },
        )
        if grading.severity.graver_than(self.severity):
            self.set_severity(grading.severity, "; ".join(grading.because))

    def begin(self, step: str, title: str, step_class: StepClass, attempt: int) -> None:
        """A step starts or starts again."""
        self.steps[step] = StepView(
            id=step, title=title, step_class=step_class, state=StepState.RUNNING, attempt=attempt
        )
        self.write(
            Kind.STEP,
            f"{title}: started" if attempt == 1 else f"{title}: attempt {attempt}",
            step=step,
            data={"class": step_class.value, "attempt": attempt},
        )

    def skip(
        self, step: str, title: str, step_class: StepClass, because: str = "people said no"
    ) -> None:
        """A step is not done: people said no, or nobody settled it in time."""
        self.steps[step] = StepView(
            id=step, title=title, step_class=step_class, state=StepState.SKIPPED
        )
        self.write(Kind.STEP, f"{title}: not done, {because}", step=step)

    def mark(self, step: str, state: StepState, **times: str) -> None:
        """Show *step* in *state*."""
        self.steps[step] = self.steps[step].model_copy(update={"state": state, **times})

    def settle(self) -> None:
        """Derive how contained the harm is from the containing steps, and publish it."""
        states = [s.state for s in self.steps.values() if s.step_class is StepClass.CONTAIN]
        bad = (StepState.DISPROVEN, StepState.UNPROVABLE, StepState.FAILED, StepState.SKIPPED)
        live = [state for state in states if state is not StepState.UNDONE]
        if not states:
            self.containment = Containment.NONE
        elif not live:
            self.containment = Containment.LIFTED
        elif any(state in bad for state in live):
            self.containment = Containment.UNPROVEN
        elif all(state is StepState.PROVEN for state in live):
            self.containment = Containment.PROVEN
            self.proven_at = self.proven_at or workflow.now()
        else:
            self.containment = Containment.COMMANDED
        self.publish()

    def publish(self) -> None:
        """Tell visibility what changed; one event only when something did."""
        waiting = sorted({role for roles in self.waiting.values() for role in roles})
        now: dict[str, object] = {
            "phase": self.phase,
            "severity": self.severity,
            "containment": self.containment,
            "waiting": waiting,
        }
        if self.restricted is not None:
            now["restricted"] = self.restricted
        if now == self._published:
            return
        updates: list[SearchAttributeUpdate[Any]] = [
            PHASE.value_set(self.phase.value),
            SEVERITY.value_set(self.severity.value),
            CONTAINMENT.value_set(self.containment.value),
            WAITING_FOR.value_set(waiting) if waiting else WAITING_FOR.value_unset(),
            *([RESTRICTED.value_set(self.restricted)] if self.restricted is not None else []),
        ]
        moment = [CHANGED_AT.value_set(workflow.now())] if self._tells_when else []
        workflow.upsert_search_attributes(
            [
                *(
                    update
                    for name, update in zip(now, updates, strict=True)
                    if self._published.get(name, []) != now[name]
                ),
                *moment,
            ]
        )
        self._published = now
        workflow.set_current_details(self.details())

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs, the chain apart."""
        return {
            "opened_at": self.opened_at.isoformat(),
            "phase": self.phase.value,
            "entered": [*self._entered],
            "severity": self.severity.value,
            "containment": self.containment.value,
            "contained_at": self.contained_at.isoformat() if self.contained_at else None,
            "proven_at": self.proven_at.isoformat() if self.proven_at else None,
            "steps": [view.model_dump(mode="json") for view in self.steps.values()],
            "facts": self.facts.model_dump(mode="json", exclude_none=True),
            "impact": self.impact.model_dump(mode="json", exclude_unset=True),
            "graded": self._graded,
            "only_people_lower": self.only_people_lower,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self.opened_at = datetime.fromisoformat(dumped["opened_at"])
        self.phase, self._walked = Phase(dumped["phase"]), list(dumped["entered"])
        self.severity = Severity(dumped["severity"])
        self.containment = Containment(dumped["containment"])
        if dumped["contained_at"]:
            self.contained_at = datetime.fromisoformat(dumped["contained_at"])
        if dumped["proven_at"]:
            self.proven_at = datetime.fromisoformat(dumped["proven_at"])
        views = [StepView.model_validate(view) for view in dumped["steps"]]
        self.steps = {view.id: view for view in views}
        self.facts = Facts.model_validate(dumped.get("facts", {}))
        self.impact = Impact.model_validate(dumped.get("impact", {}))
        self._graded = dumped.get("graded", False)
        self.only_people_lower = dumped.get("only_people_lower", False)

    def details(self) -> str:
        """The standing as Markdown for Temporal's own UI; our words only."""
        rows = [
            f"| {view.title} | {view.step_class.value} | **{view.state.value}** |"
            for view in self.steps.values()
        ]
        waits = "; ".join(f"{gate}: {', '.join(who)}" for gate, who in self.waiting.items())
        head = (
            f"{self.severity.value} · {self.phase.value} · containment **{self.containment.value}**"
        )
        table = ["| step | class | state |", "|-|-|-|", *rows] if rows else []
        return "\n".join([head, "", f"Waiting for: {waits or 'nobody'}", "", *table])


def scalars(result: Any, most: int = 12) -> dict[str, JsonValue]:
    """Return the plain fields of a result for the journal; nested ones stay in the history."""
    fields: dict[str, JsonValue] = result.model_dump(mode="json")
    plain = {
        name: value
        for name, value in fields.items()
        if isinstance(value, bool | int | float | str) or value is None
    }
    return dict(list(plain.items())[:most])
