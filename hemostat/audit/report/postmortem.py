"""The post-mortem: blameless, facts from the record first, people's additions apart."""

from collections.abc import Sequence
from datetime import UTC, datetime

from hemostat.audit.account.account import Account
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.report import added, facts, figures, response
from hemostat.audit.report.annotations import About, Annotation
from hemostat.audit.report.answers import answers, headline
from hemostat.audit.report.document import Report
from hemostat.audit.report.metrics import metrics_of
from hemostat.audit.report.regulatory import regulatory
from schemas.base import iso


def postmortem(account: Account, annotations: Sequence[Annotation]) -> Report:
    """Return the post-mortem of one incident."""
    metrics = metrics_of(account)
    sections = (
        facts.picture(account, 19),
        facts.points(account, 24),
        facts.impact(account),
        response.containment(account),
        response.approvals(account),
        response.deviations(account),
        regulatory(account),
        facts.evidence(account),
        figures.measured(metrics),
        added.told(annotations, About.EXPECTED, "What was supposed to happen"),
        added.told(annotations, About.CONTRIBUTING, "Contributing factors"),
        added.told(annotations, About.DETECTION, "Detection gaps"),
        added.told(annotations, About.WENT_WELL, "What went well"),
        added.told(annotations, About.LUCKY, "Where we were lucky"),
        added.actions(annotations),
        figures.controls(account),
    )
    report = Report(
        kind="Post-mortem",
        title=f"{account.title}",
        subtitle=f"Incident {account.incident} of the service {account.service}",
        exercise=account.drill,
        facts=headline(account, metrics),
        sections=added.apart(sections),
        head=account.record.head,
        made_from=facts.provenance(account),
        made_at=iso(datetime.now(UTC)),
        answers=answers(account),
    )
    return report.scrubbed(Scrubber(account).text)
