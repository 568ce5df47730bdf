"""The access keys of one IAM user: read before each write, so that any of it may be repeated.

Law: a key that somebody else has is not touched, the one to keep must work before others are put
out of use, and only what is out of use is deleted. Blocking; use it in a thread.
"""

from datetime import datetime
from typing import Any

from activities.parts.aws_client import WHERE
from schemas.errors import BadInput
from schemas.ports import credentials as ports


class AccessKeys:
    """Those of *principal*, by an IAM client."""

    def __init__(self, client: Any, principal: str) -> None:
        self._client = client
        self._principal = principal

    def listed(self) -> ports.Keys:
        """All of them, oldest first, each with when it was used last."""
        pages = self._client.get_paginator("list_access_keys").paginate(UserName=self._principal)
        found = [row for page in pages for row in page["AccessKeyMetadata"]]
        keys = [
            ports.Key(
                key_id=row["AccessKeyId"],
                active=row["Status"] == "Active",
                created_at=row["CreateDate"],
                last_used_at=last_used(self._client, row["AccessKeyId"]),
            )
            for row in found
        ]
        keys.sort(key=lambda key: (key.created_at, key.key_id))
        return ports.Keys(principal=self._principal, keys=tuple(keys))

    def turn(self, key_id: str, *, active: bool) -> ports.KeyTurned:
        """Put one out of use, or back."""
        keys = {key.key_id: key.active for key in self.listed().keys}
        if key_id not in keys:
            raise BadInput(
                "the principal has no such key",
                where=WHERE,
                next_step="See in the cloud whose it is, or whether somebody deleted it.",
            )
        changed = keys[key_id] != active
        if changed:
            self._set(key_id, active=active)
        return ports.KeyTurned(
            principal=self._principal, key_id=key_id, active=active, changed=changed
        )

    def keep_only(self, keep: str) -> ports.KeysRetired:
        """Put all others out of use."""
        keys = self.listed()
        if keep not in keys.active():
            raise BadInput(
                "the key to keep is not in use",
                where=WHERE,
                next_step="See in the cloud who put it out of use; no other one was retired.",
            )
        others = [key for key in keys.keys if key.key_id != keep]
        for key in others:
            if key.active:
                self._set(key.key_id, active=False)
        return ports.KeysRetired(
            principal=self._principal,
            kept=keep,
            retired=tuple(key.key_id for key in others),
            changed=sum(key.active for key in others),
        )

    def delete(self, key_id: str) -> ports.KeyDeleted:
        """Delete one that is out of use; one that is gone is left gone."""
        key = {key.key_id: key for key in self.listed().keys}.get(key_id)
        if key is not None and key.active:
            raise BadInput(
                "a key that is in use is not deleted", where=WHERE, next_step="Retire it first."
            )
        if key is not None:
            self._client.delete_access_key(UserName=self._principal, AccessKeyId=key_id)
        return ports.KeyDeleted(principal=self._principal, key_id=key_id, changed=key is not None)

    def _set(self, key_id: str, *, active: bool) -> None:
        self._client.update_access_key(
            UserName=self._principal, AccessKeyId=key_id, Status="Active" if active else "Inactive"
        )


def last_used(client: Any, key_id: str) -> datetime | None:
    """When the key was used last, by the cloud's record; None: it tells of no use."""
    used = client.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
    moment = used.get("LastUsedDate")
    return moment if isinstance(moment, datetime) else None
