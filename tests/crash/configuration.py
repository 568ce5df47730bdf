"""The hemostat.toml of the matrix: production's procedure with quick looks, through our proxies."""

from collections.abc import Mapping

from hemostat.drill import tables
from hemostat.drill.range.poisoning.measure import Measurement
from hemostat.drill.range.poisoning.range import Range
from hemostat.drill.range.population import CANARY_ACCOUNT

ADAPTERS_WAIT = 2
"""Seconds that adapters wait for an answer where their connection sets it."""


def configuration(here: Range, base: Measurement, urls: Mapping[str, str]) -> str:
    """The file's text; *urls* has our proxies by name, and the stand-ins."""
    replicas = ", ".join(f'{name} = "{urls[name]}"' for name in here.replica_urls)
    negative = sum(label == "negative" for label in base.probe_labels) / len(base.probe_labels)
    return f"""\
[hemostat]
state = "state"
drill = true

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
connections = {{ gateway = "edge", registry = "models", serving = "sentiment", probes = "outside", \
pager = "pagerduty", tickets = "servicenow", vault = "evidence" }}

[services.sentiment-api.parameters]
model = "{here.model}"
alias = "{here.alias}"
baseline_negative_share = {negative:.4f}
baseline_accuracy = {base.probe_accuracy:.4f}
looks = 2
look_every = 0.1
look_within = 60
stages = [1, 10, 50, 100]
stage_looks = 1
stage_look_every = 0.1

[connections.edge]
adapter = "gateway_caddy"
admin = "{urls["caddy"]}"
trusted_accounts = "file:trusted-accounts.json"
timeout_seconds = {ADAPTERS_WAIT}

[connections.models]
adapter = "registry_mlflow"
url = "{urls["mlflow"]}"
timeout_seconds = {ADAPTERS_WAIT}
watch_seconds = 1

[connections.sentiment]
adapter = "serving_http"
replicas = {{ {replicas} }}
shadow = "{here.shadow_url}"
admin_token = "file:{here.admin_token_file.name}"
probe_set = "file:{here.probe_path.name}"
probe_set_digest = "{here.probe_digest}"
timeout_seconds = {ADAPTERS_WAIT}

[connections.outside]
adapter = "probes_http"
edge = "{here.edge_url}"
canary_account = "{CANARY_ACCOUNT}"
probe_set = "file:{here.probe_path.name}"
probe_set_digest = "{here.probe_digest}"

{tables.pager(urls["pagerduty"])}
{tables.tickets(urls["servicenow"])}
{tables.EVIDENCE}"""
