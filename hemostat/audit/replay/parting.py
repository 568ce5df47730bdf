"""Where a replay and the record part: command by command, then entry by entry of the journal.

A command that the record has belongs to the replayed one of the same id; ids are given in the order
of asking. So a command that was changed is found at its place, and one that was dropped or added
shifts those after it: the first place is the one to look at, the rest follow from it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hemostat.audit.replay.asked import Asked, Asking, readable
from hemostat.audit.replay.words import cut, in_words, told, where_they_differ

_ABSENT: Final = object()
_MEETS_IN_TIME: Final = {
    Asking.ACTIVITY: Asking.CANCEL_ACTIVITY,
    Asking.TIMER: Asking.CANCEL_TIMER,
}


@dataclass(frozen=True)
class Parting:
    """One place where they part; ``says`` is a sentence in the playbook's words.

    ``event`` is the history event (of a replayed command, the event after which it would stand),
    ``entry`` the journal entry. Text from outside in ``recorded`` and ``now`` is cut, not cleaned.
    """

    what: str
    says: str
    event: int | None = None
    entry: int | None = None
    step: str = ""
    recorded: str = ""
    now: str = ""


@dataclass(frozen=True)
class Compared:
    """All partings of one run in the order of the history, and what is said without being one."""

    partings: tuple[Parting, ...]
    notes: tuple[str, ...]
    commands: int


def compare(
    recorded: Sequence[Asked], replayed: Sequence[Asked], *, is_open: bool, exact: bool
) -> Compared:
    """Compare the commands of one run.

    *is_open*: the history has no end yet, so commands may be given that nothing records. *exact*:
    the code is the recorded one; else a newer version may hand more to the next run, which is
    said as a note.
    """
    known = {asked.key: asked for asked in recorded}
    given = {asked.key: asked for asked in replayed}
    partings: list[Parting] = []
    notes: list[str] = []
    last = max((asked.at for asked in replayed), default=0)
    for asked in recorded:
        twin = given.get(asked.key)
        if twin is None:
            if asked.kind not in (Asking.CANCEL_ACTIVITY, Asking.CANCEL_TIMER):
                partings.append(_only_recorded(asked))
        else:
            partings += _differences(asked, twin, notes, exact=exact)
    for asked in replayed:
        if asked.key in known or _never_left(asked, given, known):
            continue
        if is_open and asked.at >= last:
            notes.append(f"given and not recorded yet: {in_words(asked)}")
        else:
            partings.append(_only_replayed(asked))
    partings.sort(key=lambda parting: parting.event or 0)
    return Compared(tuple(partings), tuple(dict.fromkeys(notes)), len(recorded))


def _never_left(asked: Asked, given: Mapping[Any, Asked], known: Mapping[Any, Asked]) -> bool:
    """Whether a command was cancelled before it left, or a cancel came too late to be recorded."""
    if asked.kind in (Asking.CANCEL_ACTIVITY, Asking.CANCEL_TIMER):
        return True
    meets = _MEETS_IN_TIME.get(asked.kind)
    return meets is not None and (meets, asked.id) in given and asked.key not in known


def _only_recorded(asked: Asked) -> Parting:
    said = in_words(asked)
    return Parting(
        what=asked.kind.value,
        says=f"{told(asked)}: recorded {said}; this version does not ask for it",
        event=asked.at,
        step=asked.step,
        recorded=said,
    )


def _only_replayed(asked: Asked) -> Parting:
    said = in_words(asked)
    return Parting(
        what=asked.kind.value,
        says=f"{told(asked)}: this version would ask {said}; the record has no such command",
        event=asked.at,
        step=asked.step,
        now=said,
    )


def _differences(one: Asked, other: Asked, notes: list[str], *, exact: bool) -> Iterator[Parting]:
    if (one.kind, one.name) != (other.kind, other.name):
        was, is_ = in_words(one), in_words(other)
        yield Parting(
            what=one.kind.value,
            says=f"{told(one)}: recorded {was}, this version would ask {is_}",
            event=one.at,
            step=one.step,
            recorded=was,
            now=is_,
        )
        return
    if one.summary != other.summary:
        yield Parting(
            what="summary",
            says=f"{told(one)}: recorded as '{cut(one.summary)}', now '{cut(other.summary)}'",
            event=one.at,
            step=one.step,
            recorded=cut(one.summary),
            now=cut(other.summary),
        )
    for name in sorted(one.parts.keys() | other.parts.keys()):
        before, after = one.parts.get(name), other.parts.get(name)
        if before == after:
            continue
        yield from _part_differs(one, other, name, notes, exact=exact)


def _part_differs(
    one: Asked, other: Asked, name: str, notes: list[str], *, exact: bool
) -> Iterator[Parting]:
    was, is_ = one.parts.get(name), other.parts.get(name)
    before = _ABSENT if was is None else readable(was)
    after = _ABSENT if is_ is None else readable(is_)
    if before is not _ABSENT and after is not _ABSENT:
        places = where_they_differ(before, after)
        if not exact and one.kind is Asking.CONTINUE:
            more = [p for p in places if p.added and p.path.startswith("carried.state.")]
            more = [p for p in more if p.path.count(".") == _DEPTH_OF_STATE]
            notes += [f"this version hands more to the next run: {p.path}" for p in more]
            places = [p for p in places if p not in more]
        if not exact:
            places = [p for p in places if not (p.added and p.now in _EMPTY)]
        if not places:
            return
    yield Parting(
        what=f"{one.kind.value}: {name}" if name != one.kind.value else name,
        says=f"{told(one)}: {_sentence(one, other, name, before, after)}",
        event=one.at,
        step=one.step,
        recorded="absent" if before is _ABSENT else cut(before),
        now="absent" if after is _ABSENT else cut(after),
    )


_DEPTH_OF_STATE: Final = 3
"""``carried.state.intake.heard``: a field of one part of the engine, never a step's result."""

_EMPTY: Final = ("null", "false", "[]", "{}")
"""What a field that the recorded version did not have says when it says nothing."""


def _sentence(one: Asked, other: Asked, name: str, before: Any, after: Any) -> str:
    if one.kind is Asking.ACTIVITY and name == "arguments":
        only = tuple(p.path for p in where_they_differ(before, after))
        return (
            f"recorded {in_words(one, only=only)}, this version would ask "
            f"{in_words(other, only=only)}"
        )
    if before is _ABSENT or after is _ABSENT:
        was = "nothing" if before is _ABSENT else cut(before)
        is_ = "nothing" if after is _ABSENT else cut(after)
        return f"{name}: recorded {was}, this version would say {is_}"
    places = where_they_differ(before, after)
    said = "; ".join(f"{p.path or name}: recorded {p.recorded}, now {p.now}" for p in places[:3])
    more = f" (and {len(places) - 3} more)" if len(places) > 3 else ""
    return f"{said}{more}"


def compare_journals(
    recorded: Iterable[Mapping[str, Any]], replayed: Iterable[Mapping[str, Any]]
) -> Parting | None:
    """Return the first entry of the record that the replay writes otherwise, or leaves out.

    Entries before the first replayed one belong to earlier runs. ``prev`` and ``digest`` follow
    from the rest, so they are compared by it.
    """
    written = {entry["seq"]: entry for entry in replayed}
    for entry in recorded:
        if not written or entry["seq"] < min(written) or entry["seq"] > max(written):
            continue
        twin = written.get(entry["seq"])
        parting = _entry_differs(entry, twin)
        if parting is not None:
            return parting
    return None


def compare_clocks(
    recorded: Mapping[str, Any], replayed: Mapping[str, Any], event: int
) -> Parting | None:
    """Return where the ledger of legal clocks in the record is not the one that a replay comes to.

    What only a newer version tells of a clock is no parting.
    """
    told = {row.get("id"): row for row in replayed.get("clocks", ())}
    for row in recorded.get("clocks", ()):
        twin = told.pop(row.get("id"), {})
        other = next((n for n, value in row.items() if value != twin.get(n)), None)
        if other is not None:
            says = (
                f"legal clock {row.get('id')}: `{other}` is recorded otherwise than the run has it"
            )
            was, now = cut(row[other]), cut(twin.get(other))
            return Parting("clocks", says, event, recorded=was, now=now)
    rest = {name: value for name, value in recorded.items() if name != "clocks"}
    if told or any(replayed.get(name) != value for name, value in rest.items()):
        return Parting("clocks", "the record has other legal clocks", event)
    return None


def _entry_differs(entry: Mapping[str, Any], twin: Mapping[str, Any] | None) -> Parting | None:
    seq, step = entry["seq"], entry["step"] or ""
    where = f"step {step}" if step else "the journal"
    if twin is None:
        says = f"{where}: entry {seq} is recorded, this version does not write it"
        return Parting("journal", says, entry=seq, step=step, recorded=cut(entry["says"]))
    names = ("kind", "step", "says", "data", "at", "prev", "digest")
    for name in names:
        if entry[name] == twin[name]:
            continue
        place = where_they_differ(entry[name], twin[name])[0]
        path = f"{name}.{place.path}" if place.path else name
        return Parting(
            what="journal",
            says=(
                f"{where}: entry {seq} ({cut(entry['says'])}): {path}: "
                f"recorded {place.recorded}, now {place.now}"
            ),
            entry=seq,
            step=step,
            recorded=place.recorded,
            now=place.now,
        )
    return None
