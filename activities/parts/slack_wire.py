"""Slack's Web API by Slack's own client: one attempt a request, and errors in our words.

Law: no error quotes what was sent or answered, but for Slack's own code. A token is read anew at
each request, no proxy is asked on the way to this machine, and what hangs holds up nobody else.
"""

import asyncio
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from hemostat.settings import SecretRef, read_secret
from schemas.errors import ConfigurationError, HemostatError, SystemRefused, SystemUnreachable

WHERE: Final = "Slack"
_CODE: Final = re.compile(r"[a-z_]{1,60}")
_LATER: Final = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_TIMEOUT_SECONDS: Final = 4
_THREADS: Final = 8


class Wire:
    """One workspace, by one bot."""

    def __init__(self, token: SecretRef, url: str, ca: SecretRef | None) -> None:
        self._token, self._url, self._ca = token, url, ca
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="slack")
        self._clients: dict[str, WebClient] = {}
        self._me: dict[str, tuple[str, str]] = {}

    def close(self) -> None:
        """Let the threads go; a request that still runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def us(self) -> tuple[str, str]:
        """Who we are there: the ids of our user and of our bot."""
        token = read_secret(self._token)
        if token not in self._me:
            answer = await self.call("auth.test")
            self._me[token] = (str(answer.get("user_id", "")), str(answer.get("bot_id") or ""))
        return self._me[token]

    async def call(self, method: str, **said: Any) -> dict[str, Any]:
        """One request. No error quotes what was sent or answered, but for Slack's own code."""
        client = self._client()
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(
                self._threads, lambda: getattr(client, method.replace(".", "_"))(**said).data
            )
        except SlackApiError as error:
            raise _refusal(method, error) from None
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            kind = type(error).__name__
            raise SystemUnreachable(f"it did not answer properly ({kind})", where=WHERE) from None
        if not isinstance(answer, dict):
            raise SystemUnreachable("it answered something else", where=WHERE)
        return answer

    def _client(self) -> WebClient:
        """The client of a token; read anew each time, so that a rotation needs no restart."""
        token, url, ca = read_secret(self._token), self._url, None
        if token not in self._clients:
            if self._ca:
                ca = ssl.create_default_context(cadata=read_secret(self._ca))
            client = WebClient(
                token, base_url=url, timeout=_TIMEOUT_SECONDS, ssl=ca, retry_handlers=[]
            )
            if urlsplit(url).hostname in {"127.0.0.1", "localhost"}:
                client.proxy = None  # no proxy on the way to this machine
            self._clients[token] = client
        return self._clients[token]


def _refusal(method: str, error: SlackApiError) -> HemostatError:
    response: Any = error.response
    status = getattr(response, "status_code", 0)
    data = getattr(response, "data", response)
    said = data.get("error") if isinstance(data, dict) else None
    code = said if isinstance(said, str) and _CODE.fullmatch(said) else "no reason given"
    if status == 429 or status >= 500 or code in _LATER or not isinstance(data, dict):
        return SystemUnreachable(f"it answered {status} to {method}", where=WHERE)
    if code in {"invalid_auth", "not_authed", "token_revoked", "account_inactive"}:
        return ConfigurationError(
            f"it does not take the token ({code})", where=WHERE, next_step="install the app anew."
        )
    return SystemRefused(
        f"it refused {method}: {code}",
        where=WHERE,
        next_step="is the bot in the channel, and does it have its scopes?",
    )


def messages_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of an answer, whatever else it holds."""
    found = answer.get("messages")
    return [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []


def part_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of an answer by its name; empty where it has none."""
    found = answer.get(name)
    return found if isinstance(found, dict) else {}
