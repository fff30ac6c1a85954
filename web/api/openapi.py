"""The API's document, made of its routes and of the models that decide."""

from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from starter.version import casekeep_version
from web.api.command_schemas import components
from web.api.problem_details import Problem
from web.context import SESSION_COOKIE

Document = dict[str, Any]
_VALIDATION: Final = ("HTTPValidationError", "ValidationError")
_INTRODUCTION: Final = """
Tickets, Cases and Actions of the desk, for robots, services and whoever writes them.

**Who calls** is told by a key: `Authorization: Bearer ck_…`. The actor of every command is the
key's, so no body names it; a body with `by` is refused.

**Refusals** are problem documents (RFC 9457): branch on `type` and `reason`; `detail` is a sentence
for people. 409 is a rule of the status model or a conflict, 422 names every field that is wrong.

**Twice is once**: send an `Idempotency-Key` with starts and commands, and send them again after a
503 or a broken connection. **What you saw**: `If-Match` with the item's ETag; 412 if it changed.
"""
_TAGS: Final = (
    ("items", "Start, read and list items."),
    ("commands", "What an item can be told, one endpoint a command."),
    ("queues", "What waits, and the next item."),
    ("robots", "What a robot needs, and no more."),
    ("catalog", "What the desk knows by name."),
    ("webhooks", "Be told of changes instead of asking."),
)
_SECURITY: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that an operator made: `casekeep key`.",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}


_ITEMS: Final = ("start_ticket", "start_case", "take_next", "robot_take")
"""Operations that answer an item's state."""
_HOOKS: Final = ("make_hook",)


def _link(
    made: Document, name: str, sources: tuple[str, ...], *, except_of: tuple[str, ...]
) -> None:
    """Say in the document that what these operations answer names the things of others' paths."""
    operations = {
        operation["operationId"]: (path, operation)
        for path, methods in made["paths"].items()
        for operation in methods.values()
    }
    links = {
        id_: {"operationId": id_, "parameters": {name: f"$response.body#/{name}"}}
        for id_, (path, _) in operations.items()
        if f"{{{name}}}" in path and id_ not in except_of and "{mail}" not in path
    }
    for source in sources:
        for status, answer in operations[source][1]["responses"].items():
            if status in {"200", "201"}:
                answer["links"] = links


def document_of(routes: list[BaseRoute]) -> Document:
    """OpenAPI 3.1 of these routes."""
    made = get_openapi(
        title="Casekeep",
        version="1",
        openapi_version="3.1.0",
        summary="Tickets, Cases and Actions as durable workflows",
        description=_INTRODUCTION.strip(),
        routes=routes,
        tags=[{"name": name, "description": sentence} for name, sentence in _TAGS],
    )
    made["info"]["x-release"] = casekeep_version()
    schemas: Document = made.setdefault("components", {}).setdefault("schemas", {})
    for name in _VALIDATION:
        schemas.pop(name, None)
    schemas |= components()
    schemas["Problem"] = Problem.model_json_schema(mode="serialization")
    _link(made, "reference", _ITEMS, except_of=_ITEMS)
    _link(made, "id", _HOOKS, except_of=())
    made["components"]["securitySchemes"] = _SECURITY
    made["security"] = [{"key": []}, {"session": []}]
    return made
