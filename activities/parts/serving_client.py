"""The client of the serving admin contract: replicas that share a label store, and a shadow.

Law: what differs between replicas is asked of each one, what they share of whichever answers
first. A replica that says it is another one is refused, because two addresses of one process
would prove nothing. Rows come page by page, and never more than a fixed number of them.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from activities.parts import serving_answers as said
from activities.parts.http import MEBIBYTE, Answer, Http
from schemas.errors import BadInput, SystemUnreachable

MOST_ROWS: Final = 200_000
"""Feedback rows that one look reads at most, the oldest of its window first."""

_PAGE: Final = 500
_BATCH: Final = 100
_SAMPLE_BYTES: Final = 64 * MEBIBYTE


class ServingClient:
    """One service: its replicas by name, and the shadow beside them."""

    def __init__(
        self,
        replicas: Mapping[str, str],
        shadow: str,
        *,
        authorization: Callable[[], str],
        headers: Mapping[str, str],
        seconds: float,
    ) -> None:
        def system(where: str, url: str) -> Http:
            return Http(where, url, authorization=authorization, seconds=seconds)

        self.replicas = {name: system(f"replica {name}", url) for name, url in replicas.items()}
        self.shadow = system("shadow model", shadow)
        self._headers = headers

    async def aclose(self) -> None:
        """Close the connections."""
        for http in (*self.replicas.values(), self.shadow):
            await http.aclose()

    async def loaded(self, name: str, *, reload: bool = False) -> said.LoadedModel:
        """Ask one replica what it has loaded, after making it load anew if *reload*."""
        http = self.replicas[name]
        if reload:
            answer = await http.ask("POST", "/admin/reload", content={}, seconds=50)
        else:
            answer = await http.ask("GET", "/admin/model")
        loaded = answer.parse(said.LoadedModel)
        if loaded.replica != name:
            raise BadInput(
                "the process at this address says that it is another replica",
                where=http.where,
                next_step="Give each replica its own address, under the name it has itself.",
            )
        return loaded

    async def any(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        params: Mapping[str, str | int] | None = None,
        limit: int | None = None,
    ) -> Answer:
        """Ask the replicas in turn until one answers: for what they share, and quick to do."""
        failed = SystemUnreachable("there is no replica", where="model service")
        for http in self.replicas.values():
            try:
                return await http.ask(method, path, content=content, params=params, limit=limit)
            except SystemUnreachable as error:
                failed = error
        raise failed

    async def live(self) -> Http:
        """Return a replica that answers now: for what takes long and cannot be tried in turn."""
        where = (await self.any("GET", "/admin/model")).where
        return next(http for http in self.replicas.values() if http.where == where)

    async def feedback(self, since: datetime) -> AsyncIterator[Answer]:
        """Yield the pages of the feedback since then, ``MOST_ROWS`` at most."""
        after, rows = 0, 0
        while rows < MOST_ROWS:
            params: dict[str, str | int] = {
                "since": since.isoformat(),
                "after_id": after,
                "limit": _PAGE,
            }
            answer = await self.any("GET", "/admin/feedback", params=params)
            page = answer.parse(said.Rows)
            yield answer
            rows += len(page.rows)
            following = page.next_after_id
            if following is None:
                return
            if following <= after or not page.rows:
                raise SystemUnreachable("pages its feedback in circles", where=answer.where)
            after = following

    async def inferences(self, sample: int) -> Answer:
        """Return the newest *sample* texts that the service was asked about."""
        return await self.any(
            "GET", "/admin/inferences", params={"limit": sample}, limit=_SAMPLE_BYTES
        )

    async def predict(self, http: Http, texts: Sequence[str]) -> list[str]:
        """Return one process's labels, marked as no decision about anyone."""
        labels: list[str] = []
        for batch in batches(texts):
            answer = await http.ask(
                "POST", "/v1/predict", content={"texts": batch}, headers=self._headers
            )
            labels += answer.parse(said.Predicted).labels_of(batch, answer.where)
        return labels

    async def evaluate(self, version: str, texts: Sequence[str]) -> tuple[list[str], str]:
        """Return the labels of a version that takes no traffic, and the digest of its files."""
        labels: list[str] = []
        digests: set[str] = set()
        for batch in batches(texts):
            content = {"version": version, "texts": batch}
            answer = await self.shadow.ask(
                "POST", "/admin/evaluate", content=content, expect=(200, 400, 404), seconds=30
            )
            if answer.status != 200:
                raise BadInput("the service cannot evaluate that version", where=answer.where)
            evaluated = answer.parse(said.Evaluated)
            labels += evaluated.labels_of(batch, answer.where)
            digests.add(evaluated.digest)
            if evaluated.version != version or len(digests) != 1:
                raise SystemUnreachable("evaluated another version", where=answer.where)
        return labels, digests.pop()

    async def paused(self) -> bool:
        """Whether retraining is paused."""
        return (await self.any("GET", "/admin/retraining")).parse(said.RetrainingState).paused

    async def set_paused(self, paused: bool) -> bool:
        """Pause or resume retraining, and return what the service says of it afterwards."""
        await self.any("PUT", "/admin/retraining", content={"paused": paused})
        return await self.paused()


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts in portions that a service takes in one request."""
    for begin in range(0, len(texts), _BATCH):
        yield list(texts[begin : begin + _BATCH])
