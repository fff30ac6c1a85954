"""Fuzzed requests: no server error, and no answer that the OpenAPI document does not describe."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.support.api_fixture import Api, running_api, serve_app
from web.app import create_app

pytestmark = pytest.mark.xdist_group("api-fuzz")
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
ENOUGH: Final = 10_000
SIDE_BY_SIDE: Final = 4


@dataclass
class Counted:
    """The application, with a count of its answers by status."""

    app: Any
    answers: dict[int, int]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        async def counting(message: Any) -> None:  # noqa: ANN401 - as above
            if message["type"] == "http.response.start":
                status = message["status"]
                self.answers[status] = self.answers.get(status, 0) + 1
            await send(message)

        await self.app(scope, receive, counting if scope["type"] == "http" else send)

    @property
    def total(self) -> int:
        return sum(self.answers.values())


@pytest_asyncio.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("fuzz")) as served:
        # examples that the document's examples name
        await served.ticket(reference="T-7F3K9Q2D")
        await served.case(reference="C-2PXK7M4A")
        yield served


async def fuzzed(api: Api, folder: Path, *options: str) -> tuple[Counted, int, str]:
    """Run schemathesis against the API, following links, and return its exit code and report."""
    counted = Counted(create_app(api.context), {})
    async with serve_app(counted) as address:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"{address}/api/v1/openapi.json"),
            *("--header", "Authorization: Bearer erp"),
            *("--checks", ",".join(CHECKS)),
            *("--generation-database", "none", "--no-color", "--warnings", "off"),
            *("--suppress-health-check", "all", "--no-shrink"),
            *options,
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    print(counted.total, dict(sorted(counted.answers.items())))  # noqa: T201 - shown by pytest -s
    assert process.returncode is not None
    return counted, process.returncode, output.decode(errors="replace")


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_some_hundred_requests_find_nothing(api: Api, tmp_path: Path) -> None:
    counted, code, report = await fuzzed(
        api, tmp_path, "--phases", "fuzzing,stateful", "--max-examples", "6"
    )
    assert code == 0, report
    assert counted.total > 300
    assert counted.answers.get(200, 0) + counted.answers.get(201, 0) > 20


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_ten_thousand_requests_find_nothing(api: Api, tmp_path: Path) -> None:
    # side by side as processes: in threads, and in its phase "coverage", it now and then ends with
    # a SystemError of CPython 3.11's compiler
    runs = await asyncio.gather(
        *(
            fuzzed(
                api,
                tmp_path,
                *("--phases", "examples,fuzzing,stateful", "--max-examples", "60"),
                *("--seed", str(seed)),
            )
            for seed in range(SIDE_BY_SIDE)
        )
    )
    for counted, code, report in runs:
        assert code == 0, report
        assert not [status for status in counted.answers if status >= 500]
    assert sum(counted.total for counted, _, _ in runs) >= ENOUGH
