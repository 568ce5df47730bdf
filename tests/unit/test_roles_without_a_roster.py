"""Where people are declared, nobody speaks in a role of their own choosing, at no incident."""

from datetime import UTC, datetime
from pathlib import Path

from hemostat.desk.saying import _judging
from hemostat.gateway.routing import TRIAGE, UNROUTED, destination_of
from hemostat.keys import create_key
from hemostat.settings import Settings
from schemas.alert import Alert, AlertAction, AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_of
from schemas.eligibility import Claim, Standing
from tests.unit.console_desk import incident

PEOPLE = '[people]\nc1 = {}\n[roles]\ncommander = { primary = "c1" }\n'
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALERT = Alert(
    source="nobody-knows-it",
    source_type="alertmanager",
    delivery_key="d",
    alert_key="a",
    episode_key="e",
    action=AlertAction.OPEN,
    severity=AlertSeverity.HIGH,
    title="t",
    received_at=NOW,
    auth=Authenticity(scheme="bearer", key_id="k"),
    raw=RawRef(digest=digest_of("raw"), size=1, media_type="application/json"),
)


def test_an_incident_of_a_service_that_nobody_configured_has_its_people_too(tmp_path: Path) -> None:
    rosters = []
    for name, tables in (("with.toml", PEOPLE), ("without.toml", "")):
        (tmp_path / name).write_text(tables)
        opening = destination_of(Settings.load(tmp_path / name), ALERT).opening
        assert (opening.playbook, opening.service.name) == (TRIAGE, UNROUTED)
        rosters.append(opening.service.roster)
    assert rosters[0] is not None
    assert rosters[0].roles["commander"].primary == ("c1",)
    assert rosters[1] is None


def test_the_gateway_judges_roles_where_an_incident_from_before_cannot(tmp_path: Path) -> None:
    key = create_key(tmp_path / "gateway.pem")
    assert not key.judges_roles
    seen = incident("an incident")
    gate = seen.gates[0]
    one = Standing(person="c1", role="commander", claim=Claim.HOLDER)
    for standings, judges in (((), True), ((one,), False)):
        asked = gate.model_copy(update={"may_decide": standings})
        view = seen.model_copy(update={"gates": (asked,)})
        assert _judging(key, view).judges_roles is judges
