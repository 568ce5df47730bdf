"""Writes a report to the file that was named: its ending says how it is drawn."""

from pathlib import Path

from hemostat.audit.report.document import Report
from hemostat.audit.report.render import html, pdf
from hemostat.private_file import write_private
from schemas.errors import BadInput, ConfigurationError


def write(report: Report, file: Path) -> None:
    """Write *report* to *file*, HTML or PDF; ``BadInput`` for any other ending."""
    if file.suffix == ".pdf":
        content = pdf(report)
    elif file.suffix in (".html", ".htm"):
        content = html(report).encode()
    else:
        raise BadInput("a report is written as .pdf or .html", where=str(file))
    try:
        write_private(file, content)
    except OSError as error:
        raise ConfigurationError(
            f"the report cannot be written ({error.strerror})", where=str(file)
        ) from error
