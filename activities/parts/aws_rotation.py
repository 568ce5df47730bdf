"""One rotation makes one key, wherever it is cut off.

What is known where, in the order it is written:

1. a tag on the user: this rotation has begun, and these keys were there before it;
2. the new key, whose secret only this process knows;
3. the pending version of the secret, under a version id made from the rotation's name.

Cut off before 2, the next attempt goes on. Between 2 and 3 the secret is lost: the key is swept
away (it was not there before, and nobody ever used it) and another made. After 3 it is found.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from activities.parts.aws_client import WHERE, code_of
from schemas.errors import BadInput, ConflictingChange, SystemUnreachable
from schemas.ports.credentials import NewKey

_NAMESPACE: Final = uuid.UUID("6f0e7c7e-8c39-5a55-9f3c-0b1f6a3f7d21")
_LIMIT: Final = 2
"""Access keys that an IAM user may have (IAM and STS quotas)."""
_NONE: Final = "none"


class Rotation:
    """A rotation of one user's key into one secret. Blocking; run it in a thread."""

    def __init__(
        self, client: Callable[[str], Any], principal: str, secret: str, name: str
    ) -> None:
        self._client = client
        self._principal = principal
        self._secret = secret
        self._version = str(uuid.uuid5(_NAMESPACE, name))
        self._tag = f"hemostat:{self._version}"
        self._orphans = 0

    def carry_out(self) -> NewKey:
        """Return the rotation's key, made now or before; its secret is stored by then."""
        if (stored := self._stored()) is not None:
            return self._answer(stored, changed=False)
        before = self._begun() or self._begin()
        self._sweep(before)
        key_id = self._make_and_store()
        return self._answer(key_id, changed=True)

    def _stored(self) -> str | None:
        try:
            client = self._client("secretsmanager")
            return stored_key(client, self._secret, VersionId=self._version)[0]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException" and self._secret_exists():
                return None
            raise

    def _secret_exists(self) -> bool:
        self._client("secretsmanager").describe_secret(SecretId=self._secret)
        return True

    def _begun(self) -> list[str]:
        pages = (
            self._client("iam").get_paginator("list_user_tags").paginate(UserName=self._principal)
        )
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        return str(tags.get(self._tag, "")).split()

    def _begin(self) -> list[str]:
        there = self._ids()
        if len(there) >= _LIMIT:
            raise BadInput(
                f"the principal has {len(there)} keys and AWS allows no third",
                where=WHERE,
                next_step="Delete the one that is out of use, then try again.",
            )
        before = there or [_NONE]
        self._client("iam").tag_user(
            UserName=self._principal, Tags=[{"Key": self._tag, "Value": " ".join(before)}]
        )
        return before

    def _sweep(self, before: list[str]) -> None:
        """Delete what an attempt that died made and could not store."""
        client = self._client("iam")
        for key_id in self._ids():
            if key_id in before:
                continue
            used = client.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
            if used.get("LastUsedDate") is not None:
                raise ConflictingChange(
                    "someone made and used another key of this principal meanwhile",
                    where=WHERE,
                    next_step="Put that key out of use, then try again.",
                )
            client.delete_access_key(UserName=self._principal, AccessKeyId=key_id)
            self._orphans += 1

    def _make_and_store(self) -> str:
        iam = self._client("iam")
        made = iam.create_access_key(UserName=self._principal)["AccessKey"]
        key_id = str(made["AccessKeyId"])
        if (stored := self._stored()) is not None:  # an attempt given up for dead was faster
            iam.delete_access_key(UserName=self._principal, AccessKeyId=key_id)
            return stored
        content = {"access_key_id": key_id, "secret_access_key": made["SecretAccessKey"]}
        self._client("secretsmanager").put_secret_value(
            SecretId=self._secret,
            ClientRequestToken=self._version,
            SecretString=json.dumps(content),
            VersionStages=["AWSPENDING"],
        )
        return key_id

    def _answer(self, key_id: str, *, changed: bool) -> NewKey:
        if key_id not in self._ids():
            raise ConflictingChange("the rotation's key was deleted by someone", where=WHERE)
        self._client("iam").untag_user(UserName=self._principal, TagKeys=[self._tag])
        return NewKey(
            principal=self._principal,
            key_id=key_id,
            secret=self._secret,
            version=self._version,
            changed=changed,
            orphans=self._orphans,
        )

    def _ids(self) -> list[str]:
        pages = (
            self._client("iam").get_paginator("list_access_keys").paginate(UserName=self._principal)
        )
        return [row["AccessKeyId"] for page in pages for row in page["AccessKeyMetadata"]]


def stored_key(client: Any, secret: str, **which: str) -> tuple[str, str]:
    """Return key id and secret that a version of *secret* holds, as our rotations write them."""
    text = client.get_secret_value(SecretId=secret, **which)["SecretString"]
    try:
        found = json.loads(text)
        return str(found["access_key_id"]), str(found["secret_access_key"])
    except (ValueError, LookupError, TypeError):
        raise SystemUnreachable(
            "the secret does not hold a key as this adapter writes it", where=WHERE
        ) from None
