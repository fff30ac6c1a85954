"""The OpenAPI document: complete, true to the models, and public."""

import json
from importlib.metadata import version

import httpx
import pytest
from fastapi import FastAPI

from domain.base.refusals import InvalidCommand
from domain.engine.decide import decode_as
from domain.model.commands import COMMANDS
from domain.model.starts import CaseStart, TicketStart
from web.api.command_schemas import command_models
from web.api.examples import CASE_EXAMPLES, COMMAND_EXAMPLES, TICKET_EXAMPLES
from web.api.routes import api_document, router

BY = {"by": "service:erp"}


@pytest.mark.parametrize("name", sorted({command.name for command in COMMANDS}))
def test_every_command_has_an_endpoint_with_examples_that_its_models_take(name: str) -> None:
    operation = api_document()["paths"][f"/api/v1/items/{{reference}}/{name}"]["post"]
    documented = operation["requestBody"]["content"]["application/json"]["examples"]
    assert documented
    for example in documented.values():
        refused_models = []
        for model in command_models(name):
            try:
                refused_models.append(decode_as(model, json.dumps(example["value"] | BY).encode()))
            except InvalidCommand:
                continue
        assert refused_models, example
    assert COMMAND_EXAMPLES[name]


def test_examples_of_starts_are_starts() -> None:
    for model, examples in ((TicketStart, TICKET_EXAMPLES), (CaseStart, CASE_EXAMPLES)):
        for example in examples.values():
            decode_as(model, json.dumps(example | BY).encode())


def test_no_body_of_the_document_has_a_by() -> None:
    schemas = api_document()["components"]["schemas"]
    for command in COMMANDS:
        assert "by" not in schemas[f"{command.__name__}Input"]["properties"]
    assert "by" not in schemas["TicketStartInput"]["properties"]


def test_every_reference_in_the_document_is_in_it() -> None:
    whole = api_document()
    text = json.dumps(whole)
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(whole["components"]["schemas"])


def test_the_document_names_the_release_beside_the_version_of_the_api() -> None:
    info = api_document()["info"]
    assert (info["version"], info["x-release"]) == ("1", version("casekeep"))


def test_every_operation_says_what_it_refuses() -> None:
    for path, operations in api_document()["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            assert operation["operationId"], path


async def test_everybody_may_read_the_document() -> None:
    app = FastAPI()
    app.include_router(router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://desk.example.org"
    ) as client:
        answer = await client.get("/api/v1/openapi.json")
        page = await client.get("/api/v1/")
    assert answer.json()["openapi"] == "3.1.0"
    for name in sorted({command.name for command in COMMANDS}):
        assert f"/items/{{reference}}/{name}</code>" in page.text
