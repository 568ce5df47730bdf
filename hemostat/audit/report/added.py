"""The sections that come from annotations: marked as people's, or said to be missing."""

from collections.abc import Sequence

from hemostat.audit.report.annotations import About, Annotation
from hemostat.audit.report.document import Section, Table
from hemostat.terminal import clean


def told(
    annotations: Sequence[Annotation], about: About, title: str, nothing: str = "Nobody added this."
) -> Section:
    """One section of what people said about one thing."""
    mine = [a for a in annotations if a.about is about]
    bullets = tuple(f"{clean(a.text, 4000)} ({a.by_role}, {a.at[:10]})" for a in mine)
    return Section(title, lead="" if mine else nothing, bullets=bullets, annotated=True)


def apart(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return *sections* with those that nobody filled gathered in one line at the end."""
    filled = [s for s in sections if not s.annotated or s.bullets or s.table]
    missing = [s.title for s in sections if s not in filled]
    if not missing:
        return tuple(filled)
    says = (
        f"Not added by people, so far: {'; '.join(missing)}. `hemostat report annotate` adds them."
    )
    return (*filled, Section("Not added yet", lead=says, annotated=True))


def actions(annotations: Sequence[Annotation]) -> Section:
    """The action items: owner, day, and what verifies each."""
    mine = [a for a in annotations if a.about is About.ACTION]
    if not mine:
        return Section("Action items", lead="Nobody added any.", annotated=True)
    rows = tuple(
        (
            clean(a.text, 600),
            a.owner or "no owner",
            a.due or "no day",
            clean(a.verify_by, 300) if a.verify_by else "nothing verifies it yet",
        )
        for a in mine
    )
    table = Table(("what", "owner", "due", "verified by"), rows, (42, 17, 13, 28))
    return Section("Action items", table=table, annotated=True)
