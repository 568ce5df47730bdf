"""Timestamps from outside: each is over its checkpoint, by an authority of the trust file."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hemostat.audit.account.words import counted
from hemostat.audit.pack.reader import Pack
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.signatures import CLOCKS_DIFFER, Signed, moment
from schemas.audit.checkpoint import Checkpoint
from schemas.audit.signing import Envelope
from schemas.base import iso

if TYPE_CHECKING:
    from cryptography import x509

LATE: Final = timedelta(minutes=15)
"""A timestamp this long after its checkpoint's own time does not prove that time."""


def check_stamps(
    pack: Pack, held: Sequence[Envelope[Checkpoint]], signed: Signed, findings: Findings
) -> str | None:
    """Check every timestamp and fill ``signed.proven_before``."""
    names = list(_of_checkpoints(pack, held, findings))
    authorities = signed.trust.authorities
    if not authorities:
        if names:
            findings.notes.append("the trust file names no timestamp authority: none was checked")
        return None
    from cryptography import x509  # noqa: PLC0415 - most trust files name none, and it loads long

    roots = [x509.load_pem_x509_certificate(a.certificate.encode()) for a in authorities]
    times = _times(pack, names, held, roots, findings)
    proven: str | None = None
    for seq in reversed(range(len(held))):
        proven = min(filter(None, (times.get(seq), proven)), default=None)
        if proven:
            signed.proven_before[seq] = proven
    since = min(authority.since for authority in authorities)
    _check_between(held, times, since, signed, findings)
    if held and held[-1].body.at >= since and len(held) - 1 not in times:
        where = f"checkpoint {len(held) - 1}"
        findings.add("timestamp-missing", where, "the last checkpoint has no timestamp that holds")
    return counted(len(times), "timestamp from outside holds", "timestamps from outside hold")


def _of_checkpoints(
    pack: Pack, held: Sequence[Envelope[Checkpoint]], findings: Findings
) -> Iterator[str]:
    """The members that are timestamps of a checkpoint that is there, under its one name."""
    for name in pack.names:
        if not name.startswith("timestamps/"):
            continue
        if name != f"timestamps/{_seq_of(name):06}.tsr":
            findings.add("timestamp-of-nothing", name, "another name of a checkpoint's timestamp")
        elif _seq_of(name) >= len(held):
            findings.add("timestamp-of-nothing", name, "there is no such checkpoint")
        else:
            yield name


def _seq_of(name: str) -> int:
    """The checkpoint that *name* names; 0 where it names none, which is then not its one name."""
    said = name.removeprefix("timestamps/").removesuffix(".tsr")
    return int(said) if said.isdecimal() and said.isascii() else 0


def _check_between(
    held: Sequence[Envelope[Checkpoint]],
    times: Mapping[int, str],
    since: str,
    signed: Signed,
    findings: Findings,
) -> None:
    """Name checkpoints that no outside time covers soon after they say they were made.

    With the sealer's key they can be made anew at any time until that one, and dated back.
    """
    late = [
        envelope.body
        for envelope in held
        if envelope.body.at >= since
        and envelope.body.seq not in times
        and (proven := signed.proven_before.get(envelope.body.seq))
        and moment(proven) > moment(envelope.body.at) + LATE
    ]
    if late:
        first, more = late[0], len(late) - 1
        what = (
            f"it says {first.at}, and the first time from outside that covers it is "
            f"{signed.proven_before[first.seq]}"
        )
        also = f"; {counted(more, 'later one', 'later ones')} alike" if more else ""
        findings.add("timestamp-late", f"checkpoint {first.seq}", what + also)


def _times(
    pack: Pack,
    names: Sequence[str],
    held: Sequence[Envelope[Checkpoint]],
    roots: "Sequence[x509.Certificate]",
    findings: Findings,
) -> dict[int, str]:
    """The outside time of each checkpoint that has one which holds."""
    times: dict[int, str] = {}
    for name in names:
        seq = _seq_of(name)
        said = _time_of(bytes(pack.content(name)), held[seq].content, roots)
        if said is None:
            findings.add("timestamp-invalid", name, "it does not hold over its checkpoint")
            continue
        times[seq] = iso(said)
        claimed = moment(held[seq].body.at)
        if claimed > said + CLOCKS_DIFFER:
            findings.add("time-postdated", f"checkpoint {seq}", f"it was there before, at {said}")
        elif said > claimed + LATE:
            what = f"it says {held[seq].body.at} and was first seen outside at {times[seq]}"
            findings.add("time-backdated", f"checkpoint {seq}", what)
    return times


def _time_of(stamp: bytes, said: bytes, roots: "Sequence[x509.Certificate]") -> datetime | None:
    from rfc3161_client import (  # noqa: PLC0415 - as above
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    try:
        response = decode_timestamp_response(stamp)
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, said)
        return response.tst_info.gen_time
    except (VerificationError, ValueError, TypeError):
        return None
