"""``hemostat playbooks``: what there is, from the code itself."""

import click

from hemostat.cli import json_option
from hemostat.installed import PLAYBOOKS, Installed, installed
from hemostat.terminal import document, line
from workers.registry import discover_playbooks, spec_of
from workflows.engine.spec import PlaybookSpec


@click.command
@json_option
def command(as_json: bool) -> None:
    """List the playbooks there are.

    What each answers, what it needs of a service, and which package brings it if it is not ours.
    """
    others = {one.name: one for one in installed(PLAYBOOKS)}
    specs = [spec_of(playbook) for _, playbook in sorted(discover_playbooks().items())]
    if as_json:
        document([_described(spec, others.get(spec.id)) for spec in specs])
        return
    for spec in specs:
        line((spec.id, "bold"), "  ", spec.title)
        line("    ", spec.summary, hang=4)
        if other := others.get(spec.id):
            line("    from the package: ", f"{other.package} {other.version} ({other.module})")
        always = [name for name in spec.capabilities if name not in spec.optional]
        line("    needs connections for: ", ", ".join(always), hang=6)
        if spec.optional:
            line("    and, where the service has any: ", ", ".join(spec.optional), hang=6)
        if spec.atlas:
            line("    MITRE ATLAS: ", ", ".join(spec.atlas), hang=6)


def _described(spec: PlaybookSpec, other: Installed | None) -> dict[str, object]:
    return {
        "id": spec.id,
        "package": f"{other.package} {other.version}" if other else None,
        "title": spec.title,
        "summary": spec.summary,
        "capabilities": spec.capabilities,
        "optional": spec.optional,
        "ports": sorted(port.name for port in spec.ports),
        "parameters": spec.parameters.model_json_schema(),
        "atlas": spec.atlas,
        "csf": spec.csf,
    }
