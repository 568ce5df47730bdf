"""A witness: a session from before, kept to be tried. It tells what a denial does, seen from outside.

Law: only a refusal for what the session may do, or of the credential as dead, is a refusal. A
session that has expired, a bucket that is not there, another region: such answers show nothing.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from activities.parts.aws_client import WHERE, code_of
from hemostat.settings import SecretRef, read_secret
from schemas.errors import SystemRefused

_REFUSED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_DEAD: Final = frozenset({"InvalidAccessKeyId", "InvalidClientTokenId"})
_PARTS: Final = ("access_key_id", "secret_access_key", "session_token", "bucket")

AsAnother = Callable[[str, str, str, str | None], Any]
"""Makes a client of a service that signs with key id, secret and token."""


class Witness:
    """One old session, and a bucket that its principal may list. Blocking; use it in a thread."""

    def __init__(self, principal: str, reference: SecretRef) -> None:
        self._principal = principal
        try:
            found = json.loads(read_secret(reference))
            self._id, self._secret, self._token, self._bucket = (str(found[p]) for p in _PARTS)
        except (ValueError, LookupError, TypeError):
            raise SystemRefused(
                f"the witness session of {principal} is not readable",
                where=WHERE,
                next_step=f"It is JSON with {', '.join(_PARTS)}.",
            ) from None

    def accepted(self, as_another: AsAnother) -> bool | None:
        """Whether it may still do what it could; None: the answer tells nothing of that."""
        # GetCallerIdentity is allowed to everybody, whatever a policy denies: ask for what is not.
        client = as_another("s3", self._id, self._secret, self._token)
        try:
            client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        except ClientError as error:
            if (error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 500) >= 500:
                raise
            return False if code_of(error) in _REFUSED | _DEAD else None
        finally:
            client.close()
        return True

    def problem(self, as_another: AsAnother) -> str | None:
        """What keeps it from showing anything in an incident; None: it is accepted now."""
        if self.accepted(as_another):
            return None
        return (
            f"aws: the witness session of {self._principal} is not accepted any more, so its end "
            "cannot be seen. Next: put a fresh session in its place."
        )
