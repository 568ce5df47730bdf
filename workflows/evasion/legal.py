"""What the law asks of an evaded moderation service, beside the response; it delays nothing.

Apparent CSAM is a path of its own: preserved by hash, opened by nobody, reported as two people
agreed. Whoever loses an item is told why. The incident is not closed before both are settled.
"""

from schemas.base import iso
from schemas.incident import Severity
from schemas.ports import moderation
from workflows.engine import Act, Playbook, commands, do
from workflows.evasion import shows, words
from workflows.evasion.gates import LEGAL, REASONS
from workflows.evasion.parameters import Parameters

FLAGS = "items flagged by people"


class Legal(Playbook[Parameters]):
    """Reports and reasons, each as it was approved."""

    _legal_work = 0

    async def law_is_served(self) -> None:
        """Wait until nothing of this is under way."""
        await commands.until(lambda: self._legal_work == 0)

    async def legal_path(
        self, seen: moderation.Flagged
    ) -> Act[moderation.WatchFlagged, moderation.Flagged] | None:
        """Severity 1; preserved by hash, opened by nobody; what the law asks is for counsel."""
        self._legal_work += 1
        try:
            digests = tuple(sorted(item.digest for item in seen.items))
            self.record.grade(Severity.SEV1, "people flagged an item as apparent CSAM")
            await self.contain(
                f"Preserve the flagged items ({len(digests)})",
                do(moderation.preserve_items, moderation.PreserveItems(digests=digests)),
                proof=self.looks.of(shows.items_are_held(digests)),
                undo=[],
            )
            receipt = await self.disclose(
                f"Report the flagged items ({len(digests)})",
                statement=f"apparent-csam/{len(digests)}",
                audience=self.parameters.hotline,
                subject=f"Report of apparent CSAM, case {self.case}",
                text=words.hotline_report(self.facts, digests),
                agree=LEGAL,
            )
            said = "reported to the hotline" if receipt else "not reported"
            self.finding(f"legal {len(digests)}", f"Legal path: {said}", {"items": len(digests)})
        finally:
            self._legal_work -= 1
        return do(moderation.watch_flagged, moderation.WatchFlagged(known=digests))

    @property
    def case(self) -> str:
        """What people outside may call this incident."""
        return self.incident.rpartition("-")[2][:8]

    @property
    def facts(self) -> words.Facts:
        """What every text may say."""
        opened = iso(self.record.opened_at)
        return words.Facts(self.case, self.service.name, opened, drill=self.drill)

    def explain(self, removed: int) -> None:
        """Begin to tell the uploaders why so many items were taken down."""
        self._legal_work += 1
        self._in_background(self.give_reasons(removed), "reasons")

    async def give_reasons(self, removed: int) -> None:
        """Whoever loses an item is told why; beside the response, and before the close."""
        try:
            await self.disclose(
                "Give reasons to uploaders",
                statement=f"statement-of-reasons/{self._round}",
                audience=self.parameters.uploaders,
                subject=f"Statement of reasons, case {self.case}",
                text=words.reasons(self.facts, removed),
                agree=REASONS,
            )
        finally:
            self._legal_work -= 1

    @property
    def looks(self) -> shows.Rhythm:
        """The service's own rhythm of looking."""
        p = self.parameters
        return shows.Rhythm(p.looks, p.look_every, p.look_within)
