"""Takes the picture of a report that the documents show: ``make pictures``.

The first page of the post-mortem of a recorded incident, drawn as the PDF is.
"""

import asyncio
import io
import sys
from typing import Final

from PIL import Image

from hemostat.audit.report.postmortem import postmortem
from hemostat.audit.report.render import drawn_as
from tests.audit.test_explain import account_of
from tests.docs.documents import ROOT

PICTURE: Final = ROOT / "docs" / "assets" / "postmortem.png"
INCIDENT: Final = "assistant-exfiltration/filed"
LARGEST: Final = 150_000
"""Bytes."""


async def take() -> None:
    """Draw the page and keep it in few colours: it is text on a plain ground."""
    report = postmortem(await account_of(INCIDENT), [])
    pages: list[bytes] = drawn_as(report, "png", ppi=110)
    first = Image.open(io.BytesIO(pages[0])).convert("RGB")
    first.quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}, {size / 1000:.0f} kB\n")
    if size > LARGEST:
        raise SystemExit(f"{PICTURE.name} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    asyncio.run(take())
