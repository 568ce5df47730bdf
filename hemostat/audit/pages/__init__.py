"""Pages for people who audit and decide: one self-contained file, readable on paper.

Law: text from outside reaches a page as text. Jinja2 escapes every value; a page has no script,
fetches nothing, and says so to the browser (a Content-Security-Policy of its own).
"""

from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from hemostat.terminal import clean

_ENVIRONMENT: Final = Environment(
    loader=ChoiceLoader(
        [PackageLoader("hemostat.audit.pages"), PackageLoader("hemostat.audit.report")]
    ),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["plain"] = lambda text: clean(text, 4000)


def _with_commands(text: object) -> Markup:
    """Our own sentence: what stands between backticks is what one types; all of it is escaped."""
    parts = [escape(part) for part in clean(text, 4000).split("`")]
    typed = [Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in enumerate(parts)]
    return Markup("").join(typed)


_ENVIRONMENT.filters["ours"] = _with_commands


def render(template: str, **values: Any) -> str:
    """Return the page of *template* with *values*."""
    return _ENVIRONMENT.get_template(template).render(**values)
