"""API reference: the OpenAPI document as an HTML page."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from web.api.openapi import Document

_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Casekeep: HTTP API</title><link rel="icon" href="/static/icon.svg"></head>
<body><main><h1>Casekeep: HTTP API</h1>
<p>With every field: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> (OpenAPI 3.1).</p>
{parts}</main></body></html>
"""


def render_reference(document: Document) -> str:
    """Return an HTML page of all operations, with their examples and responses."""
    return _PAGE.format(parts="\n".join(_parts(document)))


def _parts(document: Document) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h3 id='{escape(operation['operationId'])}'>{escape(operation['summary'])}</h3>"
    yield f"<p><code>{method.upper()} {escape(path)}</code></p>"
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    content = operation.get("requestBody", {}).get("content", {})
    for name, example in content.get("application/json", {}).get("examples", {}).items():
        shown = json.dumps(example["value"], indent=2, ensure_ascii=False)
        yield f"<p>{escape(name)}</p><pre>{escape(shown)}</pre>"
    answers = (
        f"<li>{status}: {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    yield f"<details><summary>Answers</summary><ul>{''.join(answers)}</ul></details>"
