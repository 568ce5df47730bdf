"""AWS through boto3, with our errors: bounded, in threads, and never a word of what was signed.

Law: one attempt a call (Temporal retries), errors name the AWS code and nothing else of the answer.
Clients are kept per credential, so a rotated credential of our own is taken up at the next call.
"""

import re
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from activities.parts.own_threads import OwnThreads
from hemostat.settings import read_secret
from schemas.errors import ConflictingChange, HemostatError, SystemRefused, SystemUnreachable

T = TypeVar("T")

WHERE: Final = "aws"
_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,80}")
_LATER: Final = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable")
_CONFLICTS: Final = ("ConcurrentModification", "EntityTemporarilyUnmodifiable")


class Aws:
    """One account at one endpoint, by one credential of ours."""

    def __init__(
        self,
        *,
        endpoint_url: str | None,
        region: str,
        access_key_id: str,
        secret_access_key: str,
        seconds: float,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._references = (access_key_id, secret_access_key)
        self._config = Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"total_max_attempts": 1},
            proxies={},
        )
        self._threads = OwnThreads("aws")
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client(self, service: str) -> Any:
        """Return a client that signs as us."""
        key_id, secret = (read_secret(reference) for reference in self._references)
        with self._lock:  # making one is not safe in threads, using one is
            known = self._clients.get((service, key_id, secret))
            if known is None:
                known = self._clients[service, key_id, secret] = self._make(service, key_id, secret)
            return known

    def as_another(self, service: str, key_id: str, secret: str, token: str | None = None) -> Any:
        """Return a client that signs with another credential; not kept."""
        with self._lock:
            return self._make(service, key_id, secret, token)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking *work* in a thread of our own, its errors in our words."""
        try:
            return await self._threads.run(work)
        except (ClientError, BotoCoreError) as error:
            raise in_our_words(error) from None
        except (ResponseParserError, LookupError, TypeError, AttributeError):
            # Their text shows what was answered: a proxy may have spoken.
            raise SystemUnreachable("answered against its protocol", where=WHERE) from None

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            client.close()

    def _make(self, service: str, key_id: str, secret: str, token: str | None = None) -> Any:
        session = boto3.Session(
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            region_name=self._region,
        )
        return session.client(  # type: ignore[call-overload]  # the stubs want a literal name
            service, endpoint_url=self._endpoint_url, config=self._config
        )


def code_of(error: ClientError) -> str:
    """The AWS error code, or ``Unreadable`` for what is none."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else "Unreadable"


def in_our_words(error: ClientError | BotoCoreError) -> HemostatError:
    """Return *error* as one of ours; what AWS said is left out, but for its code."""
    if isinstance(error, BotoCoreError):
        return SystemUnreachable(f"did not answer ({type(error).__name__})", where=WHERE)
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code.startswith(_CONFLICTS):
        return ConflictingChange(f"answered {code}", where=WHERE)
    if code.startswith(_LATER) or (isinstance(status, int) and status >= 500):
        return SystemUnreachable(f"answered {code}", where=WHERE)
    return SystemRefused(
        f"answered {code}", where=WHERE, next_step="Check the connection's permissions."
    )
