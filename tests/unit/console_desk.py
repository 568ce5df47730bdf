"""A desk of the tests: one incident whose every text from outside is what the test says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hemostat.console.summaries import Summary
from hemostat.desk.answers import answer_to
from hemostat.desk.inbox import Inbox, asked_of
from hemostat.desk.listing import Filters, Page
from hemostat.desk.said import Answer, Decide, Said
from hemostat.incidents import JournalRead
from hemostat.incidents.incident_row import IncidentRow
from schemas.canonical import digest_of
from schemas.clocks.view import ClocksView
from schemas.errors import BadInput, HemostatError
from schemas.gate import GatePolicy, OnSilence
from schemas.incident import Containment, GateView, IncidentView, Phase
from schemas.journal import Journal, Kind
from schemas.severity import Severity
from schemas.step import StepClass, StepState, StepView
from schemas.who import Who

ID = "feedback-poisoning-abc"
NONCE = "6fb81d09-72f5-4260-b535-27e26eb5f880"
BEGAN = datetime(2026, 11, 23, 3, tzinfo=UTC)
WHO = Who(
    person="ic-1", subject="local:ic-1", roles=("commander",), method="password",
    authenticated_at=BEGAN,
)  # fmt: skip


def gate(text: str, **changes: object) -> GateView:
    """An open gate that shows *text* wherever text can be shown."""
    policy = GatePolicy(
        id="retrain",
        asks=f"Retrain? {text}",
        roles=("commander", "ml-lead"),
        quorum=2,
        all_roles=True,
        step_class=StepClass.DESTROY,
        ladder=("exec",),
        on_silence=OnSilence.HOLD,
        on_reject=text,
    )
    shown = {
        "step": text,
        "class": "destroy",
        "acts": [{"port": text, "request": {text: text, "deep": {text: [text, 1, None, True]}}}],
        "evidence": [text],
        "missing": [text],
        text: {text: text},
    }
    view = GateView(
        policy=policy,
        nonce=NONCE,
        digest=digest_of(1),
        shown=shown,
        opened_at=BEGAN,
        deadline=BEGAN + timedelta(hours=4),
        held=False,
        approvals=1,
    )
    return view.model_copy(update=changes)


def journal(text: str) -> Journal:
    """A journal with *text* in every field that could hold words of others."""
    kept = Journal()

    def add(seconds: float, kind: Kind, says: str, step: str | None = None, **data: object) -> None:
        kept.add(BEGAN + timedelta(seconds=seconds), kind, says, step=step, data=data)

    add(0, Kind.OPENED, "Incident opened")
    add(0, Kind.ALERT, f"Alert open from {text}", title=text, source=text)
    add(0.2, Kind.STEP, f"{text}: started", "isolate", **{"class": "contain"})
    add(0.3, Kind.EFFECT, f"{text} answered", "isolate", port=text, **{text: text})
    seen = [{"check": text, "held": held, "measured": {text: text}} for held in (True, False, None)]
    add(0.6, Kind.PROOF, f"look 1: {text}", "isolate", observations=seen)
    add(0.9, Kind.PROOF, f"look 2: {text}", "isolate", observations=seen)
    add(1.0, Kind.PROOF, f"{text}: proven", "isolate", verdict="proven")
    asked: dict[str, Any] = {
        "gate": "retrain",
        "digest": digest_of(1),
        "roles": ["commander"],
        "shown": {text: text},
    }
    add(1.1, Kind.GATE, f"Asked: {text}", **asked)
    said: dict[str, Any] = {
        "gate": "retrain",
        "actor": text,
        "reason": text,
        "decision": text,
        "role": text,
    }
    letter = {"port": text, "request": {"text": f"Dear {text}"}}
    asks: dict[str, Any] = {"gate": "file", "shown": {"class": "disclose", "acts": [letter]}}
    add(1.2, Kind.GATE, f"Asked: {text}", **asks)
    add(1.3, Kind.GATE, "Gate file: rejected", gate="file", outcome="rejected")
    add(1.5, Kind.DECISION, f"{text} approved", **said, choice="approve")
    add(1.6, Kind.REFUSED, f"{text} changed nothing", **said, refusal=text)
    add(1.7, Kind.EVIDENCE, f"Sealed: {text}", name=text, source=text, digest=text, size=5)
    add(1.8, Kind.EVIDENCE, f"Evidence is missing: {text}", reason=text)
    add(1.9, Kind.FINDING, text, **{text: text})
    return kept


def incident(text: str, *gates: GateView) -> IncidentView:
    """The incident."""
    step = StepView(
        id="isolate",
        title=text,
        step_class=StepClass.CONTAIN,
        state=StepState.PROVEN,
        commanded_at=(BEGAN + timedelta(seconds=0.3)).isoformat(),
        proven_at=(BEGAN + timedelta(seconds=1)).isoformat(),
    )
    kept = journal(text)
    return IncidentView(
        id=ID,
        run_id="r1",
        playbook="feedback-poisoning",
        service="sentiment-api",
        drill=True,
        opened_at=BEGAN,
        phase=Phase.CONTAINMENT,
        severity=Severity.SEV1,
        containment=Containment.PROVEN,
        resolution=None,
        steps=(step,),
        gates=gates or (gate(text), gate(text, policy=offer(text))),
        alerts=1,
        journal_length=kept.length,
        journal_head=kept.head,
    ).model_copy(update={"service": text})


def offer(text: str) -> GatePolicy:
    """A standing offer."""
    return GatePolicy(id="false-alarm", asks=text, roles=("commander",), on_silence=OnSilence.STAND)


class Desk:
    """Keeps what was decided; everybody sees the one incident."""

    def __init__(self, text: str = "harmless") -> None:
        self.text = text
        self.seen = incident(text)
        self.journaled = journal(text)
        self.decided: list[tuple[str, Decide]] = []
        self.told_besides: list[tuple[str, Said]] = []
        self.asked_for: list[Filters] = []
        self.admitted: list[tuple[str, str]] = []
        self.broken: HemostatError | None = None

    def _answers(self, incident: str = ID) -> None:
        if self.broken is not None:
            raise self.broken
        if incident != ID:
            raise BadInput("there is no such incident", next_step="see the list.")

    def row(self) -> IncidentRow:
        return IncidentRow(
            id=ID, run_id="r1", open=True, status=self.text, playbook=self.text,
            service=self.text, phase=self.text, severity="SEV-1", containment=self.text,
            waiting_for=(self.text,), drill=True, opened_at=BEGAN, closed_at=None,
        )  # fmt: skip

    async def page(self, who: Who, wanted: Filters, cursor: str | None) -> Page:
        self._answers()
        self.asked_for.append(wanted)
        return Page(incidents=(self.row(),), next=self.text)

    async def admit(self, who: Who, incident: str, what: str, run: str | None = None) -> None:
        self._answers(incident)
        self.admitted.append((who.person, what))

    async def first_run(self, who: Who, incident: str, what: str, run: str | None) -> str | None:
        await self.admit(who, incident, what)
        return None

    async def visible(self, who: Who, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
        return list(rows)

    async def summaries(self, rows: Sequence[IncidentRow]) -> dict[str, Summary]:
        return {ID: Summary.model_construct(view=self.seen, clocks=ClocksView())}

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        self._answers(incident)
        return self.seen

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        self._answers(incident)
        return JournalRead(self.journaled.entries, [self.text])

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        self._answers(incident)
        return ClocksView(notice=self.text)

    async def alerted(self, who: Who, incident: str) -> str:
        return self.text

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        self._answers()
        seen = self.seen.model_copy(update={"gates": self.seen.gates[:1]})
        gates = tuple(asked_of(who, seen, BEGAN))
        return Inbox(at=BEGAN, gates=gates, clocks=(), unanswered=(self.text,) if gates else ())

    async def say(self, who: Who, incident: str, said: Said, key: str) -> Answer:
        self._answers(incident)
        if not isinstance(said, Decide):
            self.told_besides.append((who.person, said))
            data = {"decision": key, "actor": who.person, "reason": said.reason}
            made = self.journaled.add(BEGAN, Kind.DECISION, "counsel wrote a new draft", data=data)
            return answer_to(key, made)
        self.decided.append((who.person, said))
        kind = Kind.DECISION if said.nonce == NONCE else Kind.REFUSED
        data = said.model_dump(mode="json", include={"gate", "role", "reason", "choice"})
        data |= {"decision": key, "actor": who.person}
        data |= {} if kind is Kind.DECISION else {"refusal": "stale-nonce"}
        return answer_to(key, self.journaled.add(BEGAN, kind, "decided", data=data))

    async def told(self, who: Who, incident: str, said: str) -> Answer | None:
        for entry in self.journaled.entries:
            if entry.data.get("decision") == said and entry.data.get("actor") == who.person:
                return answer_to(said, entry)
        return None
