"""AWS IAM users' access keys and Secrets Manager: out of use, shown so, and replaced, crash-safe.

Law: every act reads before it writes, so it may be cut off anywhere and repeated. A key is known
dead without its secret: signed with a made-up one, a live key answers ``SignatureDoesNotMatch`` and
a dead one ``InvalidClientTokenId``. AWS shows a new secret once; a key whose maker died before
storing it can be used by nobody, so the next attempt sweeps it away and makes the one that stays.
Keys that were there before the rotation began, or were ever used, are never swept.

Needs ``iam:*AccessKey*``, ``iam:*UserPolicy``, ``iam:*UserTags``/``TagUser``, and for rotated
secrets ``secretsmanager:GetSecretValue``, ``PutSecretValue``, ``DescribeSecret`` and
``UpdateSecretVersionStage``; ``cloudtrail:LookupEvents`` to seal what the keys did.
"""

import json
import secrets as dice
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from botocore.exceptions import ClientError

from activities.parts.aws_client import WHERE, Aws, code_of
from activities.parts.aws_evidence import snapshot
from activities.parts.aws_keys import AccessKeys, last_used
from activities.parts.aws_rotation import Rotation, stored_key
from activities.parts.aws_sessions import denial, denied_before, policy_name
from activities.parts.aws_trail import NAME as TRAIL
from activities.parts.aws_trail import read_trail
from activities.parts.aws_witness import Witness
from activities.parts.http import Address
from hemostat.settings import Duration, SecretRef
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import HemostatError, SystemUnreachable
from schemas.evidence import EvidenceItem, Sealed
from schemas.ports import credentials as ports
from schemas.ports.port import fulfils

_DEAD: Final = frozenset(
    {"InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"}
)
_ALIVE: Final = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException"})


class Connection(Frozen):
    """``[connections.NAME]``: an account; *witnesses* are old sessions to try, by principal.

    A witness is JSON: ``access_key_id``, ``secret_access_key``, ``session_token`` and a ``bucket``
    that the principal may list. What CloudTrail has of the last *trail_window* is sealed.
    """

    adapter: Literal["credentials_aws"]
    access_key_id: SecretRef
    secret_access_key: SecretRef
    region: str = "us-east-1"
    endpoint_url: Address | None = None
    witnesses: dict[Name, SecretRef] = {}
    trail_window: Duration = timedelta(days=1)
    timeout_seconds: float = 5


class CredentialsAws:
    """The IAM users of one account and the secrets that hold their keys."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._aws = Aws(
            endpoint_url=connection.endpoint_url,
            region=connection.region,
            access_key_id=connection.access_key_id,
            secret_access_key=connection.secret_access_key,
            seconds=connection.timeout_seconds,
        )

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._aws.close()

    async def check(self) -> list[str]:
        """Say whether AWS accepts our own credential, and each witness: else it shows nothing."""
        problems = []
        try:
            await self._aws.run(lambda: self._aws.client("sts").get_caller_identity())
        except HemostatError as error:
            problems.append(str(error))
        for principal, reference in self.connection.witnesses.items():
            try:
                witness = Witness(principal, reference)
                problem = await self._aws.run(partial(witness.problem, self._aws.as_another))
            except HemostatError as error:
                problem = str(error)
            problems += [problem] if problem else []
        return problems

    @fulfils(ports.list_keys)
    async def list_keys(self, request: ports.ListKeys) -> ports.Keys:
        """Read the keys with when each was used last."""
        return await self._aws.run(lambda: self._of(request.principal).listed())

    @fulfils(ports.deactivate_key)
    async def deactivate_key(self, request: ports.TurnKey) -> ports.KeyTurned:
        """Set the key Inactive."""
        of = self._of
        return await self._aws.run(lambda: of(request.principal).turn(request.key_id, active=False))

    @fulfils(ports.reactivate_key)
    async def reactivate_key(self, request: ports.TurnKey) -> ports.KeyTurned:
        """Set the key Active."""
        of = self._of
        return await self._aws.run(lambda: of(request.principal).turn(request.key_id, active=True))

    @fulfils(ports.knock_with_key)
    async def knock_with_key(self, request: ports.KnockWithKey) -> ports.Knocked:
        """Sign with a made-up secret: which refusal comes back tells whether the key lives."""

        def knock() -> ports.Knocked:
            answered = self._identity(request.key_id, dice.token_hex(20))
            if answered in _DEAD:
                return ports.Knocked(key_id=request.key_id, accepted=False)
            if answered in _ALIVE:
                return ports.Knocked(key_id=request.key_id, accepted=True)
            raise SystemUnreachable("the answer to a knock tells nothing", where=WHERE)

        return await self._aws.run(knock)

    @fulfils(ports.read_last_use)
    async def read_last_use(self, request: ports.ReadLastUse) -> ports.LastUse:
        """Read ``LastUsedDate``; AWS leaves it out for a key that it saw no use of."""

        def read() -> ports.LastUse:
            used = last_used(self._aws.client("iam"), request.key_id)
            return ports.LastUse(key_id=request.key_id, last_used_at=used)

        return await self._aws.run(read)

    @fulfils(ports.deny_older_sessions)
    async def deny_older_sessions(self, request: ports.DenyOlderSessions) -> ports.SessionsDenied:
        """Put an inline policy that denies by ``aws:TokenIssueTime``, one an incident."""

        def deny() -> ports.SessionsDenied:
            wanted = denial(request.before)
            changed = self._policy(request.principal, request.incident) != wanted
            if changed:
                self._aws.client("iam").put_user_policy(
                    UserName=request.principal,
                    PolicyName=policy_name(request.incident),
                    PolicyDocument=json.dumps(wanted),
                )
            return ports.SessionsDenied(principal=request.principal, denied=True, changed=changed)

        return await self._aws.run(deny)

    @fulfils(ports.allow_older_sessions)
    async def allow_older_sessions(self, request: ports.DenyOlderSessions) -> ports.SessionsDenied:
        """Delete this incident's policy."""

        def allow() -> ports.SessionsDenied:
            changed = self._policy(request.principal, request.incident) is not None
            if changed:
                self._aws.client("iam").delete_user_policy(
                    UserName=request.principal, PolicyName=policy_name(request.incident)
                )
            return ports.SessionsDenied(principal=request.principal, denied=False, changed=changed)

        return await self._aws.run(allow)

    @fulfils(ports.read_sessions)
    async def read_sessions(self, request: ports.ReadSessions) -> ports.SessionsState:
        """Read the policy back, and use the witness if there is one."""

        def read() -> ports.SessionsState:
            return ports.SessionsState(
                principal=request.principal,
                denied_before=denied_before(self._policy(request.principal, request.incident)),
                witness_accepted=self._try_witness(request.principal),
            )

        return await self._aws.run(read)

    @fulfils(ports.create_key)
    async def create_key(self, request: ports.CreateKey) -> ports.NewKey:
        """Make or find the rotation's key; see ``activities.parts.aws_rotation``."""
        rotation = Rotation(self._aws.client, request.principal, request.secret, request.rotation)
        return await self._aws.run(rotation.carry_out)

    @fulfils(ports.distribute_key)
    async def distribute_key(self, request: ports.DistributeKey) -> ports.Distributed:
        """Move ``AWSCURRENT`` to the version; the one from before stays as ``AWSPREVIOUS``."""

        def distribute() -> ports.Distributed:
            client = self._aws.client("secretsmanager")
            key_id, _ = stored_key(client, request.secret, VersionId=request.version)
            stages = client.describe_secret(SecretId=request.secret)["VersionIdsToStages"]
            current = next((v for v, names in stages.items() if "AWSCURRENT" in names), None)
            if current != request.version:
                client.update_secret_version_stage(
                    SecretId=request.secret,
                    VersionStage="AWSCURRENT",
                    MoveToVersionId=request.version,
                    **({"RemoveFromVersionId": current} if current else {}),
                )
            return ports.Distributed(
                secret=request.secret,
                version=request.version,
                key_id=key_id,
                changed=current != request.version,
            )

        return await self._aws.run(distribute)

    @fulfils(ports.try_secret)
    async def try_secret(self, request: ports.TrySecret) -> ports.SecretTried:
        """Ask STS who we are with the key that ``AWSCURRENT`` holds."""

        def attempt() -> ports.SecretTried:
            client = self._aws.client("secretsmanager")
            key_id, secret = stored_key(client, request.secret, VersionStage="AWSCURRENT")
            answered = self._identity(key_id, secret)
            accepted = answered.startswith("arn:")
            principal = answered.rpartition("/")[2] if accepted else None
            return ports.SecretTried(key_id=key_id, accepted=accepted, principal=principal)

        return await self._aws.run(attempt)

    @fulfils(ports.retire_keys)
    async def retire_keys(self, request: ports.RetireKeys) -> ports.KeysRetired:
        """Set every other key Inactive; refused if the one to keep does not work."""
        of = self._of
        return await self._aws.run(lambda: of(request.principal).keep_only(request.keep))

    @fulfils(ports.delete_key)
    async def delete_key(self, request: ports.TurnKey) -> ports.KeyDeleted:
        """Delete the key; refused while it is Active."""
        of = self._of
        return await self._aws.run(lambda: of(request.principal).delete(request.key_id))

    @fulfils(ports.seal_credentials)
    async def seal_credentials(self, request: ports.SealCredentials) -> Sealed:
        """Seal keys, policies, groups and stages, and what CloudTrail has of those keys."""
        state, lacking = await self._aws.run(
            lambda: snapshot(self._aws.client, request.principals, request.secrets)
        )
        held = await self._seal(
            state,
            "cloud identities and permissions",
            "IAM and Secrets Manager read calls, without secret values",
        )
        now = datetime.now(UTC)
        since = now - self.connection.trail_window
        keys = {
            name: [str(key["key_id"]) for key in found["keys"]]
            for name, found in state["principals"].items()
        }
        trail = await self._aws.run(
            lambda: read_trail(
                self._aws.client("cloudtrail"),
                keys,
                since=since,
                now=now,
                region=self.connection.region,
            )
        )
        document = {"since": since.isoformat(), "keys": keys, "events": trail.events}
        events = await self._seal(document, TRAIL, "CloudTrail LookupEvents by principal and key")
        return Sealed(items=(held, events), gaps=(*lacking, *trail.gaps))

    async def _seal(self, content: object, name: str, method: str) -> EvidenceItem:
        return await self._vault.put(
            json.dumps(content, sort_keys=True, default=str).encode(),
            media_type="application/json",
            name=name,
            source="aws",
            method=method,
        )

    def _of(self, principal: str) -> AccessKeys:
        return AccessKeys(self._aws.client("iam"), principal)

    def _identity(self, key_id: str, secret: str, token: str | None = None) -> str:
        """The ARN that STS knows the credential by, or the code of the refusal."""
        client = self._aws.as_another("sts", key_id, secret, token)
        try:
            return str(client.get_caller_identity()["Arn"])
        except ClientError as error:
            if (error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 500) >= 500:
                raise
            return code_of(error)
        finally:
            client.close()

    def _policy(self, principal: str, incident: str) -> Any:
        try:
            return self._aws.client("iam").get_user_policy(
                UserName=principal, PolicyName=policy_name(incident)
            )["PolicyDocument"]
        except ClientError as error:
            if code_of(error) == "NoSuchEntity":
                return None
            raise

    def _try_witness(self, principal: str) -> bool | None:
        reference = self.connection.witnesses.get(principal)
        return Witness(principal, reference).accepted(self._aws.as_another) if reference else None
