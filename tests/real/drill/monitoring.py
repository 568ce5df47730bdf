"""Real Prometheus and Alertmanager, watching the range: Debian packages, where they are installed.

The range's monitor only measures here; the rule, the grouping, the bearer token and the webhook are
theirs.
"""

import shutil
from datetime import timedelta
from pathlib import Path

import httpx2

from hemostat.drill.poisoning.stage import Stage
from hemostat.processes import LOOPBACK, ChildProcess, free_ports

PROMETHEUS, ALERTMANAGER = shutil.which("prometheus"), shutil.which("prometheus-alertmanager")
INSTALLED = bool(PROMETHEUS and ALERTMANAGER)

RULES = """
groups:
  - name: sentiment
    rules:
      - alert: SentimentNegativeShareHigh
        expr: >
          sentiment_negative_share / sentiment_negative_share_base > 1.4
          and sentiment_window_texts >= 500 and sentiment_confirmations >= 2
        for: 2s
        labels: {severity: critical, service: sentiment-api}
        annotations: {summary: "negative answers at {{ $value }} of the base"}
"""


def prometheus_configuration(metrics: str, alertmanager: int, rules: Path) -> str:
    """Scrape the monitor every second, ask the rule every second."""
    return f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["{LOOPBACK}:{alertmanager}"]}}]}}]
scrape_configs:
  - job_name: monitor
    static_configs: [{{targets: ["{metrics}"]}}]
"""


def alertmanager_configuration(webhook: str, token: Path) -> str:
    """Send what fires to Hemostat, with its bearer token."""
    return f"""
route: {{receiver: hemostat, group_by: [alertname, service], group_wait: 0s, group_interval: 5s}}
receivers:
  - name: hemostat
    webhook_configs:
      - url: {webhook}
        send_resolved: true
        max_alerts: 0
        http_config: {{authorization: {{type: Bearer, credentials_file: "{token}"}}}}
"""


async def start(stage: Stage, name: str, binary: str, port: int, *options: str) -> ChildProcess:
    """Start one of the two on loopback, its data under the range's folder."""
    folder = stage.state / name
    folder.mkdir(exist_ok=True)
    child = await ChildProcess.start(
        name,
        [binary, f"--web.listen-address={LOOPBACK}:{port}", *options],
        log=folder / "log",
        env=stage.range.env,
        cwd=folder,
    )

    async def ready() -> bool:
        async with httpx2.AsyncClient(trust_env=False, timeout=2) as http:
            return (await http.get(f"http://{LOOPBACK}:{port}/-/ready")).is_success

    await child.wait_ready(ready, timedelta(seconds=30))
    return child


async def start_monitoring(stage: Stage) -> list[ChildProcess]:
    """Prometheus scrapes the monitor; Alertmanager posts to the gateway."""
    await stage.range.start_monitor(None)
    prometheus, alertmanager = free_ports(2)
    rules = stage.state / "rules.yml"
    rules.write_text(RULES)
    metrics = stage.range.metrics_url.removeprefix("http://").removesuffix("/metrics")
    config = stage.state / "prometheus.yml"
    config.write_text(prometheus_configuration(metrics, alertmanager, rules))
    routing = stage.state / "alertmanager.yml"
    webhook = f"{stage.gateway_url}/alerts/alertmanager"
    routing.write_text(alertmanager_configuration(webhook, stage.state / "alert-token"))
    return [
        await start(
            stage,
            "alertmanager",
            str(ALERTMANAGER),
            alertmanager,
            f"--config.file={routing}",
            "--storage.path=data",
            "--cluster.listen-address=",
        ),
        await start(
            stage,
            "prometheus",
            str(PROMETHEUS),
            prometheus,
            f"--config.file={config}",
            "--storage.tsdb.path=data",
        ),
    ]
