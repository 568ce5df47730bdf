"""Each adapter fulfils every port of its capability, under the port's own name."""

import pytest

from workers.registry import all_ports, load_adapter

ADAPTERS = {
    "accounts_caddy": "accounts",
    "chat_slack": "chat",
    "clocks_calendar": "clocks",
    "gateway_caddy": "gateway",
    "mail_smtp": "mail",
    "moderation_http": "moderation",
    "probes_http": "probes",
    "registry_mlflow": "registry",
    "serving_http": "serving",
    "sessions_oidc": "sessions",
    "vault_folder": "vault",
    "vault_s3": "vault",
    "webhooks_standard": "webhooks",
}


@pytest.mark.parametrize(("adapter", "capability"), ADAPTERS.items())
def test_an_adapter_fulfils_every_port_of_its_capability(adapter: str, capability: str) -> None:
    ports = {port for port in all_ports() if port.capability == capability}
    methods = load_adapter(adapter).methods
    assert set(methods) == ports
    assert all(method == port.name for port, method in methods.items())
