"""Calling people: always beside the response, never in its way."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.incident import OpenIncident
from schemas.journal import Kind
from schemas.ports.paging import Page, Paged, PageKey, acknowledge_page, page, resolve_page
from schemas.ports.port import Effect, Port
from workflows.engine import commands
from workflows.engine.failures import ActFailed
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.steps import Hands, do

LAST_WORD = timedelta(minutes=2)
"""How long a closing incident waits for a pager, a ticket or evidence that is still under way."""


async def finished(tasks: Sequence[asyncio.Task[Any]], summary: str) -> None:
    """Wait until all *tasks* are done, or for ``LAST_WORD``."""
    try:
        await commands.until(
            lambda: all(task.done() for task in tasks), within=LAST_WORD, summary=summary
        )
    except TimeoutError:
        return


_OF_A_GATE = re.compile(r"(.+)-\d{9,12}-[a-z0-9-]+")
"""The reason of a page that ``remind`` sent."""

Background = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


class Pager:
    """Pages of one incident. The first page's key is the incident's id, later ones add a reason."""

    def __init__(
        self,
        record: Record,
        hands: Hands,
        incident: str,
        opening: OpenIncident,
        background: Background,
        people: People,
    ) -> None:
        self._record = record
        self._people = people
        self._hands = hands
        self._incident = incident
        self._opening = opening
        self._background = background
        self._sent: dict[str, str] = {}
        self._pending: dict[str, Effect] = {}
        """What the pager has not taken yet, by step; a new run says it again."""
        self._tasks: list[asyncio.Task[Any]] = []
        self._awaited: dict[str, str] = {}
        """The gates that only ask who takes it, by the page that calls for them."""
        self._taken: set[tuple[str, str]] = set()
        """Gate and role: who was called about it said elsewhere that they are there."""

    def awaits(self, reason: str, gate: str) -> None:
        """The page for *reason* is answered at *gate*, which asks no more than that."""
        self._awaited[f"{self._incident}/{reason}" if reason else self._incident] = gate

    def waits_for_acknowledgement(self, gate: str) -> bool:
        """Whether an acknowledgement is all that *gate* asks for."""
        return gate in self._awaited.values()

    def about(self, page: str) -> tuple[str, str]:
        """The gate that a page of ours is about and the role it called; empty: not ours, or none."""
        role = self._sent.get(page, "")
        if page in self._awaited:
            return self._awaited[page], role
        named = _OF_A_GATE.fullmatch(page.partition("/")[2])
        return (named[1] if named else ""), role

    def taken(self, gate: str, role: str) -> None:
        """Somebody in *role* is there: nobody needs to call them about *gate* again."""
        self._taken.add((gate, role))

    def answered(self, role: str) -> bool:
        """Whether somebody said where they were called that *role* is there."""
        called = self._people.reachable(role)
        return any(who in (role, called) for _, who in self._taken)

    def remind(self, policy: str, due: float, role: str, summary: str) -> None:
        """Page *role* about a gate, unless somebody there said that they are at it."""
        called = self._people.reachable(role)
        if (policy, called) in self._taken or (policy, "") in self._taken:
            data: dict[str, JsonValue] = {"gate": policy, "role": called}
            self._record.write(Kind.PAGE, f"Not called again: {role} is at it", data=data)
            return
        self.call(role, f"{policy}-{due:.0f}-{role}", summary)

    def dump_taken(self) -> list[JsonValue]:
        """What was taken, for the next run."""
        return [[gate, role] for gate, role in sorted(self._taken)]

    def load_taken(self, dumped: list[list[str]]) -> None:
        """Take over what an earlier run knew to be taken."""
        self._taken = {(gate, role) for gate, role in dumped}

    def call(self, role: str, reason: str, summary: str) -> None:
        """Page *role*, or who stands in where it would reach a suspect; the same reason once."""
        called = self._people.reachable(role)
        if called is None:
            self._record.write(Kind.PAGE, f"{role} cannot be called in this incident: {summary}")
            return
        role = called
        if "pager" not in self._opening.service.connections:
            self._record.write(Kind.PAGE, f"No pager configured: {role} was not called")
            return
        key = f"{self._incident}/{reason}" if reason else self._incident
        if key in self._sent:
            return
        self._sent[key] = role
        self._record.write(Kind.PAGE, f"Paging {role}: {summary}", data={"role": role, "key": key})
        request = Page(
            dedup_key=key,
            role=role,
            summary=f"{summary} [{self._incident}]",
            severity=self._record.severity,
            drill=self._opening.drill,
        )
        self._send(f"page-{reason}", request)

    def acknowledge(self) -> None:
        """Someone took the first page; without a pager there was none."""
        unpaged = "pager" not in self._opening.service.connections
        if unpaged and workflow.patched("no-pager-no-acknowledgement"):
            return
        self._send("page-acknowledge", PageKey(dedup_key=self._incident))

    def go_on(self) -> None:
        """Say again, in a new run, what the pager had not taken in the last one."""
        for step, request in list(self._pending.items()):
            self._send(step, request)

    def _send(self, step: str, request: Effect) -> None:
        self._pending[step] = request
        port: Port[Any, Paged] = page if isinstance(request, Page) else acknowledge_page
        self._tasks.append(self._background(self._tell(port, request, step), "page"))

    async def settle(self) -> None:
        """Resolve every page that was sent; a pager that is down does not keep an incident open."""
        for key in list(self._sent):
            reason = key.removeprefix(self._incident).replace("/", "-")
            work = self._tell(resolve_page, PageKey(dedup_key=key), f"page-resolve{reason}")
            self._tasks.append(self._background(self._after(list(self._tasks), work), "page"))
        self._sent.clear()
        pending = [task for task in self._tasks if not task.done()]
        self._tasks.clear()
        if not pending:
            return
        await finished(pending, "a last word to the pager")
        for task in pending:
            task.cancel()

    async def _after(self, sent: list[asyncio.Task[Any]], work: Coroutine[Any, Any, None]) -> None:
        """Do *work* once everything in *sent* went out: a resolve never overtakes its trigger."""
        unfinished = [task for task in sent if not task.done()]
        if unfinished:
            await workflow.wait(unfinished)
        await work

    async def _tell(self, port: Port[Any, Paged], request: Any, step: str) -> None:
        key = f"{self._incident}/{step}"
        try:
            await self._hands.act(do(port, request), step=step, key=key, holds=False)
        except ActFailed as error:
            self._record.write(
                Kind.PAGE, f"The pager did not take it: {error.reason}", data={"step": step}
            )
        self._pending.pop(step, None)

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        pending: dict[str, JsonValue] = {
            step: request.model_dump(mode="json") for step, request in self._pending.items()
        }
        return {"sent": dict(self._sent), "pending": pending}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._sent = dict(dumped["sent"])
        self._pending = {
            step: (Page if "role" in request else PageKey).model_validate(request)
            for step, request in dumped["pending"].items()
        }
