"""The picture of an incident: to scale, contained only where proven, the same in words."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from hemostat.console import story
from hemostat.console.timeline import Picture, draw
from schemas.clocks.view import ClocksView
from schemas.journal import Journal, Kind
from tests.unit.console_desk import BEGAN, incident

CONTAIN = {"class": "contain"}
Told = tuple[float, Kind, str, str | None, Mapping[str, object]]


def told(*entries: Told) -> story.Story:
    kept = Journal()
    for seconds, kind, says, step, data in entries:
        at = BEGAN + timedelta(seconds=seconds)
        kept.add(at, kind, says, step=step, data=dict(data))
    view = incident("x").model_copy(update={"steps": ()})
    return story.tell(view, kept.entries)


def look(held: bool) -> dict[str, object]:
    return {"observations": [{"check": "refused", "held": held, "measured": {}}]}


def picture(of: story.Story, seconds: float, zoom: str = "all") -> Picture:
    return draw(of, ClocksView(), BEGAN + timedelta(seconds=seconds), zoom)


CONTAINED: tuple[Told, ...] = (
    (0.0, Kind.OPENED, "opened", None, {}),
    (0.0, Kind.ALERT, "Alert", None, {"title": "t"}),
    (10.0, Kind.STEP, "Isolate: started", "isolate", CONTAIN),
    (20.0, Kind.PROOF, "look 1", "isolate", look(held=True)),
    (30.0, Kind.PROOF, "Isolate: proven", "isolate", {"verdict": "proven"}),
)


def test_what_was_commanded_is_not_drawn_as_proven() -> None:
    drawn = picture(told(*CONTAINED), 100)
    (containment, *_) = drawn.lanes
    states = [(bar.style, round(bar.x), round(bar.width)) for bar in containment.bars]
    assert states == [("is-none", 0, 19), ("is-commanded", 19, 10), ("is-proven", 29, 68)]
    assert containment.note == "proven +30.0 s"
    assert "contained, proven from +30.0 s" in drawn.says


@pytest.mark.parametrize("verdict", ["disproven", "unprovable"])
def test_what_was_disproven_or_could_not_be_shown_is_drawn_as_not_proven(verdict: str) -> None:
    entries = (*CONTAINED[:4], (30.0, Kind.PROOF, "no", "isolate", {"verdict": verdict}))
    drawn = picture(told(*entries), 100)
    assert [bar.style for bar in drawn.lanes[0].bars][-1] == "is-unproven"
    assert verdict in [mark.shape for lane in drawn.lanes for mark in lane.marks]


def test_containment_that_was_taken_back_is_drawn_as_lifted() -> None:
    undone: Told = (60.0, Kind.UNDO, "Undone and shown: Isolate", "isolate", {})
    drawn = picture(told(*CONTAINED, undone), 100)
    assert [bar.style for bar in drawn.lanes[0].bars][-1] == "is-lifted"


def test_a_zoom_shows_less_time_and_nothing_outside_of_it() -> None:
    of = told(*CONTAINED, (400.0, Kind.ALERT, "Alert again", None, {"title": "t"}))
    whole, first = picture(of, 500), picture(of, 500, "first-minute")
    alerts = next(lane for lane in whole.lanes if lane.kind == "alerts").marks
    seen = next(lane for lane in first.lanes if lane.kind == "alerts").marks
    assert (len(alerts), len(seen)) == (2, 1)
    assert {"all", "first-minute"} <= {zoom.name for zoom in first.zooms}
    assert first.now is None
    assert picture(of, 500, "of-another-page").zoom == "all"


def test_an_incident_of_no_length_and_one_of_a_year_have_axes_to_read() -> None:
    for seconds in (0.0, 0.003, 45.0, 86_400.0 * 365):
        ticks = picture(told(*CONTAINED[:2]), seconds).ticks
        assert 1 <= len(ticks) <= 8
        assert all(0 <= tick.x <= 100 for tick in ticks)


def test_every_step_question_and_answer_of_the_picture_is_in_the_table() -> None:
    asked = {"gate": "g", "digest": "d", "roles": ["commander"]}
    said = {"gate": "g", "actor": "ic-1", "choice": "approve"}
    drawn = picture(
        told(
            *CONTAINED,
            (40.0, Kind.GATE, "Asked: Go on?", None, asked),
            (50.0, Kind.DECISION, "commander approved", None, said),
            (51.0, Kind.REFUSED, "A decision changed nothing", None, said),
            (52.0, Kind.GATE, "Gate g: approved", None, {"gate": "g", "outcome": "approved"}),
        ),
        100,
    )
    table = [(row.kind, row.stands) for row in drawn.rows]
    assert ("step, contain", "running, 1 looks") in table
    assert ("question", "approved") in table
    assert ("decision", "counted") in table
    assert ("decision", "changed nothing") in table
    gate = next(lane for lane in drawn.lanes if lane.kind == "gate")
    assert [mark.shape for mark in gate.marks] == ["approve", "refused"]
