"""Timestamps from outside: each is over its checkpoint, by an authority of the trust file."""

from collections.abc import Sequence
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
    names = [name for name in pack.names if name.startswith("timestamps/")]
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
    if held and held[-1].body.at >= since and len(held) - 1 not in times:
        where = f"checkpoint {len(held) - 1}"
        findings.add("timestamp-missing", where, "the last checkpoint has no timestamp that holds")
    return counted(len(times), "timestamp from outside holds", "timestamps from outside hold")


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
        seq = int(name.removeprefix("timestamps/").removesuffix(".tsr"))
        if name != f"timestamps/{seq:06}.tsr":
            findings.add("timestamp-of-nothing", name, "another name of a checkpoint's timestamp")
            continue
        if seq >= len(held):
            findings.add("timestamp-of-nothing", name, "there is no such checkpoint")
            continue
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
