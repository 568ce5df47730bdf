"""Opens tickets in ServiceNow through its Table API.

Law: look before posting, and read back after it. ServiceNow has no unique index on
``correlation_id``, so two posts are two tickets: posts of one correlation wait for each other here,
and across a retry the look finds what a lost answer had made. Where there are two all the same,
the older one is the ticket. ServiceNow ignores a query condition that it does not understand and
answers with other people's records: what comes back is compared with what was asked for.

Contract: https://www.servicenow.com/docs, REST API reference, Table API
"""

import asyncio
import re
import ssl
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

import httpx2
from pydantic import Field

from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.errors import BadInput, ConfigurationError, SystemRefused, SystemUnreachable
from schemas.incident import Severity
from schemas.ports.port import fulfils
from schemas.ports.tickets import (
    OpenTicket,
    ReadTicket,
    Ticket,
    TicketState,
    open_ticket,
    read_ticket,
)

_WHERE: Final = "ServiceNow"
# ServiceNow makes the priority of both: 1 critical, 2 high, 3 moderate, 5 planning.
_IMPACT_URGENCY: Final = {
    Severity.SEV1: ("1", "1"),
    Severity.SEV2: ("1", "2"),
    Severity.SEV3: ("2", "2"),
    Severity.SEV4: ("3", "3"),
}
_LONGEST_TITLE: Final = 160
_LONGEST_BODY: Final = 4000
# In an encoded query `^` joins conditions; the column holds 100 characters and cuts the rest.
_CORRELATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,99}")
# Three requests to an attempt stay under the port's 15 s.
_TIMEOUT: Final = httpx2.Timeout(4.0, connect=2.0)


class Connection(Frozen):
    """``[connections.NAME]``: the instance, a user who may create incidents, and set fields.

    ``fields`` are sent with each new ticket, such as ``assignment_group``. ``ca`` is the authority
    (PEM) to trust instead of the public ones.
    """

    adapter: Literal["tickets_servicenow"]
    url: str = Field(pattern=r"^https://[^\s@/]+/?$")
    username: SecretRef
    password: SecretRef
    table: str = Field(default="incident", pattern=r"^[a-z][a-z0-9_]{0,79}$")
    fields: dict[str, str] = {}
    ca: SecretRef | None = None


class ServiceNow:
    """The ticket system; its state is ServiceNow's."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._path = f"/api/now/table/{connection.table}"
        self._http: httpx2.AsyncClient | None = None
        self._posting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @fulfils(open_ticket)
    async def open_ticket(self, request: OpenTicket) -> Ticket:
        """Open it unless it is there, open or closed."""
        lock = self._posting.setdefault(request.correlation, asyncio.Lock())
        async with lock:
            if found := await self._find(request.correlation):
                return _ticket(found, changed=False)
            await self._exchange("POST", self._path, json=self._record(request))
            if found := await self._find(request.correlation):
                return _ticket(found, changed=True)
        raise SystemUnreachable("it took the ticket, but does not have it", where=_WHERE)

    @fulfils(read_ticket)
    async def read_ticket(self, request: ReadTicket) -> TicketState:
        """Read it back by its correlation."""
        found = await self._find(request.correlation)
        if found is None:
            return TicketState(number=None)
        return TicketState(
            number=found["number"],
            open=found.get("active") == "true",
            title=found.get("short_description", ""),
        )

    async def check(self) -> list[str]:
        """Ask for one ticket that is not there."""
        try:
            await self._find("hemostat-check")
        except (SystemUnreachable, SystemRefused, ConfigurationError) as error:
            return [str(error)]
        return []

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    def _record(self, request: OpenTicket) -> dict[str, str]:
        title = f"EXERCISE: {request.title}" if request.drill else request.title
        impact, urgency = _IMPACT_URGENCY[request.severity]
        return {
            **self._connection.fields,
            "correlation_id": request.correlation,
            "correlation_display": "Hemostat",
            "short_description": " ".join(title.split())[:_LONGEST_TITLE],
            "description": request.body[:_LONGEST_BODY],
            "impact": impact,
            "urgency": urgency,
        }

    async def _find(self, correlation: str) -> dict[str, str] | None:
        """The oldest ticket of *correlation*."""
        if not _CORRELATION.fullmatch(correlation):
            raise BadInput("this correlation cannot be asked for safely", where=_WHERE)
        answer = await self._exchange(
            "GET",
            self._path,
            params={
                "sysparm_query": f"correlation_id={correlation}^ORDERBYsys_created_on",
                "sysparm_fields": "sys_id,number,active,short_description,correlation_id",
                "sysparm_exclude_reference_link": "true",
                "sysparm_limit": "5",
            },
        )
        records = answer if isinstance(answer, list) else []
        for record in records:
            if isinstance(record, dict) and record.get("correlation_id") == correlation:
                return record
        if records:
            raise SystemRefused(
                "it ignores the query and answers with other records",
                where=_WHERE,
                next_step=f"does the table {self._connection.table} have correlation_id, and may "
                "the user read it?",
            )
        return None

    async def _exchange(self, method: str, path: str, **said: Any) -> Any:
        """One request; the ``result`` of the answer. No error quotes what was sent or answered."""
        user = read_secret(self._connection.username)
        auth = httpx2.BasicAuth(user, read_secret(self._connection.password))
        try:
            answer = await self._client().request(method, path, auth=auth, **said)
        except httpx2.TransportError as error:
            kind = type(error).__name__
            raise SystemUnreachable(f"it did not answer ({kind})", where=_WHERE) from None
        if answer.status_code == 404 and method == "GET":
            return []  # how older releases say that a query selects nothing
        if answer.status_code == 429 or answer.status_code >= 500:
            raise SystemUnreachable(f"it answered {answer.status_code}", where=_WHERE)
        if not answer.is_success:
            hint = "check the user's password and roles" if answer.status_code in {401, 403} else ""
            raise SystemRefused(
                f"it refused the {method} with {answer.status_code}", where=_WHERE, next_step=hint
            )
        try:
            return answer.json()["result"]
        except (ValueError, TypeError, KeyError):
            # A sleeping instance answers 200 with a page that says so.
            raise SystemUnreachable("it answered something else", where=_WHERE) from None

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            ca, url = self._connection.ca, self._connection.url
            local = httpx2.URL(url).host in {"127.0.0.1", "::1", "localhost"}
            self._http = httpx2.AsyncClient(
                base_url=url,
                verify=ssl.create_default_context(cadata=read_secret(ca)) if ca else True,
                trust_env=not local,  # no proxy on the way to this machine
                timeout=_TIMEOUT,
                headers={"Accept": "application/json"},
            )
        return self._http


def _ticket(record: dict[str, str], *, changed: bool) -> Ticket:
    return Ticket(id=record["sys_id"], number=record["number"], changed=changed)
