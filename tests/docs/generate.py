"""Writes what documents take from the code anew: ``make docs``. A test compares them.

Those are pages of ``docs/reference/``, and the blocks of other pages that are files.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import click
from click.testing import CliRunner
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hemostat.api.openapi import document
from hemostat.cli import hemostat
from schemas.base import Percent
from schemas.gate import GatePolicy, OnSilence
from schemas.ports.port import Port
from tests.docs.documents import ROOT
from workers.registry import all_ports, discover_adapters, discover_playbooks, spec_of
from workflows.engine import lifecycle
from workflows.engine.spec import PlaybookSpec

REFERENCE = ROOT / "docs" / "reference"
WIDTH = 80

_SILENCE = {
    OnSilence.PROCEED: "proceeds",
    OnSilence.HOLD: "holds",
    OnSilence.STAND: "a standing offer",
}


HOW_TO = ROOT / "docs" / "how-to"
ACME = ROOT / "tests" / "docs" / "walkthrough" / "acme"
QUOTED = {
    ROOT / "README.md": [ROOT / "workflows" / "triage.py"],
    HOW_TO / "write-a-playbook.md": [ACME / "acme_response" / "runaway_cost.py"],
    HOW_TO / "test-a-playbook.md": [ACME / "tests" / "test_runaway_cost.py"],
    HOW_TO / "write-an-adapter.md": [ACME / "acme_response" / "paging_webhook.py"],
}
"""The files that a document shows whole, in the order of its Python blocks."""


def pages() -> dict[Path, str]:
    """Each generated page, or page with quoted files, and its text."""
    return {
        **{page: with_files(page.read_text("utf-8"), files) for page, files in QUOTED.items()},
        REFERENCE / "cli.md": cli(),
        REFERENCE / "openapi.json": openapi(),
        REFERENCE / "playbooks.md": playbooks(),
        REFERENCE / "ports.md": ports(),
    }


def with_files(text: str, files: Sequence[Path]) -> str:
    """Return *text* with its Python blocks replaced by *files*, in order."""
    following = iter(files)
    return re.sub(
        r"(?<=^```python\n).*?(?=^```$)",
        lambda _: next(following).read_text("utf-8"),
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


# The API


def openapi() -> str:
    """The OpenAPI document as the gateway serves it, to be read."""
    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


# The command line


def cli() -> str:
    """``--help`` of every command."""
    parts = [
        "# The command line",
        "Made by `make docs` from `--help`.",
        (
            "Human output goes to stdout; with `--json` stdout holds one JSON document and nothing "
            "else.\nExit codes: 0 held, 1 the thing checked did not hold, 2 wrong use or "
            "configuration, 130 interrupted."
        ),
        _help(),
    ]
    for command in commands():
        parts += [f"## hemostat {' '.join(command)}", _help(*command)]
    return _joined(parts)


def commands(group: click.Group = hemostat, *above: str) -> list[tuple[str, ...]]:
    """Every command by its words, those of groups after their group."""
    found: list[tuple[str, ...]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        found.append((*above, name))
        inner = group.get_command(context, name)
        if isinstance(inner, click.Group):
            found += commands(inner, *above, name)
    return found


def _help(*command: str) -> str:
    said = CliRunner().invoke(
        hemostat, [*command, "--help"], prog_name="hemostat", terminal_width=WIDTH
    )
    assert said.exit_code == 0, said.output
    lines = [line.rstrip() for line in said.output.strip().splitlines()]
    return "```text\n" + "\n".join(lines) + "\n```"


# Playbooks


def playbooks() -> str:
    """Each playbook's front matter, gates and parameters."""
    parts = [
        "# Playbooks",
        "Made by `make docs` from the code. `hemostat playbooks --json` prints the same.",
        (
            "Times of a gate can be changed for a service, see "
            "[hemostat.toml](hemostat-toml.md#servicesnamegatesgate)."
        ),
    ]
    for name, found in discover_playbooks().items():
        spec, module = spec_of(found), inspect.getmodule(found)
        assert module is not None
        parts += [f"## {name}", f"**{spec.title}.** {spec.summary}", _needs(spec)]
        parts += ["Gates:", _gates(_policies(module)), *_parameters(spec)]
    return _joined([*parts, *_engine_gates()])


def _needs(spec: PlaybookSpec) -> str:
    lines = [f"- File: `workflows/{spec.id.replace('-', '_')}.py`"]
    needed = [name for name in spec.capabilities if name not in spec.optional]
    lines.append(f"- Needs a connection for: {_codes(needed)}")
    lines += [
        f"- Needs one for `{n}` where the parameter `{n}` is not empty" for n in spec.optional
    ]
    if spec.atlas:
        lines.append(f"- MITRE ATLAS: {', '.join(spec.atlas)}")
    if spec.csf:
        lines.append(f"- NIST CSF 2.0: {', '.join(spec.csf)}")
    return "\n".join(lines)


def _policies(module: ModuleType) -> list[GatePolicy]:
    places = [module, *(value for value in vars(module).values() if _is_gates(value))]
    found = [value for place in places for value in vars(place).values()]
    return [value for value in found if isinstance(value, GatePolicy)]


def _is_gates(value: object) -> bool:
    """A module of a larger playbook that holds its gates."""
    return isinstance(value, ModuleType) and value.__name__.endswith(".gates")


def _gates(policies: Iterable[GatePolicy]) -> str:
    rows = [
        (
            f"`{policy.id}`",
            policy.asks,
            ", ".join(policy.roles) + (f" ({policy.quorum} people)" if policy.quorum > 1 else ""),
            _silence(policy),
            _ladder(policy),
        )
        for policy in policies
    ]
    return _table(("gate", "asks", "of", "on silence", "escalates to"), rows)


def _silence(policy: GatePolicy) -> str:
    said = _SILENCE[policy.on_silence]
    return said if policy.on_silence is OnSilence.STAND else f"{said} after {_time(policy.timer)}"


def _ladder(policy: GatePolicy) -> str:
    if not policy.ladder:
        return "-"
    return f"{', '.join(policy.ladder)} (every {_time(policy.ladder_every)})"


def _parameters(spec: PlaybookSpec) -> list[str]:
    fields = spec.parameters.model_fields
    if not fields:
        return ["Parameters: none."]
    rows = [(f"`{name}`", _type(field), default(field)) for name, field in fields.items()]
    return [
        (
            "Parameters (`[services.NAME.parameters]`); durations are seconds or ISO 8601 such as "
            '`"PT30S"`:'
        ),
        _table(("parameter", "type", "default"), rows),
    ]


def _engine_gates() -> list[str]:
    own = [lifecycle.FALSE_ALARM, lifecycle.BY_HAND]
    return [
        "## Gates of every playbook",
        (
            "The engine opens these by itself. Besides them: `may-contain` asks the commander where the "
            "containment rule does\nnot allow acting at once, and `retry-STEP` asks the commander how "
            "to go on with a step that failed or was not proven."
        ),
        _gates(own),
    ]


# Ports


def ports() -> str:
    """Each port with its promise and times, by capability, and which adapter fulfils it."""
    adapters = discover_adapters().adapters
    parts = [
        "# Ports and adapters",
        (
            "Made by `make docs` from the code. A port is declared in `schemas/ports/`, an adapter is "
            "a file in `activities/`.\nOne attempt may take as long as the third column says; all "
            "attempts with their retries as long as the fourth."
        ),
    ]
    for capability in sorted({port.capability for port in all_ports()}):
        mine = [port for port in all_ports() if port.capability == capability]
        by = [name for name, kind in adapters.items() if set(mine) <= set(kind.methods)]
        parts += [f"## {capability}", f"Adapters: {_codes(by)}", _ports(mine)]
    return _joined(parts)


def _ports(found: Sequence[Port[Any, Any]]) -> str:
    rows = [
        (
            f"`{port.name}`",
            " ".join(port.promise.split()).replace("``", "`"),
            _time(port.attempt_within),
            _time(port.within),
        )
        for port in found
    ]
    return _table(("port", "promise", "one attempt", "all attempts"), rows)


# Words


def default(field: FieldInfo) -> str:
    """The default of a field as a reader writes it; "required" without one."""
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, timedelta):
        return _time(value)
    if value is None or value in ({}, ()):
        return "-"
    if isinstance(value, dict):
        pairs = ", ".join(f'{key} = "{inner}"' for key, inner in value.items())
        return f"`{{ {pairs} }}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    if isinstance(value, int | float):
        return f"`{value}`"
    return f'`"{value}"`'


def _type(field: FieldInfo) -> str:
    kinds: dict[Any, str] = {
        timedelta: "duration",
        int: "integer",
        float: "number",
        str: "text",
        tuple[int, ...]: "list of integers",
        tuple[Percent, ...]: "list of integers, 1 to 100",
    }
    known = kinds.get(field.annotation)
    if known is not None:
        return known
    origin = get_origin(field.annotation)
    inner = get_args(field.annotation)[0] if origin is tuple else None
    if inspect.isclass(inner) and issubclass(inner, BaseModel):
        return f"list of tables: {_codes(sorted(inner.model_fields))}"
    return "table of names" if origin is dict else "list of names"


def _time(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write all pages and say which."""
    for page, text in pages().items():
        page.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
