"""The hemostat.toml of a drill: the same file a user writes, with this range's addresses.

Times are shorter than in production, so that the drill fits into two minutes; the procedure is the
same. Secrets are files in the range's folder, named by reference.
"""

import math

from hemostat.drill import tables, told
from hemostat.drill.addresses import Addresses
from hemostat.drill.range.poisoning.measure import Measurement
from hemostat.drill.range.poisoning.range import Range
from hemostat.drill.range.population import CANARY_ACCOUNT

ROLES = (
    *("ml-on-call", "ml-secondary", "ml-lead", "commander", "deputy-commander"),
    *("service-owner", "data-owner", "security-on-call", "executive"),
)
CAST = told.one_each(ROLES)


def configuration(here: Range, baseline: Measurement, where: Addresses) -> str:
    """Return the file's text; *baseline* was measured through the public edge before the attack."""
    replicas = ", ".join(f'{name} = "{url}"' for name, url in here.replica_urls.items())
    # Accuracy is measured on 200 probes: three of them either way are chance, not harm.
    margin = 0.015
    return f"""\
{tables.head(where)}
[[routes]]
source = "alertmanager"
match = {{ alertname = "SentimentNegativeShareHigh" }}
playbook = "feedback-poisoning"
service = "sentiment-api"

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
connections = {{ gateway = "edge", registry = "models", serving = "sentiment", probes = "outside", \
pager = "pagerduty", tickets = "servicenow", vault = "evidence"{told.chat(where.slack)} }}

[services.sentiment-api.parameters]
model = "{here.model}"
alias = "{here.alias}"
feedback_route = "feedback"
baseline_negative_share = {share_of_probes(baseline):.4f}
baseline_accuracy = {math.floor(baseline.probe_accuracy * 1000) / 1000:.3f}
accuracy_margin = {margin}
looks = 3
look_every = "PT1S"
look_within = "PT20S"
stages = [1, 10, 50, 100]
stage_looks = 2
stage_look_every = "PT1S"

[connections.edge]
adapter = "gateway_caddy"
admin = "{here.caddy_admin_url}"
trusted_accounts = "file:trusted-accounts.json"

[connections.models]
adapter = "registry_mlflow"
url = "{here.mlflow_url}"
watch_seconds = 1

[connections.sentiment]
adapter = "serving_http"
replicas = {{ {replicas} }}
shadow = "{here.shadow_url}"
admin_token = "file:{here.admin_token_file.name}"
probe_set = "file:{here.probe_path.name}"
probe_set_digest = "{here.probe_digest}"

[connections.outside]
adapter = "probes_http"
edge = "{here.edge_url}"
canary_account = "{CANARY_ACCOUNT}"
probe_set = "file:{here.probe_path.name}"
probe_set_digest = "{here.probe_digest}"

{tables.pager(where.pagerduty)}
{tables.tickets(where.servicenow)}
{tables.EVIDENCE}
{told.slack_connection(where.slack, told.everyone(CAST))}
{told.people(CAST, ["executive"])}"""


def share_of_probes(baseline: Measurement) -> float:
    """The negative share of the probe set, which is what the probes compare."""
    labels = baseline.probe_labels
    return sum(label == "negative" for label in labels) / len(labels)
