"""The API's reference as an OpenAPI 3.1 document, made from the operations and their models."""

import functools
import re
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hemostat import __version__
from hemostat.api.call import KEY, Operation
from hemostat.api.operations import OPERATIONS
from hemostat.api.problems import MEDIA_TYPE, TITLES, Problem

_REF: Final = "#/components/schemas/{model}"
_ALWAYS: Final = (401, 429)
_EVENTS: Final = {"text/event-stream": {"schema": {"type": "string"}}}


@functools.cache
def document() -> dict[str, Any]:
    """Return the document; the same for the same edition of the code."""
    models: set[type[BaseModel]] = {Problem}
    for operation in OPERATIONS:
        models |= {model for model in (operation.answer, operation.body) if model}
    answers = sorted(models, key=lambda model: model.__name__)
    inputs = [(model, "validation") for model in answers if _is_body(model)]
    outputs = [(model, "serialization") for model in answers if not _is_body(model)]
    _, schemas = models_json_schema([*inputs, *outputs], ref_template=_REF)  # type: ignore[list-item] # the modes are the literals it wants
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hemostat",
            "version": __version__,
            "summary": "Incident response for AI services: read incidents, decide at their gates.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas["$defs"],
        },
    }


def _is_body(model: type[BaseModel]) -> bool:
    return any(model is operation.body for operation in OPERATIONS)


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [*_in_path(operation.path), *_in_query(operation), *_in_header(operation)],
        "responses": _responses(operation),
    }
    if operation.body:
        content = {"application/json": {"schema": _ref(operation.body)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _in_path(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 200}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema()
    return [
        {"name": name, "in": "query", "schema": _without_null(told, schema.get("$defs", {}))}
        for name, told in schema.get("properties", {}).items()
    ]


def _without_null(told: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """A parameter of the query is there or not; it is never null."""
    rest = {key: value for key, value in told.items() if key not in ("anyOf", "title", "default")}
    kinds = [kind for kind in told.get("anyOf", ()) if kind.get("type") != "null"]
    default = {"default": told["default"]} if told.get("default") is not None else {}
    kind = kinds[0] if kinds else {}
    if "$ref" in kind:
        kind = {k: defs[kind["$ref"].rpartition("/")[2]][k] for k in ("type", "enum")}
    return {**rest, **kind, **default}


def _in_header(operation: Operation) -> list[dict[str, Any]]:
    if not operation.body:
        return []
    schema = {"type": "string", "pattern": f"^{KEY.pattern}$", "minLength": 1, "maxLength": 200}
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Said again under the same key it counts once.",
            "schema": schema,
        }
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    content = {"application/json": {"schema": _ref(answer)}} if answer else _EVENTS
    told: dict[str, Any] = {"200": {"description": operation.summary, "content": content}}
    if operation.body:
        said = "It was handed over and is safe; whether it counted is not known yet"
        where = {"description": "Where to see what became of it", "schema": {"type": "string"}}
        told["202"] = {"description": said, "content": content, "headers": {"Location": where}}
    for status in sorted({*_ALWAYS, *operation.problems}):
        told[str(status)] = _problem(status)
    return told


def _problem(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": TITLES[status][1],
        "content": {MEDIA_TYPE: {"schema": _ref(Problem)}},
    }
    if status in (429, 503):
        schema = {"type": "integer", "minimum": 1}
        told["headers"] = {"Retry-After": {"description": "Seconds", "schema": schema}}
    return told


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
