"""The world of an exfiltration: callers' keys, cloud keys, the assistant, and what leaves as mail."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from schemas.alert import Alert
from schemas.canonical import digest_of
from schemas.evidence import Gap, Sealed
from schemas.incident import GateOverride, Service
from schemas.ports import (
    assistant,
    callers,
    clocks,
    connectors,
    credentials,
    disclosure,
    gateway,
    paging,
    sessions,
    vault,
)
from schemas.ports.port import Port
from schemas.roster import Roster
from tests.workflows.case import alert
from tests.workflows.world import World

SINCE = datetime(2026, 11, 22, 9, tzinfo=UTC)
SUSPECT, PEERS = "ck-7f3a", ("ck-19b2", "ck-c05d")
PERSON, OWN, SECRET = "p-7f3a", "p-assistant", "assistant/documents"
INSIDER = "i1"
"""Who stands behind the suspect's key, among the people of a roster."""
CONNECTIONS = (
    *("assistant", "callers", "clocks", "connectors", "credentials"),
    *("disclosure", "gateway", "pager", "sessions", "vault"),
)
MODULES = (
    *(assistant, callers, clocks, connectors, credentials),
    *(disclosure, gateway, paging, sessions, vault),
)


def assistant_service(
    gates: dict[str, GateOverride] | None = None,
    *,
    regimes: tuple[str, ...] = (),
    roster: Roster | None = None,
    **parameters: Any,
) -> Service:
    """A service with every connection and quick looks; without legal regimes, unless they are given."""
    quick: dict[str, Any] = {
        "callers": {SUSPECT: PERSON, **dict.fromkeys(PEERS, "")},
        "credentials": [{"principal": OWN, "secret": SECRET}],
        "connectors": ["wiki"],
        "persons": {SUSPECT: INSIDER},
        "authorities": {"gdpr-33": "authority", "nis2": "authority"},
        "audiences": ["researcher"],
        "look_every": 0.01,
        "look_within": 0.05,
        "frozen_for": 0.02,
        "stages": [50, 100],
        "stage_looks": 2,
        "stage_look_every": 0.01,
    }
    return Service(
        name="assistant",
        connections={name: name for name in CONNECTIONS},
        parameters=quick | parameters,
        gates=gates or {},
        regimes=regimes,
        countries=("DE",) if regimes else (),
        roster=roster,
    )


def canary(**changes: Any) -> Alert:
    """The monitor saw a canary leave to a caller."""
    named = alert(episode="canary", canaries=1.0)
    return named.model_copy(
        update={"alert_key": "canary", "labels": {"caller": SUSPECT}, **changes}
    )


def report(**evidence: float) -> Alert:
    """Someone wrote."""
    told = alert(episode="report")
    return told.model_copy(
        update={"alert_key": "report", "source": "report", "evidence": evidence, "labels": {}}
    )


@dataclass
class ExfiltrationWorld(World):
    """What an exfiltration touches."""

    blocked: set[str] = field(default_factory=set)
    cloud: dict[str, dict[str, bool]] = field(
        default_factory=lambda: {PERSON: {"AKIAINSIDER1": True}, OWN: {"AKIASERVICE1": True}}
    )
    """Principal to its keys, and whether each is in use."""
    ended: set[str] = field(default_factory=set)
    """Connectors whose access is ended."""
    last_used: dict[str, datetime] = field(default_factory=lambda: {"AKIAINSIDER1": SINCE})
    """When the cloud's record says a key was used last; it tells nothing of others."""
    signed_in: set[str] = field(default_factory=lambda: {SUSPECT, *PEERS})
    """Who has a session at the identity provider."""
    no_witness: set[str] = field(default_factory=set)
    """Whose sessions cannot be tried."""
    denied: dict[str, datetime] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: {"v1": "AKIASERVICE1"})
    current: str = "v1"
    in_use: str = "AKIASERVICE1"
    online: bool = True
    tight: bool = False
    holds: set[str] = field(default_factory=set)
    forgotten: bool = False
    """Whether the log holds no prompt any more when it is replayed."""
    door: assistant.Door | None = None
    """What its own door answers, where somebody knocks."""
    documents: int = 14
    lookups: int = 18
    canaries: int = 3
    sent: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    def ports(self) -> list[Port[Any, Any]]:
        """What this world can do."""
        return [v for m in MODULES for v in vars(m).values() if isinstance(v, Port)]

    # callers

    def block_caller(self, request: callers.BlockCaller) -> callers.CallerBlocked:
        changed = request.caller not in self.blocked
        if changed and self.change("block_caller", f"block {request.caller}"):
            self.blocked.add(request.caller)
        return callers.CallerBlocked(
            caller=request.caller, blocked=True, changed=changed, config=digest_of("c")
        )

    def unblock_caller(self, request: callers.BlockCaller) -> callers.CallerBlocked:
        self.blocked.discard(request.caller)
        return callers.CallerBlocked(
            caller=request.caller, blocked=False, changed=True, config=digest_of("c")
        )

    def read_caller(self, request: callers.ReadCaller) -> callers.CallerState:
        by = (request.incident,) if request.caller in self.blocked else ()
        return callers.CallerState(caller=request.caller, blocked_by=by)

    def try_caller(self, request: callers.TryCaller) -> callers.CallerTried:
        closed = self.isolated.get("assistant") is not None or not self.online
        status = 503 if closed else 403 if request.caller in self.blocked else 200
        return callers.CallerTried(caller=request.caller, status=status)

    # connectors

    def revoke_connector(self, request: connectors.RevokeConnector) -> connectors.ConnectorRevoked:
        changed = request.connector not in self.ended
        if changed and self.change("revoke_connector", f"end {request.connector}"):
            self.ended.add(request.connector)
        return connectors.ConnectorRevoked(connector=request.connector, changed=changed)

    def end_sessions(self, request: sessions.EndSessions) -> sessions.SessionsEnded:
        if self.change("end_sessions", f"end the sessions of {request.subject}"):
            self.signed_in.discard(request.subject)
        return sessions.SessionsEnded(subject=request.subject)

    def try_session(self, request: sessions.TrySession) -> sessions.SessionTried:
        if request.lived is False:
            raise ApplicationError("nothing to try", type="BadInput", non_retryable=True)
        known = request.subject not in self.no_witness
        answer: sessions.Answer = "accepted" if request.subject in self.signed_in else "refused"
        return sessions.SessionTried(subject=request.subject, answer=answer if known else None)

    def try_connector(self, request: connectors.TryConnector) -> connectors.ConnectorTried:
        alive = request.connector not in self.ended
        return connectors.ConnectorTried(
            connector=request.connector, active=alive, status=200 if alive else 401
        )

    # credentials

    def list_keys(self, request: credentials.ListKeys) -> credentials.Keys:
        keys = self.cloud[request.principal]
        return credentials.Keys(
            principal=request.principal,
            keys=tuple(
                credentials.Key(key_id=k, active=on, created_at=SINCE) for k, on in keys.items()
            ),
        )

    def deactivate_key(self, request: credentials.TurnKey) -> credentials.KeyTurned:
        return self._turn("deactivate_key", request, active=False)

    def reactivate_key(self, request: credentials.TurnKey) -> credentials.KeyTurned:
        return self._turn("reactivate_key", request, active=True)

    def _turn(
        self, port: str, request: credentials.TurnKey, *, active: bool
    ) -> credentials.KeyTurned:
        keys = self.cloud[request.principal]
        changed = keys[request.key_id] != active
        if changed and self.change(port, f"{port} {request.key_id}"):
            keys[request.key_id] = active
        return credentials.KeyTurned(
            principal=request.principal, key_id=request.key_id, active=active, changed=changed
        )

    def knock_with_key(self, request: credentials.KnockWithKey) -> credentials.Knocked:
        live = {k for keys in self.cloud.values() for k, on in keys.items() if on}
        return credentials.Knocked(key_id=request.key_id, accepted=request.key_id in live)

    def read_last_use(self, request: credentials.ReadLastUse) -> credentials.LastUse:
        used = self.last_used.get(request.key_id)
        return credentials.LastUse(key_id=request.key_id, last_used_at=used)

    def deny_older_sessions(
        self, request: credentials.DenyOlderSessions
    ) -> credentials.SessionsDenied:
        if self.change("deny_older_sessions", f"deny sessions of {request.principal}"):
            self.denied[request.principal] = request.before
        return credentials.SessionsDenied(principal=request.principal, denied=True, changed=True)

    def allow_older_sessions(
        self, request: credentials.DenyOlderSessions
    ) -> credentials.SessionsDenied:
        if "allow_older_sessions" not in self.lie:
            self.denied.pop(request.principal, None)
        return credentials.SessionsDenied(principal=request.principal, denied=False, changed=True)

    def read_sessions(self, request: credentials.ReadSessions) -> credentials.SessionsState:
        return credentials.SessionsState(
            principal=request.principal, denied_before=self.denied.get(request.principal)
        )

    def create_key(self, request: credentials.CreateKey) -> credentials.NewKey:
        version = digest_of(request.rotation)[7:20]
        changed = version not in self.versions
        if changed and self.change("create_key", f"create key for {request.principal}"):
            made = f"AKIANEW{len(self.versions)}"
            self.versions[version] = made
            self.cloud[request.principal][made] = True
        return credentials.NewKey(
            principal=request.principal,
            key_id=self.versions.get(version, "AKIANOWHERE"),
            secret=request.secret,
            version=version,
            changed=changed,
        )

    def distribute_key(self, request: credentials.DistributeKey) -> credentials.Distributed:
        changed = self.current != request.version
        if changed and self.change("distribute_key", "distribute"):
            self.current = request.version
        return credentials.Distributed(
            secret=request.secret,
            version=request.version,
            key_id=self.versions[request.version],
            changed=changed,
        )

    def try_secret(self, request: credentials.TrySecret) -> credentials.SecretTried:
        key_id = self.versions[self.current]
        accepted = self.cloud[OWN].get(key_id, False)
        return credentials.SecretTried(
            key_id=key_id, accepted=accepted, principal=OWN if accepted else None
        )

    def retire_keys(self, request: credentials.RetireKeys) -> credentials.KeysRetired:
        keys = self.cloud[request.principal]
        others = [k for k in keys if k != request.keep]
        changed = sum(keys[k] for k in others)
        if self.change("retire_keys", "retire"):
            keys.update(dict.fromkeys(others, False))
        return credentials.KeysRetired(
            principal=request.principal,
            kept=request.keep,
            retired=tuple(others),
            changed=changed,
        )

    def delete_key(self, request: credentials.TurnKey) -> credentials.KeyDeleted:
        keys = self.cloud[request.principal]
        if keys.get(request.key_id):
            raise ApplicationError("in use", type="BadInput", non_retryable=True)
        there = request.key_id in keys
        if there and self.change("delete_key", f"delete {request.key_id}"):
            del keys[request.key_id]
        return credentials.KeyDeleted(
            principal=request.principal, key_id=request.key_id, changed=there
        )

    def seal_credentials(self, request: credentials.SealCredentials) -> Sealed:
        return self.sealed("identities")

    # assistant

    def state(self) -> assistant.AssistantState:
        return assistant.AssistantState(
            online=self.online,
            key_id=self.in_use,
            own_permissions=self.tight,
            filters_output=self.tight,
            holds=tuple(self.holds),
            door=self.door,
        )

    def take_offline(self, request: assistant.TurnAssistant) -> assistant.AssistantState:
        if self.change("take_offline", "offline"):
            self.online = False
        return self.state()

    def bring_online(self, request: assistant.TurnAssistant) -> assistant.AssistantState:
        if self.change("bring_online", "online"):
            self.online = True
        return self.state()

    def read_assistant(self, request: assistant.ReadAssistant) -> assistant.AssistantState:
        return self.state()

    def reload_credentials(self, request: assistant.ReloadCredentials) -> assistant.AssistantState:
        if self.change("reload_credentials", "reload"):
            self.in_use = self.versions[self.current]
        return self.state()

    def hold_logs(self, request: assistant.HoldLogs) -> assistant.AssistantState:
        if "hold_logs" not in self.lie:
            self.holds.add(request.incident)
        return self.state()

    def survey_extraction(self, request: assistant.SurveyExtraction) -> assistant.ExtractionSurvey:
        use = assistant.CallerUse(
            caller=SUSPECT,
            prompts=20,
            fingerprints=self.documents,
            canaries=self.canaries,
            retrieved=self.lookups,
            first_at=SINCE,
            last_at=SINCE,
        )
        return assistant.ExtractionSurvey(
            prompts=60,
            callers=(use,) if self.documents else (),
            documents=self.documents,
            retrieved=self.lookups,
        )

    def replay_prompts(self, request: assistant.ReplayPrompts) -> assistant.Replayed:
        leaked = 0 if self.tight or self.forgotten else self.documents
        asked = 0 if self.forgotten else 20
        return assistant.Replayed(prompts=asked, leaked=leaked, canaries=leaked // 3, answered=1.0)

    def apply_controls(self, request: assistant.ApplyControls) -> assistant.AssistantState:
        if self.change("apply_controls", "controls"):
            self.tight = True
        return self.state()

    def seal_assistant(self, request: assistant.SealAssistant) -> Sealed:
        sealed = self.sealed("prompts and answers")
        return sealed.model_copy(update={"gaps": (Gap(name="memory", reason="it keeps none"),)})

    # disclosure

    def send_disclosure(self, request: disclosure.Disclose) -> disclosure.Receipt:
        changed = request.statement not in self.sent
        if changed and self.change("send_disclosure", f"send {request.statement}"):
            self.sent[request.statement] = request.text_digest
            self.texts.append(request.text)
        return disclosure.Receipt(
            receipt=f"receipt-{request.statement}",
            audience=request.audience,
            text_digest=request.text_digest,
            sealed=digest_of(request.text),
            changed=changed,
        )

    def read_disclosure(self, request: disclosure.ReadDisclosure) -> disclosure.Disclosed:
        return disclosure.Disclosed(text_digest=self.sent.get(request.statement))

    def seal_report(self, request: disclosure.SealReport) -> disclosure.ReportSealed:
        self.reports.append(request.text)
        return disclosure.ReportSealed(digest=digest_of(request.text), size=len(request.text))
