"""Answers about the record itself: whether it was altered, replays, is real, and who saw it."""

from hemostat.audit.account.account import Account, in_short
from hemostat.audit.explain.answer import Answer, Point, not_shown
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
    says = (
        f"Yes: {account.record.runs} runs with their full history. `hemostat audit replay` "
        "compares every command and the journal."
    )
    return Answer(id_, question, "shown", says, (), trap)


def clocks(account: Account) -> Answer:
    """Whether service levels and legal clocks were met."""
    id_, question = "clocks", "Were legal clocks met?"
    trap = "an awareness that was backdated; one moment where there were several"
    legal = account.legal
    if legal.pinned is None:
        return not_shown(id_, question, "the service declared no legal regime", trap)
    points = []
    for clock in legal.decided:
        decided = f", decided by {clock.decided_by}" if clock.decided_by else ", not decided"
        margin = clock.margin_seconds
        filed = f", filed with {in_short(margin)} to spare" if margin is not None else ""
        if margin is not None and margin < 0:
            filed = f", filed {in_short(-margin)} late"
        moved = f", its due time moved {len(clock.dues) - 1} times" if len(clock.dues) > 1 else ""
        due = f", due {clock.due}" if clock.due else ""
        bad = clock.state in ("overdue", "filed-late")
        says = f"{clock.id}: {clock.stands}{due}{decided}{filed}{moved}"
        points.append(Point(says, tuple(clock.seqs), concern=bad))
    met, due_or_filed = legal.met()
    says = (
        f"{len(points)} clocks have a state; of {due_or_filed} that were filed or are overdue, "
        f"{met} were filed in time."
    )
    return Answer(id_, question, "shown", says, tuple(points), trap)


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
        points.append(Point(f"{person} ({ways}): {len(mine)} reads, {span}: {whats}"))
    says = (
        f"{len(reads)} reads by {len(points)} people through the console and the API until the "
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
