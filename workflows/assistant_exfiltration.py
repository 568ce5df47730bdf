"""Assistant exfiltration: an insider drains an assistant, and liability follows.

Read ``respond`` aloud: it is the procedure. The case is restricted: whoever is suspected is an
opaque id here and in no page, ticket, statement or search attribute. Thresholds are proposals,
tunable in hemostat.toml; technique ids are those of MITRE ATLAS 2026.09.
"""

from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from schemas.base import iso
from schemas.containment_rule import Scores, isolate_first
from schemas.evidence import Sealed
from schemas.incident import Containment, Phase, Resolution, Severity
from schemas.ports import assistant, callers, credentials, disclosure, gateway, paging, vault
from workflows.engine import Act, Check, Proof, do, playbook
from workflows.exfiltration import gates, shown, words
from workflows.exfiltration.credentials import Credentials
from workflows.exfiltration.parameters import Parameters, Regime

CLOSE_ROUTE = "Close the assistant's route"
OFFLINE = "Take the assistant offline"
SOMEONE = "Documents may be leaving through an assistant"


@playbook(
    id="assistant-exfiltration",
    title="An insider drains an assistant",
    capabilities=(assistant, callers, credentials, disclosure, gateway, paging, vault),
    parameters=Parameters,
    atlas=("AML.T0012", "AML.T0051.000", "AML.T0057", "AML.T0024", "AML.T0085.000", "AML.T0036"),
    csf=("RS.MA-02", "RS.AN-06", "RS.AN-07", "RS.AN-08", "RS.MI-01", "RS.MI-02", "RS.CO", "RC.RP"),
)
class AssistantExfiltration(Credentials):
    """An insider drains an assistant; what left, who must know, and what is safe again."""

    async def respond(self) -> Resolution:
        """Command, counsel, hold, seal; contain each credential; rotate; scope; tell; re-enable."""
        self.record.grade(Severity.SEV1, "confidential documents may be leaving")
        self.call(gates.COMMAND, SOMEONE)
        self.call(gates.COUNSEL, SOMEONE, "counsel")
        self.hold()
        self.seal(*self.volatile_evidence())

        suspects = await self.block_suspects(self.named_by_alerts())
        survey = await self.survey("Survey what was taken")
        suspects += await self.block_suspects(self.drained(survey, suspects))
        active = await self.take_branch(survey)
        facts = self.facts(active)
        if active:
            await self.revoke_everything(suspects, facts)
            await self.rotate(facts)

        await self.estimate_scope(facts)
        await self.determine(facts)
        await self.state(facts)
        self.record.enter(Phase.ERADICATION)
        await self.find_the_vector(suspects, facts)
        await self.tighten(suspects, facts)
        if active:
            await self.re_enable(suspects)
        await self.report_to_the_board(facts)
        held: dict[str, JsonValue] = {"severity": self.record.severity.value, "holds": "standing"}
        await self.agreed_to_close(gates.CLOSE, held)
        return Resolution.RESOLVED

    # 1, 2 Hold and seal, beside the response

    def hold(self) -> None:
        """Nothing of the log is deleted until counsel says so; nobody waits for it."""
        place = do(assistant.hold_logs, assistant.HoldLogs())
        self.beside(
            "Place the litigation hold", place, self.looks(shown.log_is_held(self.incident))
        )

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

    # 3 Who: named by an alert, or by what was taken. Each key is blocked alone and proven alone.

    def named_by_alerts(self) -> list[str]:
        """Callers that the monitor named; what is no caller of ours is nobody."""
        named = [alert.labels.get("caller", "") for alert in self.intake.heard]
        return sorted({caller for caller in named if caller in self.parameters.callers})

    def drained(self, survey: assistant.ExtractionSurvey, known: list[str]) -> list[str]:
        """Callers whose answers held more marks than chance gives."""
        p = self.parameters
        return [
            use.caller
            for use in survey.callers
            if (use.fingerprints >= p.fingerprints or use.canaries)
            and use.caller in p.callers
            and use.caller not in known
        ]

    async def block_suspects(self, suspects: list[str]) -> list[str]:
        """Refuse each suspect's key at the gateway; the others' must pass."""
        for caller in suspects:
            peers = [peer for peer in self.parameters.callers if peer not in suspects]
            block = callers.BlockCaller(caller=caller)
            await self.contain(
                f"Block the key {caller}",
                do(callers.block_caller, block),
                proof=self.looks(
                    shown.caller_is_refused(caller),
                    shown.caller_is_blocked(self.incident, caller),
                    *(shown.caller_passes(peer) for peer in peers[:2]),
                ),
                undo=[do(callers.unblock_caller, block)],
                undo_proof=self.looks(shown.caller_passes(caller)),
            )
        return suspects

    async def survey(self, title: str) -> assistant.ExtractionSurvey:
        """Ask the assistant's log who got what."""
        window = assistant.SurveyExtraction(window=self.parameters.window)
        return await self.observe(title, do(assistant.survey_extraction, window))

    # The recorded branch

    def grounds(self, survey: assistant.ExtractionSurvey) -> dict[str, JsonValue]:
        """What the branch is taken on; kept, so that it is taken once."""
        told = self.intake.heard
        public = any(alert.evidence.get("disclosed") for alert in told)
        leaking = any(alert.evidence.get("canaries") for alert in told)
        leaking = leaking or any(use.canaries for use in survey.callers)
        covert = any(alert.evidence.get("covert") for alert in told) and not public
        grounds: dict[str, JsonValue] = {
            "public_disclosure": public,
            "canaries_left": leaking,
            "covert_case": covert,
            "documents": survey.documents,
            "active": public or (leaking and not covert),
        }
        kept: dict[str, JsonValue] = self.remembered("grounds", grounds)
        return kept

    async def take_branch(self, survey: assistant.ExtractionSurvey) -> bool:
        """True: revoke everything and take offline. A scoped case may be widened by people."""
        grounds = self.grounds(survey)
        if grounds["active"]:
            scores = Scores(harm=3, uncertainty=1, business_cost=2, irreversibility=0)
            return await self.may_contain(isolate_first(scores, inputs=grounds))
        self.finding("branch", "Branch: the suspected callers alone are suspended", grounds)
        return not await self.choose("Keep it scoped", gates.KEEP_SCOPED, grounds)

    # 3, 4 The brief's path: revoke everything, take it offline

    async def revoke_everything(self, suspects: list[str], facts: words.Facts) -> None:
        """The suspects' cloud keys and sessions, then the assistant, then its own access."""
        before = self.moment("sessions from before are denied")
        for caller in suspects:
            principal = self.parameters.callers[caller]
            if principal:
                await self.revoke(principal, before, facts)
        await self.take_offline()
        for own in self.parameters.credentials:
            await self.revoke(own.principal, before, facts)
        if self.record.containment is Containment.PROVEN:
            facts.contained_at = iso(self.moment("everything is contained"))

    async def take_offline(self) -> None:
        """Nobody is answered: at the gateway, and at the assistant's own door."""
        asked: dict[str, JsonValue] = {"service": self.service.name}
        if not await self.choose("Take it offline", gates.OFFLINE, asked):
            return
        close = gateway.IsolateEndpoint(route=self.parameters.route)
        everyone = [shown.caller_meets_nobody(caller) for caller in self.parameters.callers]
        await self.contain(
            CLOSE_ROUTE,
            do(gateway.isolate_endpoint, close),
            proof=self.looks(*everyone[:3]),
            undo=[do(gateway.restore_endpoint, close)],
            undo_proof=self.looks(shown.route_is_open(self.incident, self.parameters.route)),
        )
        turn = assistant.TurnAssistant()
        await self.contain(
            OFFLINE,
            do(assistant.take_offline, turn),
            proof=self.looks(shown.assistant_is(online=False)),
            undo=[do(assistant.bring_online, turn)],
            undo_proof=self.looks(shown.assistant_is(online=True)),
        )

    # 6 to 9 How much, who must know, what is said

    def facts(self, active: bool) -> words.Facts:
        """What the texts may say."""
        return words.Facts(
            case=self.incident.rpartition("-")[2][:8],
            service=self.service.name,
            opened_at=iso(self.record.opened_at),
            drill=self.drill,
            branch="everything revoked, assistant offline" if active else "scoped suspension",
        )

    async def estimate_scope(self, facts: words.Facts) -> None:
        """Two methods: marks in answers, and look-ups; where they differ it is a range."""
        facts.scope = scope = await self.survey("Estimate the scope")
        self.finding(
            "scope",
            f"Documents that left in answers: {words.extent(facts)}",
            {
                "by_marks": scope.documents,
                "by_lookups": scope.retrieved,
                "direct_access": facts.direct_access,
                "persons_and_countries": "not known: counsel's determinations",
            },
        )

    async def determine(self, facts: words.Facts) -> None:
        """Counsel decides regime by regime, negative ones too; what applies is filed."""
        for regime in self.parameters.regimes:
            applies = await self.choose(
                f"Determine {regime.id}",
                gates.determination(regime.id),
                {
                    "instrument": regime.instrument,
                    "documents": words.extent(facts),
                    "aware_candidates": self.awareness(),
                    "note": "not legal advice",
                },
            )
            facts.determinations[regime.id] = applies
            says = "a notification is due" if applies else "no notification is due"
            self.finding(f"determined {regime.id}", f"Determination {regime.id}: {says}", {})
            if applies:
                await self.file(regime, facts)

    def awareness(self) -> JsonValue:
        """When we may be held to have known: each alert and report that came, earliest first."""
        return [iso(moment) for moment in sorted(a.received_at for a in self.intake.heard)]

    async def file(self, regime: Regime, facts: words.Facts) -> None:
        """The initial, incomplete notification."""
        receipt = await self.disclose(
            f"File under {regime.id}",
            statement=f"filing/{regime.id}/initial",
            audience=regime.audience,
            subject=f"Initial notification, case {facts.case}",
            text=words.filing(facts, regime.instrument),
            agree=gates.filing(regime.id),
        )
        facts.sent.append(f"{regime.audience}: {receipt.receipt if receipt else 'not sent'}")

    async def state(self, facts: words.Facts) -> None:
        """Statements, each as two approved it."""
        for audience in self.parameters.audiences:
            receipt = await self.disclose(
                f"Tell {audience}",
                statement=f"statement/{audience}",
                audience=audience,
                subject=f"About case {facts.case}",
                text=words.statement(facts, audience),
                agree=gates.statement(audience),
            )
            facts.sent.append(f"{audience}: {receipt.receipt if receipt else 'not sent'}")

    # 10, 11 Why, and what is changed

    async def find_the_vector(self, suspects: list[str], facts: words.Facts) -> None:
        """Reproduce the leak with the suspect's own prompts, in a sandbox."""
        if not suspects:
            return
        again = await self.observe(
            "Reproduce the leak in a sandbox",
            do(assistant.replay_prompts, assistant.ReplayPrompts(caller=suspects[0])),
        )
        now = await self.observe(
            "Read the assistant's controls",
            do(assistant.read_assistant, assistant.ReadAssistant()),
        )
        if again.leaked and not now.own_permissions:
            facts.vector = "Answers are made from documents that the caller may not read."
        elif again.leaked:
            facts.vector = "Callers' permissions hold; answers are not filtered."
        else:
            facts.vector = "Not reproduced."
        data: dict[str, JsonValue] = {"leaked": again.leaked, "prompts": again.prompts}
        self.finding("vector", f"Root cause: {facts.vector}", data)

    async def tighten(self, suspects: list[str], facts: words.Facts) -> None:
        """Permissions of the caller, a filter on what goes out; the extraction fails in a replay."""
        proven = [shown.replay_leaks_nothing(caller) for caller in suspects[:3]]
        await self.destroy(
            "Apply the controls",
            do(assistant.apply_controls, assistant.ApplyControls()),
            agree=gates.CONTROLS,
            proof=lambda _: self.looks(*proven),
        )

    # 12 Re-enable

    async def re_enable(self, suspects: list[str]) -> None:
        """Start it behind its closed route, then let callers in by stages; suspects stay out."""
        p = self.parameters
        peers = [caller for caller in p.callers if caller not in suspects]
        turn, close = assistant.TurnAssistant(), gateway.IsolateEndpoint(route=p.route)
        off = do(assistant.take_offline, turn)
        started = await self.restore_in_stages(
            "Start the assistant behind its closed route",
            stages=(),
            admit=lambda _: off,
            guard=self.guard(),
            fall_back=off,
            finish=[do(assistant.bring_online, turn)],
            finished=self.looks(shown.assistant_is(online=True)),
            no_longer_watched="",
            lifts=OFFLINE,
            agree=gates.BRING_BACK,
        )
        if not started:
            return
        refused = [shown.caller_is_refused(caller) for caller in suspects[:3]]
        leaks = [shown.replay_leaks_nothing(caller) for caller in suspects[:1]]
        await self.restore_in_stages(
            "Re-enable the assistant",
            stages=p.stages,
            admit=lambda percent: do(
                gateway.admit_cohort, gateway.AdmitCohort(route=p.route, percent=percent)
            ),
            guard=self.guard(*leaks, shown.assistant_is(online=True)),
            fall_back=do(gateway.isolate_endpoint, close),
            finish=[do(gateway.restore_endpoint, close)],
            finished=self.looks(
                shown.route_is_open(self.incident, p.route),
                *refused,
                *(shown.caller_passes(peer) for peer in peers[:2]),
            ),
            no_longer_watched="",
            lifts=CLOSE_ROUTE,
            agree=gates.REENABLE,
        )

    # 13 The board

    async def report_to_the_board(self, facts: words.Facts) -> None:
        """The content, sealed; it is delivered by the board's own channel."""
        steps = {view.title: view.state.value for view in self.record.steps.values()}
        text = self.remembered("board report", words.board_report(facts, steps))
        asked: dict[str, JsonValue] = {"text": text}
        if not await self.choose("Agree on the board report", gates.BOARD, asked):
            return
        report = disclosure.SealReport(name="board report", text=text)
        await self.observe("Seal the board report", do(disclosure.seal_report, report))

    def guard(self, *checks: Check[Any, Any]) -> Proof:
        """Every look must hold; the first that does not breaks the stage."""
        p = self.parameters
        return Proof(checks, polls=p.stage_looks, every=p.stage_look_every, within=timedelta(0))
