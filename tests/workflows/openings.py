"""How the harder playbooks are opened, with a service as most tests want it."""

from temporalio.client import Client

from schemas.alert import Alert
from tests.workflows.case import Case, alert
from tests.workflows.exfiltration_world import assistant_service, canary
from tests.workflows.moderation_world import image_moderation


async def exfiltration(client: Client, queue: str, told: Alert | None = None) -> Case:
    """An insider's, by *told*, or by a canary that was found."""
    return await Case.open(
        client, queue, told or canary(), playbook="assistant-exfiltration", of=assistant_service()
    )


async def evasion(client: Client, queue: str, **evidence: float) -> Case:
    """Of uploads that pass as safe; *evidence* beside the share of false negatives."""
    told = alert().model_copy(update={"evidence": {"fn_rate": 0.023, **evidence}})
    return await Case.open(
        client, queue, told, playbook="adversarial-evasion", of=image_moderation()
    )
