"""The routes of the console, a page a line; ``doors`` says what every page owes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hemostat.console import decide, handing_out, readiness, saying, showing, watching
from hemostat.console.doors import Console, Page, guarded, seen_other
from hemostat.console.keeping import posted
from hemostat.console.pages import THEME_COOKIE, THEMES, serve_static
from hemostat.forms import form_of
from schemas.who import Who


async def set_theme(request: Request) -> Response:
    """Keep dark or light in a cookie; it is no secret and changes nothing for anybody else."""
    form = await form_of(request)
    theme = form.get("theme")
    answer = seen_other(form.get("back", ""))
    if theme and theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=31_536_000, samesite="lax", httponly=True)
    return answer


def routes(console: Console) -> list[Route]:
    """Return every route of the console."""

    def at(path: str, show: Page, *methods: str) -> Route:
        return Route(path, guarded(console, show), methods=list(methods) or ["GET"])

    def taken(path: str, take: Page) -> Route:
        return Route(path, posted(console, take), methods=["POST"])

    async def home(console: Console, request: Request, who: Who) -> Response:
        return seen_other("/incidents")

    return [
        at("/", home),
        at("/incidents", showing.list_incidents),
        at("/incidents/{incident}", showing.show_incident),
        at("/incidents/{incident}/events", watching.incident_events),
        at("/incidents/{incident}/gates/{gate}", decide.show_gate),
        taken("/incidents/{incident}/gates/{gate}", decide.take),
        at("/incidents/{incident}/say/{what}", saying.show),
        taken("/incidents/{incident}/say/{what}", saying.take),
        at("/incidents/{incident}/reports/{kind}.{form}", handing_out.show_report),
        at("/incidents/{incident}/pack.zip", handing_out.hand_out_pack),
        at("/decisions", decide.inbox),
        at("/events", watching.list_events),
        at("/playbooks", readiness.show_playbooks),
        at("/readiness", readiness.show_readiness),
        at("/drills", readiness.show_drills),
        at("/drills", readiness.start_drill, "POST"),
        at("/drills/events", watching.drill_events),
        Route("/theme", set_theme, methods=["POST"]),
        Route("/static/{digest}/{name}", serve_static),
    ]
