"""Answers about the record itself: whether it was altered, replays, is real, and who saw it."""

from hemostat.audit.account.account import Account
from hemostat.audit.account.legal import ClockTold
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.explain.answer import Answer, Point, listed, not_shown
from schemas.base import iso
from schemas.journal import Kind


def altered(account: Account) -> Answer:
    """Whether the timeline was altered."""
    id_, question = "altered", "Was the timeline altered?"
    trap = "retention, resets, deletion and whoever administers the database"
    entries = account.record.entries
    broken = account.record.chain_breaks()
    if broken:
        return Answer(id_, question, "shown", f"Yes: {broken}", (Point(broken, (), True),), trap)
    points = [
        Point(f"the chain of {len(entries)} entries holds; its head is {account.record.head}")
    ]
    if (seals := account.record.seals) is not None:
        says = f"{counted(seals.count, 'checkpoint')} from {seals.first_at} to {seals.last_at}"
        stamps = counted(seals.stamps, "timestamp") if seals.stamps else "no timestamp"
        points.append(Point(f"{says}, {stamps} from outside; signatures are not checked here"))
        points += [
            Point(f"the sealer saw an alteration: {said}", (), True) for said in seals.alarms
        ]
    if account.record.source == "pack":
        says = (
            "The journal's chain holds. That nobody made the whole of it anew is for the signed "
            "checkpoints to show: `hemostat audit verify`."
        )
        return Answer(id_, question, "partly", says, tuple(points), trap)
    says = "The journal's chain holds. This source has no seals; a pack has."
    return Answer(id_, question, "partly", says, tuple(points), trap)


def replayable(account: Account) -> Answer:
    """Whether it can be replayed."""
    id_, question = "replay", "Can I replay it?"
    trap = "a replay shows that decisions follow from inputs, not that the inputs are true"
    if account.record.runs is None:
        return not_shown(id_, question, "this source holds no histories; a pack does", trap)
    runs = counted(account.record.runs, "run with its", "runs with their")
    says = (
        f"Yes: {runs} full history. `hemostat audit replay` compares every command and the journal."
    )
    return Answer(id_, question, "shown", says, (), trap)


def clocks(account: Account) -> Answer:
    """Whether service levels and legal clocks were met."""
    id_, question = "clocks", "Were legal clocks met?"
    trap = "an awareness that was backdated; one moment where there were several"
    legal = account.legal
    if legal.pinned is None:
        return not_shown(id_, question, "the service declared no legal regime", trap)
    points = [point for clock in legal.decided for point in _clock(clock)]
    if legal.candidates:
        told = listed(
            [f"{e.says.partition(': ')[2]} {e.data['candidate']}" for e in legal.candidates]
        )
        seqs = tuple(e.seq for e in legal.candidates)
        alert = account.first_alert.data.get("received_at") if account.first_alert else "none"
        says = f"moments that might be the awareness, beside the first alert ({alert}): {told}"
        points.append(Point(says, seqs))
    met, due_or_filed = legal.met()
    says = (
        f"{counted(len(legal.decided), 'clock has', 'clocks have')} a state. Filed or overdue: "
        f"{due_or_filed}; in time, by the moment of filing that was told: {met}. That an authority "
        "received anything is not shown beyond the reference that was given. Service levels are not "
        "part of the record; how long things took is."
    )
    return Answer(id_, question, "shown", says, tuple(points), trap)


def _clock(clock: ClockTold) -> list[Point]:
    """One clock: its state, who ruled, from which moment, when it was filed, and what was sent."""
    due = f", due {clock.due}" if clock.due and not clock.settled else ""
    decided = f", decided by {clock.decided_by}" if clock.decided_by else ", not decided"
    moved = (
        f", its due time moved {counted(len(clock.dues) - 1, 'time')}"
        if len(clock.dues) > 1
        else ""
    )
    margin = clock.margin_seconds
    filed = ""
    if clock.filed is not None:
        spare = (
            ""
            if margin is None
            else f" ({in_short(abs(margin))} {'to spare' if margin >= 0 else 'late'})"
        )
        named = clock.filed.data.get("reference")
        filed = f", filed {clock.filed_at} as {clock.filed.data.get('role')} told{spare}, " + (
            f"reference {str(named)[:80]}" if named else "with no reference"
        )
    bad = clock.state in ("overdue", "filed-late")
    says = f"{clock.id}: {clock.stands}{due}{decided}{filed}{moved}"
    points = [Point(says, tuple(clock.seqs), concern=bad)]
    if clock.awareness is not None:
        said = clock.awareness
        points.append(
            Point(
                f"  it runs from {said.data.get('value')}, as {said.data.get('role')} selected at "
                f"{said.at}: {str(said.data.get('reason', ''))[:160] or 'no reason'}",
                (said.seq,),
            )
        )
    points += [Point(f"  {e.at} {e.says}", (e.seq,)) for e in clock.blocked]
    sent = [Point(f"  {e.says} at {e.at}", (e.seq,)) for e in clock.sent]
    if clock.sent_later is not None:
        says = (
            f"  the record shows it sent {in_short(clock.sent_later)} AFTER the time of filing that "
            "was told"
        )
        sent.append(Point(says, (clock.sent[0].seq,), True))
    return [*points, *sent]


def readers(account: Account) -> Answer:
    """Who saw the data."""
    id_, question = "readers", "Who saw the data?"
    trap = "an auditor's role that can also act; reads after the close are in no pack"
    reads = account.record.reads
    if reads is None:
        return not_shown(
            id_,
            question,
            "reads are recorded of restricted incidents alone, and sealed at the close; this source "
            "has none"
            + (
                ", and this incident names nobody who was excluded"
                if not _excluded(account)
                else ""
            ),
            trap,
        )
    points = []
    for person in sorted({read.person for read in reads}):
        mine = [read for read in reads if read.person == person]
        whats = ", ".join(sorted({read.what for read in mine}))
        ways = ", ".join(sorted({f"{read.kind} by {read.method}" for read in mine}))
        span = f"{iso(mine[0].at)} to {iso(mine[-1].at)}"
        points.append(Point(f"{person} ({ways}): {counted(len(mine), 'read')}, {span}: {whats}"))
    says = (
        f"{counted(len(reads), 'read')} by {counted(len(points), 'person', 'people')} through the console and the API until the "
        "close, as they were sealed. Who reads Temporal, the vault or a pack is not recorded."
    )
    return Answer(id_, question, "partly", says, tuple(points), trap)


def _excluded(account: Account) -> bool:
    return any("takes no part" in e.says for e in account.of(Kind.FINDING))


def real(account: Account) -> Answer:
    """Whether it was a drill or real."""
    first = account.record.entries[0]
    says = "An exercise." if account.drill else "Real: it was not opened as an exercise."
    point = Point(f"drill: {str(account.drill).lower()}, in the first entry", (first.seq,))
    trap = "an exercise counted as evidence of a control without its label"
    return Answer("drill", "Was it a drill or real?", "shown", says, (point,), trap)


def lessons(_: Account) -> Answer:
    """Whether lessons landed."""
    return not_shown(
        "lessons",
        "Did the lessons land?",
        "action items are annotations, apart from the record (`hemostat report annotate`)",
        "a ticket that was closed verifies nothing",
    )


def generated(_: Account) -> Answer:
    """Whether there is text by a model in the record."""
    return not_shown(
        "generated",
        "Is text that a model wrote in the record?",
        "sentences of the journal are the code's own, but titles, reasons and statements come from "
        "outside, and nothing marks which of those a model wrote",
        "a summary passed off as a fact",
    )
