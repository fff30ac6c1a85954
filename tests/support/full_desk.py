"""Fixture of the pages with Temporal, a worker and a store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from auth.authenticator import Authenticator
from catalog.loader import SAMPLE_FOLDER, load_catalog
from store.schema.versions import upgrade_schema
from tests.support.browser_fixtures import PEOPLE, page_context, serve_pages
from tests.support.process_stack import RunningStack, running_stack
from web.context import SESSION_COOKIE


@dataclass(frozen=True)
class ServedDesk:
    """Running stack, and the URL of its pages."""

    running_stack: RunningStack
    address: str

    def person(self, name: str = "amy", **cookies: str) -> httpx.AsyncClient:
        """Return a client in which this person is signed in; it follows no redirect."""
        return httpx.AsyncClient(
            base_url=self.address,
            cookies={SESSION_COOKIE: name, "casekeep_language": "en"} | cookies,
            headers={"origin": self.address, "sec-fetch-site": "same-origin"},
            timeout=60,
        )


@asynccontextmanager
async def served_desk(
    folder: Path,
    *,
    catalog: Path = SAMPLE_FOLDER,
    has_real_sign_in: bool = False,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[ServedDesk]:
    """Run a stack in this folder with its pages.

    With `has_real_sign_in`, callers need accounts; else a person's name is the session token.
    """
    url = f"sqlite:///{folder / 'casekeep.db'}"
    async with running_stack(folder, url, catalog=catalog, **options) as desk:
        upgrade_schema(desk.engine)
        context = page_context(desk.engine, desk.desk, catalog=load_catalog(catalog))
        if has_real_sign_in:
            context = replace(context, caller_lookup=Authenticator(context.engine))
        async with serve_pages(context) as address:
            yield ServedDesk(desk, address)


async def post_form(
    client: httpx.AsyncClient,
    path: str,
    **fields: Any,  # noqa: ANN401
) -> httpx.Response:
    """Submit a form with the person's CSRF token."""
    name = client.cookies[SESSION_COOKIE]
    content = {"csrf": PEOPLE[name].csrf} | fields
    return await client.post(path, data=content)
