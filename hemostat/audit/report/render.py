"""Draws a report: HTML by Jinja2, PDF by typst; both from the same data, neither from markup.

The PDF's template reads the report as data (``sys.inputs``), so text in it is text, whatever it
holds. The fonts are those that typst brings: the same PDF on every machine.
"""

import json
from datetime import datetime
from importlib import resources
from typing import Any, Final, Literal

from hemostat.audit.pages import render
from hemostat.audit.report.document import Report
from schemas.errors import ConfigurationError

_TEMPLATES: Final = "hemostat.audit.report"


def html(report: Report) -> str:
    """Return the report as one HTML file."""
    return render("report.html", report=report)


def pdf(report: Report) -> bytes:
    """Return the report as a PDF; ``ConfigurationError`` where typst is not installed."""
    drawn: bytes = drawn_as(report, "pdf")
    return drawn


def drawn_as(report: Report, form: Literal["pdf", "png"], **how: Any) -> Any:
    """Return what typst makes of the report: bytes, or a list of them for pages as pictures."""
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "a PDF needs the package typst",
            next_step="install `hemostat[report]`, or write HTML: `-o FILE.html`.",
        ) from error
    template = resources.files(_TEMPLATES).joinpath("templates/report.typ").read_bytes()
    return typst.compile(
        template,
        format=form,
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(report.document())},
        timestamp=datetime.fromisoformat(report.made_at).replace(microsecond=0),
        **how,
    )
