"""The hemostat.toml of the adversarial-evasion drill, with the moderation range's addresses.

Times are shorter than in production, so that the drill fits into two minutes; the procedure is the
same. Secrets are files in the range's folder, named by reference.
"""

from hemostat.drill import tables, told
from hemostat.drill.addresses import Addresses
from hemostat.drill.range.evasion.range import ModerationRange

SILENCE_SECONDS = 4
"""How long the commander's gate for the fallback rules waits in a drill."""


def evasion_configuration(
    here: ModerationRange, where: Addresses, *, fn_rate: float, disagreement: float
) -> str:
    """Return the file's text; the two shares were measured before the attack."""
    return f"""\
{tables.head(where)}
[[routes]]
source = "alertmanager"
match = {{ alertname = "ModerationFalseNegativeHigh" }}
playbook = "adversarial-evasion"
service = "image-moderation"

[services.image-moderation]
playbooks = ["adversarial-evasion"]
connections = {{ accounts = "uploaders", disclosure = "mail", gateway = "edge", \
moderation = "moderation", pager = "pagerduty", tickets = "servicenow", vault = "evidence"{told.chat(where.slack)} }}

[services.image-moderation.parameters]
route = "moderate"
adversarial_set = "{here.training_digest}"
baseline_fn_rate = {max(fn_rate, 0.005):.4f}
baseline_disagreement = {max(disagreement, 0.03):.4f}
looks = 2
look_every = "PT1S"
look_within = "PT20S"
stages = [1, 5, 25, 100]
stage_looks = 2
stage_look_every = "PT1S"

[services.image-moderation.gates.to-fallback-rules]
timer = "{SILENCE_SECONDS}s"

[connections.uploaders]
adapter = "accounts_caddy"
admin = "{here.caddy_admin_url}"
edge = "{here.edge_url}"
knock_path = "/v1/moderate"
legitimate = "member-0001"

[connections.edge]
adapter = "gateway_caddy"
admin = "{here.caddy_admin_url}"
trusted_accounts = "file:trusted-accounts.json"

[connections.moderation]
adapter = "moderation_http"
service = "{here.service_url}"
edge = "{here.edge_url}"
admin_token = "file:{here.admin_token_file.name}"
evidence_key = "file:evidence-key"
adversarial_set = "file:{here.sealed_path.name}"
adversarial_set_digest = "{here.sealed_digest}"
benign_set = "file:{here.benign_path.name}"
benign_set_digest = "{here.benign_digest}"
watch_seconds = 1

[connections.mail]
adapter = "disclosure_pickup"
folder = "file:outbox"
sender = "incident@hemostat.example"
audiences = {{ hotline = "hotline@outside.example", uploaders = "notices@outside.example" }}

{tables.pager(where.pagerduty)}
{tables.tickets(where.servicenow)}
{tables.EVIDENCE}
{told.slack_connection(where.slack, ())}"""
