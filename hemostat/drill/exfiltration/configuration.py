"""The hemostat.toml of the exfiltration drill: the file a user writes, with this range's addresses.

Times are shorter than in production; the procedure is the same. Secrets are files in the range's
folder, named by reference; people are opaque ids.
"""

from hemostat.drill import tables, told
from hemostat.drill.addresses import Addresses
from hemostat.drill.range.evidence_store import BUCKET
from hemostat.drill.range.exfiltration.range import (
    COLLEAGUES,
    INSIDER,
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT,
    SUSPECT_PRINCIPAL,
    WIKI_CLIENT,
    ExfiltrationRange,
)

ROLES = (
    *("commander", "deputy-commander", "security-on-call", "service-owner", "ciso", "hr"),
    *("counsel", "deputy-counsel", "general-counsel", "dpo", "comms", "executive", "ml-lead"),
)
CAST = {**told.one_each(ROLES), "service-owner": ["drill-service-owner", INSIDER]}
"""The insider is one of the service's owners."""
LAST = ("executive", "general-counsel")
"""The ends of the ladders."""


def exfiltration_configuration(here: ExfiltrationRange, where: Addresses) -> str:
    """Return the file's text."""
    keys = ", ".join(f'{caller} = "file:key-{caller}"' for caller in here.keys)
    theirs = {SUSPECT: SUSPECT_PRINCIPAL, **dict.fromkeys(COLLEAGUES, "")}
    callers = ", ".join(f'{caller} = "{who}"' for caller, who in theirs.items())
    return f"""\
{tables.head(where)}
[sources.report]
kind = "report"
reporters = {{ researcher = "file:reporter-secret" }}
default_severity = "high"

[[routes]]
source = "report"
playbook = "assistant-exfiltration"
service = "assistant"

[[routes]]
source = "alertmanager"
match = {{ alertname = "AssistantCanaryLeaked" }}
playbook = "assistant-exfiltration"
service = "assistant"

[services.assistant]
playbooks = ["assistant-exfiltration"]
connections = {{ assistant = "assistant", callers = "callers", clocks = "calendar", \
connectors = "wiki", credentials = "cloud", disclosure = "mail", gateway = "edge", \
pager = "pagerduty", vault = "evidence"{told.chat(where.slack)} }}
regimes = ["gdpr-33", "nis2-23-4a", "aia-73-6-hold"]
countries = ["DE"]

[services.assistant.parameters]
callers = {{ {callers} }}
credentials = [{{ principal = "{SERVICE_PRINCIPAL}", secret = "{SECRET}" }}]
connectors = ["wiki"]
persons = {{ {SUSPECT} = "{INSIDER}" }}
authorities = {{ gdpr-33 = "authority", nis2 = "authority" }}
audiences = ["researcher"]
looks = 2
look_every = "PT1S"
look_within = "PT20S"
frozen_for = "PT4S"
stages = [50, 100]
stage_looks = 2
stage_look_every = "PT1S"

[services.assistant.gates.take-offline]
timer = "3s"

[connections.assistant]
adapter = "assistant_http"
url = "{here.assistant_url}"
admin_token = "file:admin-token"
marks = "file:marks.json"
marks_digest = "{here.marks_digest}"
harmless = {{ "When are the office hours?" = "office hours", \
"How do travel expenses work?" = "travel expenses" }}

[connections.callers]
adapter = "callers_caddy"
admin = "{here.caddy_admin_url}"
edge = "{here.edge_url}"
keys = {{ {keys} }}

[connections.cloud]
adapter = "credentials_aws"
endpoint_url = "{here.cloud.url}"
access_key_id = "file:aws-key-id"
secret_access_key = "file:aws-secret"
witnesses = {{ {SUSPECT_PRINCIPAL} = "file:witness" }}

[connections.wiki]
adapter = "connectors_oauth"
revocation = "{here.wiki_url}/oauth2/revoke"
introspection = "{here.wiki_url}/oauth2/introspect"
client_id = "{WIKI_CLIENT}"
client_secret = "file:wiki-client"

[connections.wiki.connectors.wiki]
token = "file:wiki-token"
resource = "{here.wiki_url}/pages/home"

[connections.calendar]
adapter = "clocks_calendar"

[connections.edge]
adapter = "gateway_caddy"
admin = "{here.caddy_admin_url}"
account_header = "X-Key-Id"
trusted_accounts = "file:trusted-accounts.json"

[connections.mail]
adapter = "disclosure_pickup"
folder = "file:outbox"
sender = "incident@hemostat.example"
audiences = {{ researcher = "researcher@outside.example", authority = "authority@outside.example" }}

{tables.pager(where.pagerduty)}
[connections.evidence]
adapter = "vault_s3"

[vault.s3]
bucket = "{BUCKET}"
prefix = "drill"
endpoint = "{here.evidence.url}"
access_key = "file:{here.evidence.access_file}"
secret_key = "file:{here.evidence.secret_file}"
retain = "1d"

{told.slack_connection(where.slack, told.everyone(CAST))}
{told.people(CAST, LAST)}"""
