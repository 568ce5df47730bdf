"""A playbook as its page shows it; made by whoever may look into the code that runs."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from schemas.base import Frozen
from schemas.gate import GatePolicy
from schemas.step import StepClass

VERBS: Final = {
    "seal": StepClass.OBSERVE,
    "observe": StepClass.OBSERVE,
    "try_to_observe": StepClass.OBSERVE,
    "contain": StepClass.CONTAIN,
    "destroy": StepClass.DESTROY,
    "disclose": StepClass.DISCLOSE,
    "restore_in_stages": StepClass.RESTORE,
}
_SEALING: Final = "Seal the evidence"


class BookStep(Frozen):
    """A step as the code names it; what a title leaves to the incident is an ellipsis."""

    title: str
    step_class: str


class Book(Frozen):
    """One playbook."""

    id: str
    title: str
    summary: str
    capabilities: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    csf: tuple[str, ...] = ()
    steps: tuple[BookStep, ...] = ()
    gates: tuple[GatePolicy, ...] = ()


def book_of(playbook: type, spec: Any) -> Book:
    """Return the page of *playbook*; *spec* is what it declares about itself."""
    modules = list(dict.fromkeys(_own_modules(playbook)))
    steps = [step for module in modules for step in _steps(module)]
    return Book(
        id=spec.id,
        title=spec.title,
        summary=spec.summary,
        capabilities=spec.capabilities,
        atlas=spec.atlas,
        csf=spec.csf,
        steps=tuple(dict.fromkeys(steps)),
        gates=tuple({p.id: p for module in modules for p in _policies(module)}.values()),
    )


def _own_modules(playbook: type) -> Iterator[ModuleType]:
    """The file of the playbook, then its own modules: what it builds upon, or imports whole."""
    main = inspect.getmodule(playbook)
    if main is None:
        return
    yield main
    package = main.__name__.partition(".")[0]
    built_upon = [inspect.getmodule(base) for base in playbook.__mro__]
    for value in (*built_upon, *vars(main).values()):
        name = value.__name__ if isinstance(value, ModuleType) else ""
        if name.startswith(f"{package}.") and not name.startswith(f"{package}.engine"):
            yield value


def _policies(module: ModuleType) -> list[GatePolicy]:
    return [value for value in vars(module).values() if isinstance(value, GatePolicy)]


def _steps(module: ModuleType) -> Iterator[BookStep]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(module)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: call.lineno):
        if not isinstance(node.func, ast.Attribute):
            continue
        receiver = node.func.value
        verb = VERBS.get(node.func.attr)
        if verb is None or not (isinstance(receiver, ast.Name) and receiver.id == "self"):
            continue
        title = _SEALING if node.func.attr == "seal" else _title(node, module)
        if title:
            yield BookStep(title=title, step_class=verb.value)


def _title(call: ast.Call, module: ModuleType) -> str:
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    if isinstance(first, ast.Name):
        known = getattr(module, first.id, "")
        return known if isinstance(known, str) else ""
    if isinstance(first, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else "…" for p in first.values]
        return "".join(parts)
    return ""
