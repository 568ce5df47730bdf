"""The explanation as one HTML file."""

from hemostat.audit.explain.explanation import Explanation
from hemostat.audit.pages import render


def page(explanation: Explanation) -> str:
    """Return the page."""
    return render("explanation.html", explanation=explanation)
