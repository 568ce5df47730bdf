"""The people of the tests: opaque ids, every role of the feedback playbook and its ladders."""

from datetime import UTC, datetime, timedelta

from schemas.incident import Service
from schemas.roster import BreakGlass, Delegation, Person, Role, Roster, Span
from schemas.step import StepClass
from tests.workflows.case import service

PEOPLE = ("c1", "c2", "m1", "m2", "o1", "o2", "s1", "d1", "z1", "e1", "l1")
ROLES = {
    "commander": Role(primary=("c1",), deputies=("c2",), ladder=("exec",)),
    "deputy-commander": Role(primary=("c2",)),
    "ml-on-call": Role(primary=("o1",), ladder=("commander",)),
    "ml-secondary": Role(primary=("o2",)),
    "ml-lead": Role(primary=("m1", "m2"), ladder=("commander",)),
    "service-owner": Role(primary=("s1",), ladder=("exec",)),
    "data-owner": Role(primary=("d1",)),
    "ciso": Role(primary=("z1",), ladder=("exec",)),
    "counsel": Role(primary=("l1",)),
    "exec": Role(primary=("e1",)),
}


def around_now(back: timedelta, ahead: timedelta) -> Span:
    """From *back* ago until *ahead*."""
    now = datetime.now(UTC)
    return Span(since=now - back, until=now + ahead)


def roster(*delegations: Delegation, away: tuple[str, ...] = (), ahead: float = 24) -> Roster:
    """The roster; those *away* are out of office for *ahead* hours."""
    out = Person(away=(around_now(timedelta(days=1), timedelta(hours=ahead)),))
    return Roster(
        people={person: out if person in away else Person() for person in PEOPLE},
        roles=ROLES,
        delegations=delegations,
        break_glass=BreakGlass(people=("o2",), ttl=timedelta(minutes=30)),
    )


def staffed(*delegations: Delegation, away: tuple[str, ...] = (), ahead: float = 24) -> Service:
    """The service of the tests, with people."""
    people = roster(*delegations, away=away, ahead=ahead)
    return service().model_copy(update={"roster": people})


def delegated(of: str, to: str, role: str, *, hours: float = 24) -> Delegation:
    """A delegation for what destroys, from a day ago until *hours* from now."""
    span = around_now(timedelta(days=1), timedelta(hours=hours))
    return Delegation(
        of=of,
        to=to,
        roles=(role,),
        classes=(StepClass.DESTROY,),
        since=span.since,
        until=span.until,
    )
