"""An image moderation service that offers the moderation admin contract, and its public edge.

Law: no picture leaves by any answer, error or log. Originals are fetched one by one only to be
locked into the restricted area of the vault; flagged ones are not fetched at all. Containment is
probed through the public edge as an uploader, with sets that are pinned by digest.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import quote

from pydantic import Field
from temporalio import activity

from activities.parts import moderation_answers as said
from activities.parts.http import Address, Answer, FileRef, Http
from activities.parts.moderation_edge import Edge
from activities.parts.moderation_evidence import Evidence
from activities.parts.picture_set import picture_set, weak_sets
from activities.parts.sealed_originals import Restricted
from activities.parts.sight import Sight
from hemostat.settings import Duration, SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Digest, Frozen, iso
from schemas.errors import (
    BadInput,
    ConflictingChange,
    HemostatError,
    SystemUnreachable,
)
from schemas.evidence import Sealed
from schemas.ports import moderation as ports
from schemas.ports.port import fulfils

_ACCOUNTS: Final = 500
"""So many are named and blocked; how many more there are is told."""


class Connection(Frozen):
    """``[connections.NAME]``: the service's own address, its public edge, the pinned sets.

    ``evidence_key`` locks the originals; hold it where Trust & Safety can read it, and no one else.
    """

    adapter: Literal["moderation_http"]
    service: Address
    edge: Address
    admin_token: SecretRef
    evidence_key: SecretRef
    adversarial_set: FileRef
    adversarial_set_digest: Digest
    benign_set: FileRef
    benign_set_digest: Digest
    upload_path: str = "/v1/moderate"
    account_header: str = "X-Account"
    probe_account: str = "hemostat-probe"
    headers: dict[str, str] = {"X-Traffic": "probe"}
    decided_by_header: str = "X-Moderation"
    watch_seconds: float = Field(default=5, gt=0, le=5)
    blind_after: Duration = timedelta(minutes=15)
    """After so long without an answer nobody calls it watched any more."""
    timeout_seconds: float = Field(default=10, gt=0, le=15)


class ModerationHttp:
    """One moderation service."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._service = Http(
            "moderation service",
            connection.service,
            authorization=lambda: f"Bearer {read_secret(connection.admin_token)}",
            seconds=connection.timeout_seconds,
        )
        self._edge = Edge(
            Http("edge", connection.edge, seconds=connection.timeout_seconds, keep_alive=False),
            path=connection.upload_path,
            headers=connection.headers,
            account=(connection.account_header, connection.probe_account),
            decided_by=connection.decided_by_header,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()
        await self._edge.aclose()

    async def check(self) -> list[str]:
        """Say what does not answer, which set is not sound, and whether originals can be locked."""
        problems = []
        try:
            await self._mode()
        except HemostatError as error:
            problems.append(str(error))
        try:
            adversarial, benign = self._sets()
            problems += weak_sets(adversarial, benign)
            Restricted.by(self.connection.evidence_key)
        except HemostatError as error:
            problems.append(str(error))
        return problems

    # Modes

    @fulfils(ports.set_moderation_mode)
    async def set_moderation_mode(self, request: ports.SetMode) -> ports.ModerationMode:
        """Write unless it is so already, and read back."""
        before = await self._mode()
        wanted = sorted(request.blocklist)
        if before.mode == request.mode and sorted(before.blocklist) == wanted:
            return _mode(before, changed=False)
        content = {"mode": request.mode, "blocklist": wanted}
        await self._service.ask("PUT", "/admin/mode", content=content)
        after = await self._mode()
        if after.mode != request.mode or sorted(after.blocklist) != wanted:
            raise _without_effect()
        return _mode(after, changed=True)

    @fulfils(ports.admit_canary)
    async def admit_canary(self, request: ports.AdmitCanary) -> ports.ModerationMode:
        """Write unless it is so already, and read back."""
        before = await self._mode()
        wanted = (request.version if request.percent else None, request.percent)
        if (before.canary_version, before.canary_percent) == wanted:
            return _mode(before, changed=False)
        content = {"version": request.version, "percent": request.percent}
        await self._known("PUT", "/admin/canary", content)
        after = await self._mode()
        if (after.canary_version, after.canary_percent) != wanted:
            raise _without_effect()
        return _mode(after, changed=True)

    @fulfils(ports.promote_version)
    async def promote_version(self, request: ports.PromoteVersion) -> ports.ModerationMode:
        """Write unless it is so already, and read back."""
        before = await self._mode()
        if (before.mode, before.champion) == ("auto", request.version):
            return _mode(before, changed=False)
        await self._known("POST", "/admin/promote", {"version": request.version})
        after = await self._mode()
        if (after.mode, after.champion) != ("auto", request.version):
            raise _without_effect()
        return _mode(after, changed=True)

    @fulfils(ports.read_moderation)
    async def read_moderation(self, request: ports.ReadModeration) -> ports.ModerationState:
        """Read mode and signals."""
        params = {"since": iso(request.since)} if request.since else None
        mode = await self._mode()
        answer = await self._service.ask("GET", "/admin/signals", params=params)
        signals = answer.parse(said.SignalsAnswer)
        return ports.ModerationState(mode=mode.mode, champion=mode.champion, **signals.model_dump())

    # From outside

    @fulfils(ports.probe_sets)
    async def probe_sets(self, request: ports.ProbeSets) -> ports.SetsProbed:
        """Upload each picture of both sets once, each as another account."""
        return await self._edge.probe(*self._sets())

    # What happened

    @fulfils(ports.identify_pattern)
    async def identify_pattern(self, request: ports.IdentifyPattern) -> ports.Pattern:
        """Let the service look: pictures stay where they are."""
        found = await self._pattern(request.window)
        cluster = found.cluster
        fields = found.model_dump(exclude={"cluster", "accounts", "digests"})
        if cluster is None:
            return ports.Pattern(misses=found.misses)
        return ports.Pattern(
            **fields,
            cluster=cluster.id,
            items=cluster.items,
            phash=cluster.phash,
            hamming_max=cluster.hamming_max,
            accounts=tuple(found.accounts[:_ACCOUNTS]),
            more_accounts=max(len(found.accounts) - _ACCOUNTS, 0),
            digests=tuple(found.digests[:200]),
        )

    @fulfils(ports.seal_moderation)
    async def seal_moderation(self, request: ports.SealModeration) -> Sealed:
        """Seal what is known, then lock the originals one by one; each gap is declared."""
        pattern = await self._pattern(request.window)
        flagged = [row.digest for row in await self._flagged()]
        signals = await self._service.ask("GET", "/admin/signals")
        mode = await self._mode()
        state = {
            "mode": mode.model_dump(),
            "signals": signals.json(),
            "pattern": pattern.model_dump(mode="json"),
            "flagged": flagged,
        }
        restricted = Restricted.by(self.connection.evidence_key)
        evidence = Evidence(self._vault, self._service, restricted)
        return await evidence.seal(state, pattern.digests, flagged, most=request.originals)

    # The sweep

    @fulfils(ports.count_approvals)
    async def count_approvals(self, request: ports.ApprovalWindow) -> ports.Approvals:
        """Ask the service."""
        params = {"from": iso(request.start), "to": iso(request.end)}
        answer = await self._service.ask("GET", "/admin/approvals", params=params)
        return _approvals(answer)

    @fulfils(ports.rescan_approvals)
    async def rescan_approvals(self, request: ports.RescanApprovals) -> ports.Approvals:
        """Ask the service; what was re-scanned is not re-scanned again."""
        content = {"from": iso(request.start), "to": iso(request.end), "key": request.key}
        answer = await self._service.ask("POST", "/admin/rescan", content=content, seconds=280)
        return _approvals(answer)

    # Hardening

    @fulfils(ports.find_adversarial_set)
    async def find_adversarial_set(self, request: ports.FindAdversarialSet) -> ports.AdversarialSet:
        """Ask for it; one that nobody validated, or of another digest, is not found."""
        path = f"/admin/sets/{quote(request.digest, safe='')}"
        answer = await self._service.ask("GET", path, expect=(200, 400, 404))
        if answer.status != 200:
            return ports.AdversarialSet(found=False)
        found = answer.parse(said.SetAnswer)
        if found.validated_at and found.validated_at > datetime.now(UTC):
            found = found.model_copy(update={"validated_at": None})  # nobody validated it yet
        return ports.AdversarialSet(
            found=found.digest == request.digest,
            **found.model_dump(exclude={"digest"}),
        )

    @fulfils(ports.retrain_hardened)
    async def retrain_hardened(self, request: ports.RetrainHardened) -> ports.Hardened:
        """Train at the service, which trains once for one key."""
        content = {"key": request.key, "set": request.set_digest}
        return await self._hardened("/admin/retrain", content, request.set_digest, 1700)

    @fulfils(ports.evaluate_hardened)
    async def evaluate_hardened(self, request: ports.EvaluateHardened) -> ports.Hardened:
        """Evaluate at the service."""
        content = {"version": request.version, "set": request.set_digest}
        made = await self._hardened("/admin/evaluate", content, request.set_digest, 280)
        if made.version != request.version:
            raise SystemUnreachable("evaluated another version", where="moderation service")
        return made

    # Flagged items

    @fulfils(ports.watch_flagged)
    async def watch_flagged(self, request: ports.WatchFlagged) -> ports.Flagged:
        """Look every ``watch_seconds``; one that stays silent is not watched, and that is told."""
        sight = Sight("moderation service", self.connection.blind_after)
        while True:
            activity.heartbeat()
            try:
                found = await self.read_flagged(ports.ReadFlagged())
            except SystemUnreachable:
                sight.missed()
            else:
                sight.saw()
                if {item.digest for item in found.items} - set(request.known):
                    return found
            await asyncio.sleep(self.connection.watch_seconds)

    @fulfils(ports.read_flagged)
    async def read_flagged(self, request: ports.ReadFlagged) -> ports.Flagged:
        """Ask for hashes and whether they are held."""
        rows = await self._flagged()
        items = tuple(ports.FlaggedItem(digest=row.digest, held=row.held) for row in rows)
        return ports.Flagged(items=items)

    @fulfils(ports.preserve_items)
    async def preserve_items(self, request: ports.PreserveItems) -> ports.Preserved:
        """Ask the service to hold them; holding twice is holding."""
        content = {"digests": list(request.digests)}
        answer = await self._service.ask("POST", "/admin/preserve", content=content)
        return ports.Preserved(held=answer.parse(said.HeldAnswer).held)

    async def _mode(self) -> said.ModeAnswer:
        return (await self._service.ask("GET", "/admin/mode")).parse(said.ModeAnswer)

    async def _flagged(self) -> list[said.FlaggedRow]:
        return (await self._service.ask("GET", "/admin/flagged")).parse(said.FlaggedAnswer).rows

    async def _pattern(self, window: Any) -> said.PatternAnswer:
        content = {"since": iso(datetime.now(UTC) - window)}
        answer = await self._service.ask("POST", "/admin/patterns", content=content, seconds=50)
        return answer.parse(said.PatternAnswer)

    async def _known(self, method: str, path: str, content: dict[str, Any]) -> None:
        answer = await self._service.ask(method, path, content=content, expect=(200, 404))
        if answer.status == 404:
            raise BadInput("the service has no such version", where="moderation service")

    async def _hardened(
        self, path: str, content: dict[str, Any], digest: str, seconds: float
    ) -> ports.Hardened:
        answer = await self._service.ask(
            "POST", path, content=content, expect=(200, 400, 404), seconds=seconds
        )
        if answer.status != 200:
            raise BadInput(
                "the service has no such version, or no such validated set",
                where="moderation service",
            )
        made = answer.parse(said.HardenedAnswer)
        if made.set != digest:
            raise SystemUnreachable("used another set", where="moderation service")
        return ports.Hardened(**made.model_dump(exclude={"set"}))

    def _sets(self) -> tuple[list[bytes], list[bytes]]:
        c = self.connection
        return (
            picture_set(c.adversarial_set, c.adversarial_set_digest),
            picture_set(c.benign_set, c.benign_set_digest),
        )


def _mode(now: said.ModeAnswer, *, changed: bool) -> ports.ModerationMode:
    return ports.ModerationMode(
        **now.model_dump(exclude={"blocklist"}), blocklist=len(now.blocklist), changed=changed
    )


def _approvals(answer: Answer) -> ports.Approvals:
    return ports.Approvals(**answer.parse(said.ApprovalsAnswer).model_dump())


def _without_effect() -> ConflictingChange:
    return ConflictingChange(
        "the service took the change, and does not show it", where="moderation service"
    )
