"""Legal clocks on pages: which law it is, what it is about, whom to tell and by when, in words."""

from hemostat.desk.inbox import ClockAsked, Inbox
from schemas.clocks.catalogue import catalogue
from schemas.clocks.view import ClocksView, view_of
from schemas.who import Who
from tests.unit import clocks
from tests.unit.console_desk import BEGAN, ID, WHO, Desk
from tests.unit.test_console import client

COUNSEL = WHO.model_copy(update={"person": "counsel-1", "roles": ("counsel",)})
LAW = "Reg (EU) 2016/679 Art 33(1)"
ABOUT = (
    "personal data breach, unless unlikely to result in a risk; to the lead supervisory authority"
)


class UnderLaw(Desk):
    """An incident under one law, whose clock runs if it applies."""

    def __init__(self) -> None:
        super().__init__()
        counsel = clocks.Desk("gdpr-33")
        counsel.alarmed()
        self.ledger = view_of(counsel.ledger, catalogue().basis(("gdpr-33",)), counsel.now)

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        return self.ledger

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        (row,) = (row for row in self.ledger.clocks if row.id == "gdpr-33")
        return Inbox(at=BEGAN, gates=(), clocks=(ClockAsked(incident=ID, clock=row),))


async def test_counsel_reads_which_law_a_clock_is_of_what_it_is_about_and_whom_to_tell() -> None:
    async with client(UnderLaw(), COUNSEL) as http:
        incident = (await http.get(f"/incidents/{ID}")).text
        inbox = (await http.get("/decisions")).text
        form = (await http.get(f"/incidents/{ID}/say/determine")).text
    assert LAW in incident
    assert f"P{ABOUT[1:]}" in incident
    assert "if it applies, to the lead supervisory authority" in incident
    assert f"{LAW}: {ABOUT}" in inbox
    assert f">gdpr-33: {LAW}</option>" in form
