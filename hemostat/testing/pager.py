"""A pager that remembers whom it called."""

from schemas.ports.paging import Page, Paged, PageKey, acknowledge_page, page, resolve_page
from schemas.ports.port import fulfils


class Pager:
    """The pages of a rehearsal, once each: the same key again is the same page."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}

    @property
    def roles(self) -> list[str]:
        """Who was called, in order."""
        return [told.role for told in self.pages.values()]

    @fulfils(page)
    async def page(self, request: Page) -> Paged:
        """Call somebody."""
        self.pages.setdefault(request.dedup_key, request)
        return Paged(dedup_key=request.dedup_key, status="triggered")

    @fulfils(acknowledge_page)
    async def acknowledge_page(self, request: PageKey) -> Paged:
        """Somebody took it."""
        return Paged(dedup_key=request.dedup_key, status="acknowledged")

    @fulfils(resolve_page)
    async def resolve_page(self, request: PageKey) -> Paged:
        """It is over."""
        return Paged(dedup_key=request.dedup_key, status="resolved")
