"""The people of the moderation range: members who upload, and auditors who look.

    python -m hemostat.drill.range.evasion.people members EDGE_URL
    python -m hemostat.drill.range.evasion.people auditors SERVICE_URL TOKEN_FILE [--flag-file F]

Law: members know only the public edge and upload what is theirs. Auditors look at approved items
and at the human queue. A person recognises the subject whatever is stuck beside it: the stand-in
compares the middle of the picture with every original. When the flag file appears, they flag the
next explicit item they see as apparent CSAM: a flag on an item; what it shows is a digit.
"""

import argparse
import asyncio
import base64
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np

from hemostat.drill.range.moderation.images import (
    MARGIN,
    POOLS,
    SIDE,
    Flags,
    Floats,
    decode_all,
    encode,
    originals,
    pictures,
)
from hemostat.drill.range.pacing import turns

APPARENT_CSAM: Final = "apparent-csam"
_UPLOADS_PER_SECOND: Final = 18.0
_LOOKS_PER_SECOND: Final = 4.0


async def upload_as_members(edge_url: str) -> None:
    """Upload pictures until cancelled, whatever the answers."""
    pool, dice = originals("live"), np.random.default_rng(5)
    async with (
        httpx2.AsyncClient(base_url=edge_url, trust_env=False, timeout=10) as http,
        asyncio.TaskGroup() as sending,
    ):
        number = 0
        async for _ in turns(_UPLOADS_PER_SECOND):
            number += 1
            subject = pool.subjects[dice.integers(len(pool.subjects))][None]
            content = encode(pictures(subject, 100_000 + number)[0])
            sending.create_task(_upload(http, content, f"member-{dice.integers(150):04d}"))


async def _upload(http: httpx2.AsyncClient, content: bytes, account: str) -> None:
    with suppress(httpx2.HTTPError):
        await http.post("/v1/moderate", content=content, headers={"x-account": account})


class Eyes:
    """Recognises every subject that there is, by the middle of the picture."""

    def __init__(self) -> None:
        pools = [originals(name) for name in POOLS]
        self._known: Floats = np.vstack([p.subjects.reshape(len(p.subjects), -1) for p in pools])
        self._explicit: Flags = np.concatenate([p.explicit for p in pools])
        self._squares = (self._known**2).sum(axis=1)

    def explicit(self, rows: Floats) -> Flags:
        """Which pictures show what counts as explicit."""
        middle = slice(MARGIN, SIDE - MARGIN)
        subjects = rows.reshape(-1, SIDE, SIDE)[:, middle, middle].reshape(len(rows), -1)
        # Light differs between pictures: compare directions, not lengths.
        likeness = subjects @ self._known.T / np.sqrt(self._squares)
        found: Flags = self._explicit[likeness.argmax(axis=1)]
        return found


async def audit(service_url: str, token: str, flag_file: Path | None) -> None:
    """Look at what was approved, and at the queue, until cancelled."""
    eyes = Eyes()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(
        base_url=service_url, headers=headers, trust_env=False, timeout=10
    ) as http:
        async for _ in turns(_LOOKS_PER_SECOND):
            with suppress(httpx2.HTTPError):
                await _look(http, eyes, flag_file)


async def _look(http: httpx2.AsyncClient, eyes: Eyes, flag_file: Path | None) -> None:
    rows = (await http.get("/admin/audit/next")).raise_for_status().json()["rows"]
    if not rows:
        return
    seen = eyes.explicit(decode_all([base64.b64decode(row["content"]) for row in rows]))
    verdicts: list[dict[str, Any]] = [
        {"id": row["id"], "explicit": bool(explicit)}
        for row, explicit in zip(rows, seen, strict=True)
    ]
    if flag_file is not None and flag_file.exists():
        for verdict in verdicts:
            if verdict["explicit"]:
                verdict["flag"] = APPARENT_CSAM
                flag_file.unlink()
                break
    await http.post("/admin/audit", json={"verdicts": verdicts})


def main(argv: list[str] | None = None) -> None:
    """Run until the process is stopped."""
    parser = argparse.ArgumentParser(prog="moderation_people")
    parser.add_argument("who", choices=["members", "auditors"])
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path, nargs="?")
    parser.add_argument("--flag-file", type=Path)
    given = parser.parse_args(argv)
    if given.who == "members":
        asyncio.run(upload_as_members(given.url))
    elif given.token_file is None:
        parser.error("auditors need the token's file")
    else:
        token = given.token_file.read_text("utf-8").strip()
        asyncio.run(audit(given.url, token, given.flag_file))


if __name__ == "__main__":
    main()
