"""Assistant exfiltration: an insider drains an assistant, and liability follows.

Read ``respond`` aloud: it is the procedure. The case is restricted: whoever is suspected is an
opaque id here and in no page, ticket, statement or search attribute. Thresholds are proposals,
tunable in hemostat.toml; technique ids are those of MITRE ATLAS 2026.09.
"""

from typing import Any

from pydantic import JsonValue

from schemas.base import iso
from schemas.containment_rule import Scores, isolate_first
from schemas.evidence import Sealed
from schemas.incident import Containment, Phase, Resolution, Severity
from schemas.ports import (
    assistant,
    callers,
    connectors,
    credentials,
    disclosure,
    gateway,
    paging,
    sessions,
    vault,
)
from schemas.severity import Facts, Impact, Known, Unknown
from workflows.engine import Act, Stands, do, playbook
from workflows.engine.looking import GOES_ON
from workflows.exfiltration import gates, shown, words
from workflows.exfiltration.classification import NOT_THEIRS
from workflows.exfiltration.parameters import Parameters
from workflows.exfiltration.reopening import CLOSE_ROUTE, OFFLINE, Reopening

NOT_KNOWN = Unknown(unknown_because="counsel determines it")
TAKEN = "Survey what was taken"
SOMEONE = "Documents may be leaving through an assistant"
SHOWN_TO_BE_ON = "controls are read back, and a replay of nothing shows nothing"


@playbook(
    id="assistant-exfiltration",
    title="An insider drains an assistant",
    capabilities=(assistant, callers, credentials, disclosure, gateway, paging, vault),
    optional=(connectors, sessions),
    parameters=Parameters,
    atlas=("AML.T0012", "AML.T0051.000", "AML.T0057", "AML.T0024", "AML.T0085.000", "AML.T0036"),
    csf=("RS.MA-02", "RS.AN-06", "RS.AN-07", "RS.AN-08", "RS.MI-01", "RS.MI-02", "RS.CO", "RC.RP"),
)
class AssistantExfiltration(Reopening):
    """An insider drains an assistant; what left, who must know, and what is safe again."""

    async def respond(self) -> Resolution:
        """Command, counsel, hold, seal; contain each credential; rotate; scope; tell; re-enable."""
        facts = self.facts()
        self.record.grade(Severity.SEV1, "confidential documents may be leaving")
        self.call(gates.COMMAND, SOMEONE)
        self.call(gates.COUNSEL, SOMEONE, "counsel")
        self.call(gates.HR, SOMEONE, "hr")
        self.hold(facts)
        self.seal(*self.volatile_evidence())
        self.take_the_legal_side(facts)

        self.begin_to_deal(facts)
        await self.dealt_with()
        await self.see_what_was_taken()
        self.begin_to_classify(facts)
        await self.dealt_with()
        if await self.take_branch(facts):
            await self.revoke_everything(facts)

        await self.estimate_scope(facts)
        await self.state(facts)
        self.record.enter(Phase.ERADICATION)
        await self.find_the_vector(facts)
        await self.tighten()
        facts.complete = True
        if self.scoped and self.grounds()["active"]:
            await self.until(lambda: self.widened)
        await self.re_enable()
        await self.report_to_the_board(facts)
        await self.refused_for_good()
        held: dict[str, JsonValue] = {"severity": self.record.severity.value, "holds": "standing"}
        held |= {"who_it_was": facts.cause} if facts.cause else {}
        await self.agreed_to_close(gates.CLOSE, held)
        return Resolution.RESOLVED

    # 2 Seal, beside the response

    def volatile_evidence(self) -> list[Act[Any, Sealed]]:
        """Prompts and answers, who may do what with which keys, the gateway as it is."""
        p = self.parameters
        principals = {c.principal for c in p.credentials} | {x for x in p.callers.values() if x}
        sealing = credentials.SealCredentials(
            principals=tuple(sorted(principals)), secrets=tuple(c.secret for c in p.credentials)
        )
        return [
            do(assistant.seal_assistant, assistant.SealAssistant(window=p.window)),
            do(credentials.seal_credentials, sealing),
            do(gateway.seal_edge, gateway.SealEdge()),
        ]

    # The recorded branch

    def grounds(self) -> dict[str, JsonValue]:
        """What the branch is taken on, as of now."""
        told, survey = self.intake.heard, self.survey_of_takings
        public = any(alert.evidence.get("disclosed") for alert in told)
        leaking = any(alert.evidence.get("canaries") for alert in told)
        leaking = leaking or any(use.canaries for use in (survey.callers if survey else ()))
        covert = any(alert.evidence.get("covert") for alert in told) and not public
        covert = covert and self.cause not in NOT_THEIRS  # a matter for HR is someone of ours
        return {
            "public_disclosure": public,
            "canaries_left": leaking,
            "covert_case": covert,
            "documents": survey.documents if survey else 0,
            "active": public or (leaking and not covert),
        }

    async def see_what_was_taken(self) -> None:
        """Ask the log who got what; documents that are known to leave wait for no log."""
        if not self.follows(GOES_ON):
            await self.ask_the_log()
            return
        looking = self.alongside(TAKEN, self.ask_the_log())
        await self.until(
            lambda: looking.done() or (self.is_stuck(TAKEN) and bool(self.grounds()["active"]))
        )

    async def ask_the_log(self) -> None:
        """None: people went on without it, and alerts alone name suspects."""
        self.survey_of_takings = await self.try_to_observe(TAKEN, self.surveying())

    async def take_branch(self, facts: words.Facts) -> bool:
        """True: revoke everything and take offline. A scoped case is widened by people, or turns."""
        grounds: dict[str, JsonValue] = self.remembered("grounds", self.grounds())
        if grounds["active"]:
            self.could_have_known(self.moment("confirmed"), "the extraction was confirmed")
            scores = Scores(harm=3, uncertainty=1, business_cost=2, irreversibility=0)
            return await self.may_contain(isolate_first(scores, inputs=grounds))
        self.finding("branch", "Branch: the suspected callers alone are suspended", grounds)
        self.alongside("Watch whether the case turns", self.widen_if_it_turns(facts))
        self.scoped = await self.choose("Keep it scoped", gates.KEEP_SCOPED, grounds)
        return not self.scoped

    async def widen_if_it_turns(self, facts: words.Facts) -> None:
        """A covert case that becomes public takes the other branch, whatever was decided before."""
        await self.until(lambda: bool(self.grounds()["active"]))
        self.gates.fall_away(gates.KEEP_SCOPED.id)
        await self.until(lambda: self.scoped)  # else the response takes that branch itself
        self.page_commander("turned", "What was kept scoped is public now: revoking everything")
        self.finding("turned", "The scoped case turned: everything is revoked", self.grounds())
        await self.revoke_everything(facts)
        self.widened = True

    # 3 to 5 The brief's path: revoke everything, take it offline, rotate

    async def revoke_everything(self, facts: words.Facts) -> None:
        """The suspects' cloud access, then everybody's, then the assistant's own; then anew."""
        facts.branch = "everything revoked"
        self.everything_goes = True
        await self.dealt_with()
        await self.take_offline(facts)
        await self.end_connectors(facts)
        for own in self.parameters.credentials:
            await self.revoke(own.principal, facts)
        if self.record.containment is Containment.PROVEN:
            facts.contained_at = iso(self.moment("everything is contained"))
        await self.rotate(facts)

    async def take_offline(self, facts: words.Facts) -> None:
        """Each key is refused by itself, then nobody is answered: at the gateway, at its own door."""
        asked: dict[str, JsonValue] = {"service": self.service.name}
        if not await self.choose("Take it offline", gates.OFFLINE, asked):
            return
        facts.branch = "everything revoked, assistant offline"
        self.nobody_passes = True
        await self.dealt_with()
        self.route_closed = True
        close = gateway.IsolateEndpoint(route=self.parameters.route)
        everyone = [shown.caller_meets_nobody(caller) for caller in self.parameters.callers]
        await self.contain(
            CLOSE_ROUTE,
            do(gateway.isolate_endpoint, close),
            proof=self.looks(*everyone[:3]),
            undo=[do(gateway.restore_endpoint, close)],
            undo_proof=self.looks(shown.route_is_open(self.incident, self.parameters.route)),
            stands=Stands(),
        )
        turn = assistant.TurnAssistant()
        await self.contain(
            OFFLINE,
            do(assistant.take_offline, turn),
            proof=self.looks(shown.assistant_is(online=False)),
            undo=[do(assistant.bring_online, turn)],
            undo_proof=self.looks(shown.assistant_is(online=True)),
            stands=Stands(),
        )

    # 6 How much

    def facts(self) -> words.Facts:
        """What the texts may say."""
        return words.Facts(
            case=self.incident.rpartition("-")[2][:8],
            service=self.service.name,
            opened_at=iso(self.record.opened_at),
            drill=self.drill,
        )

    async def estimate_scope(self, facts: words.Facts) -> None:
        """Two methods: marks in answers, and look-ups; where they differ it is a range."""
        scope = await self.try_to_observe("Estimate the scope", self.surveying())
        facts.scope = scope
        out = Known.YES if scope and scope.documents else Known.UNKNOWN
        public = Known.YES if self.grounds()["public_disclosure"] else None
        self.assess(
            Facts(protected_data_out=out, public_disclosure=public),
            Impact(data=f"{words.extent(facts)} documents", people=NOT_KNOWN, regulator=NOT_KNOWN),
        )
        self.finding(
            "scope",
            f"Documents that left in answers: {words.extent(facts)}",
            {
                "by_marks": scope.documents if scope else None,
                "by_lookups": scope.retrieved if scope else None,
                "direct_access": facts.direct_access,
                "persons_and_countries": "not known: counsel's determinations",
            },
        )

    # 10, 11 Why, and what is changed

    async def find_the_vector(self, facts: words.Facts) -> None:
        """Reproduce the leak with the suspect's own prompts, in a sandbox."""
        suspects: list[str] = self.remembered("suspects of the vector", self.suspects())
        if not suspects:
            return
        again = await self.try_to_observe(
            "Reproduce the leak in a sandbox",
            do(assistant.replay_prompts, assistant.ReplayPrompts(caller=suspects[0])),
        )
        now = await self.try_to_observe(
            "Read the assistant's controls",
            do(assistant.read_assistant, assistant.ReadAssistant()),
        )
        if again is None or now is None:
            facts.vector = "Not known: it could not be looked at."
            self.finding("vector", f"Root cause: {facts.vector}", {})
            return
        if again.leaked and not now.own_permissions:
            facts.vector = "Answers are made from documents that the caller may not read."
        elif again.leaked:
            facts.vector = "Callers' permissions hold; answers are not filtered."
        else:
            facts.vector = "Not reproduced."
        data: dict[str, JsonValue] = {"leaked": again.leaked, "prompts": again.prompts}
        self.finding("vector", f"Root cause: {facts.vector}", data)

    async def tighten(self) -> None:
        """Permissions of the caller, a filter on what goes out; the extraction fails in a replay."""
        proven = [shown.replay_leaks_nothing(caller) for caller in self.suspects()[:3]]
        if self.follows(SHOWN_TO_BE_ON):
            proven = [shown.controls_are_on(), *(shown.their_replay(c) for c in self.took()[:3])]
        await self.destroy(
            "Apply the controls",
            do(assistant.apply_controls, assistant.ApplyControls()),
            agree=gates.CONTROLS,
            proof=lambda _: self.looks(*proven),
            alters="redeploy_changed_system",
        )

    # 13 The board

    async def report_to_the_board(self, facts: words.Facts) -> None:
        """The content, sealed; it is delivered by the board's own channel."""
        report = words.board_report(
            facts, tuple(self.record.steps.values()), self.clocks.view(), self.evidence.gaps()
        )
        text: str = self.remembered("board report", report)
        asked: dict[str, JsonValue] = {"text": text}
        if not await self.choose("Agree on the board report", gates.BOARD, asked):
            return
        sealed = disclosure.SealReport(name="board report", text=text)
        await self.observe("Seal the board report", do(disclosure.seal_report, sealed))
