"""What a cloud, an assistant and its edge went through.

Calls that change something are counted by proxies on the way; which keys are there and which of
them works is asked of the cloud itself, as its root; mails are what lies in the outbox.
"""

import asyncio
import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from hemostat.drill.range.exfiltration.range import (
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT_PRINCIPAL,
    ExfiltrationRange,
)
from hemostat.drill.range.standins.standin import Control
from tests.crash.outside import Asking, Effects, addressees, change, empty, gateway_changes, told
from tests.crash.proxy import Exchange, Proxy

PRINCIPALS = (SUSPECT_PRINCIPAL, SERVICE_PRINCIPAL)
_CHANGES = {
    *("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "PutUserPolicy"),
    *("DeleteUserPolicy", "PutSecretValue", "UpdateSecretVersionStage"),
}
"""What is counted; tags are a rotation's own notes and may be written again."""


class ExfiltrationOutside(Asking[ExfiltrationRange]):
    """An assistant and its cloud as a stranger would ask them."""

    def __init__(
        self,
        attacked: ExfiltrationRange,
        proxies: Mapping[str, Proxy],
        pagerduty: Control,
        servicenow: Control,
    ) -> None:
        super().__init__(attacked, proxies, pagerduty, servicenow)
        self._iam = attacked.cloud.client("iam")
        self._secrets = attacked.cloud.client("secretsmanager")
        self._outbox = attacked.state / "outbox"

    async def remember(self) -> None:
        """Note how things are after the attack."""
        self._open = await self._configuration()

    async def reset(self) -> None:
        """Drained again: fresh keys in the same hands, an older session, all of it open."""
        await asyncio.to_thread(self._renew)
        assistant = self._range.assistant_url
        await self._ask("POST", f"{assistant}/admin/credentials/reload", json={})
        as_shipped = {"online": True, "acl": False, "output_filter": False}
        await self._ask("PUT", f"{assistant}/admin/state", json=as_shipped)
        await self._open_again(self._open)
        empty(self._outbox)
        await self._grant()
        for proxy in self._proxies.values():
            proxy.exchanges.clear()

    async def _grant(self) -> None:
        """Give the connector its access anew: for the wiki that is another life."""
        premises = self._range._premises
        (wiki,) = (child for child in premises._children if child.name == "wiki")
        await wiki.stop()
        premises.disown(wiki)
        await self._range._start_wiki(int(self._range.wiki_url.rpartition(":")[2]))

    def _renew(self) -> None:
        for principal in PRINCIPALS:
            for name in self._policies(principal):
                self._iam.delete_user_policy(UserName=principal, PolicyName=name)
            for key in self._keys(principal):
                self._iam.delete_access_key(UserName=principal, AccessKeyId=key["AccessKeyId"])
        self._range.suspect_key = self._new_key(SUSPECT_PRINCIPAL)
        self._range.service_key = self._new_key(SERVICE_PRINCIPAL)
        held = json.dumps(self._range.service_key)
        self._secrets.put_secret_value(SecretId=SECRET, SecretString=held)
        witness = {**self._range._session(), "bucket": "documents"}
        self._range.secret_file("witness", json.dumps(witness))
        self._versions = set(self._stages())

    def _new_key(self, principal: str) -> dict[str, str]:
        made = self._iam.create_access_key(UserName=principal)["AccessKey"]
        return {
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
        }

    async def effects(self, incident: str) -> Effects:
        """All that happened since ``reset``, in terms that are the same for every incident."""
        gateway = json.dumps(await self._configuration(), sort_keys=True)
        state = (await self._ask("GET", f"{self._range.assistant_url}/admin/state")).json()
        return {
            **await asyncio.to_thread(self._cloud),
            "cloud changes": [
                what for e in self._proxies["cloud"].exchanges if (what := _change(e))
            ],
            "assistant": self._switched(),
            "connector revoked": sum(
                e.path.endswith("/revoke") for e in self._proxies["wiki"].writes()
            ),
            "the log is held": incident in state["holds"],
            "mails": addressees(self._outbox),
            "gateway changes": gateway_changes(self._proxies["caddy"]),
            "gateway left": gateway.replace(incident, "INCIDENT"),
            **await told(self._pagerduty, self._servicenow, incident),
        }

    def _cloud(self) -> Effects:
        """Keys, policies and the secret, as root sees them."""
        held = json.loads(self._secrets.get_secret_value(SecretId=SECRET)["SecretString"])
        known = {
            self._range.suspect_key["access_key_id"]: "insider's",
            self._range.service_key["access_key_id"]: "old",
        }
        keys = {
            principal: sorted(
                (known.get(key["AccessKeyId"], "new"), key["Status"])
                for key in self._keys(principal)
            )
            for principal in PRINCIPALS
        }
        active = [
            k["AccessKeyId"] for k in self._keys(SERVICE_PRINCIPAL) if k["Status"] == "Active"
        ]
        return {
            "keys": keys,
            "denials": {principal: len(self._policies(principal)) for principal in PRINCIPALS},
            "secret versions made": len(set(self._stages()) - self._versions),
            "the secret holds the one key that works": active == [held["access_key_id"]],
            "notes left on the principal": len(
                self._iam.list_user_tags(UserName=SERVICE_PRINCIPAL)["Tags"]
            ),
        }

    def _keys(self, principal: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._iam.list_access_keys(UserName=principal)[
            "AccessKeyMetadata"
        ]
        return found

    def _policies(self, principal: str) -> list[str]:
        names = self._iam.list_user_policies(UserName=principal)["PolicyNames"]
        return [name for name in names if name != "own"]

    def _stages(self) -> dict[str, list[str]]:
        stages: dict[str, list[str]] = self._secrets.describe_secret(SecretId=SECRET)[
            "VersionIdsToStages"
        ]
        return stages

    def _switched(self) -> list[str]:
        """The states that the assistant went through; setting it again changes nothing."""
        old = self._range.service_key["access_key_id"]
        told = [
            e.answer
            for e in self._proxies["assistant"].writes()
            if isinstance(e.answer, dict) and "online" in e.answer
        ]
        states = [
            f"{'online' if s['online'] else 'offline'}, controls {s['controls']['acl']} "
            f"{s['controls']['output_filter']}, {'old' if s['key_id'] == old else 'new'} key"
            for s in told
        ]
        return [state for state, _ in groupby(states)]

    async def do_again(self) -> None:
        """Do some of the effects a second time: what must never happen, to be seen by us."""
        await asyncio.to_thread(self._new_key, SERVICE_PRINCIPAL)
        await asyncio.to_thread(
            self._secrets.put_secret_value, SecretId=SECRET, SecretString='{"access_key_id": ""}'
        )
        (mail, *_) = self._outbox.glob("*.eml")
        (self._outbox / "again.eml").write_bytes(mail.read_bytes())
        caddy = self._proxies["caddy"]
        isolated = next(e for e in caddy.writes() if "assistant 0" in change(e))
        await self._ask("PUT", caddy.url + isolated.path, json=isolated.sent)


def _change(exchange: Exchange) -> str:
    """The cloud's call, if it changed something, without what is new in each incident."""
    if exchange.status >= 300 or not isinstance(exchange.sent, dict):
        return ""
    action = exchange.sent.get("Action") or exchange.target.rpartition(".")[2]
    if action not in _CHANGES:
        return ""
    whose = exchange.sent.get("UserName") or exchange.sent.get("SecretId")
    status = exchange.sent.get("Status", "")
    return f"{action} {whose} {status}".rstrip()
