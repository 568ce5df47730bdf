"""A strict stand-in for ServiceNow's Table API on ``incident``, in its own process.

Law: as ServiceNow does, every value is a string; Basic auth or 401; an unknown table is a 400; an
unknown sys_id a 404; an unknown field is dropped without a word; short_description is cut at 160;
there is no unique index on correlation_id, so posting twice makes two tickets. As ServiceNow also
does: a condition of ``sysparm_query`` on a field it does not know is ignored, not refused.
The user and password are in ``STANDIN_USER`` and ``STANDIN_PASSWORD``.
"""

import base64
import hmac
import json
import os
import uuid
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.standins.standin import Lies, serve

_LONGEST: Final = {"short_description": 160, "description": 4000, "correlation_id": 100}
_SETTABLE: Final = {
    *("short_description", "description", "correlation_id", "correlation_display"),
    *("impact", "urgency", "category", "assignment_group", "caller_id", "state", "close_code"),
}
_READ_ONLY: Final = {"sys_id", "number", "priority", "active", "sys_created_on", "sys_mod_count"}
_CLOSED: Final = {"6", "7", "8"}
# ServiceNow's default priority lookup: rows are impact 1 to 3, columns urgency 1 to 3.
_PRIORITY: Final = (("1", "2", "3"), ("2", "3", "4"), ("3", "4", "5"))

Record = dict[str, str]


class Table:
    """The table ``incident``."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def made(self, given: dict[str, Any]) -> Record:
        """A new record as ServiceNow fills it; not stored."""
        record = {name: str(given.get(name, "")) for name in sorted(_SETTABLE)}
        for name, longest in _LONGEST.items():
            record[name] = record[name][:longest]
        impact, urgency = (record[name] or "3" for name in ("impact", "urgency"))
        record |= {"impact": impact, "urgency": urgency, "state": record["state"] or "1"}
        row, column = (int(v) - 1 if v in {"1", "2", "3"} else 2 for v in (impact, urgency))
        return record | {
            "priority": _PRIORITY[row][column],
            "active": str(record["state"] not in _CLOSED).lower(),
            "sys_id": uuid.uuid4().hex,
            "number": f"INC{10_001 + len(self.records):07d}",
            "sys_created_on": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "sys_mod_count": "0",
        }

    def found(self, query: str) -> list[Record]:
        """The records that an encoded query (``a=b^c=d^ORDERBYe``) selects."""
        records = list(self.records)
        for condition in query.split("^") if query else ():
            name, equals, value = condition.partition("=")
            if condition.startswith("ORDERBY"):
                records.sort(key=itemgetter(condition.removeprefix("ORDERBY")))
            elif equals and name in _SETTABLE | _READ_ONLY:
                records = [record for record in records if record[name] == value]
        return records


class TableApi:
    """The table over HTTP, for one user; and ``/control``."""

    def __init__(self, user: str, password: str) -> None:
        self._table, self._lies = Table(), Lies()
        self._expected = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    def application(self) -> Starlette:
        """The application to serve."""
        path = "/api/now/table/{table}"
        routes = [
            Route(path, self.list, methods=["GET"]),
            Route(path, self.create, methods=["POST"]),
            Route(path + "/{sys_id}", self.read, methods=["GET"]),
            *self._lies.control(lambda: {"tickets": self._table.records}),
        ]
        return Starlette(routes=routes)

    async def list(self, request: Request) -> Response:
        """Answer a query with all records that it selects."""
        if refused := self._refusal(request):
            return refused
        records = self._table.found(request.query_params.get("sysparm_query", ""))
        limit = request.query_params.get("sysparm_limit", "10000")
        if not limit.isdecimal():
            return self._refuse(request, 400, "Invalid sysparm_limit")
        self._lies.record(request, 200)
        total = {"X-Total-Count": str(len(records))}
        return JSONResponse({"result": [*records[: int(limit)]]}, headers=total)

    async def read(self, request: Request) -> Response:
        """Answer with one record."""
        if refused := self._refusal(request):
            return refused
        found = self._table.found(f"sys_id={request.path_params['sys_id']}")
        if not found:
            detail = "Record doesn't exist or ACL restricts the record retrieval"
            return self._refuse(request, 404, "No Record found", detail)
        self._lies.record(request, 200)
        return JSONResponse({"result": found[0]})

    async def create(self, request: Request) -> Response:
        """Make one record, also if there is one like it already."""
        if refused := self._refusal(request):
            return refused
        if "application/json" not in request.headers.get("content-type", ""):
            return self._refuse(request, 415, "Unsupported media type")
        try:
            given = json.loads(await request.body())
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return self._refuse(request, 400, "Exception while reading request")
        made = self._table.made(given)

        def created() -> Response:
            where = f"{request.url}/{made['sys_id']}"
            return JSONResponse({"result": made}, 201, {"Location": where})

        def act() -> Response:
            self._table.records.append(made)
            return created()

        return await self._lies.answer(request, act, created)

    def _refusal(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            detail = "Required to provide Auth information"
            return self._refuse(request, 401, "User Not Authenticated", detail)
        if request.path_params["table"] != "incident":
            return self._refuse(request, 400, "Invalid table")
        return None

    def _refuse(
        self, request: Request, status: int, message: str, detail: str | None = None
    ) -> Response:
        self._lies.record(request, status)
        error = {"message": message, "detail": detail}
        return JSONResponse({"error": error, "status": "failure"}, status_code=status)


if __name__ == "__main__":
    serve(TableApi(os.environ["STANDIN_USER"], os.environ["STANDIN_PASSWORD"]).application())
