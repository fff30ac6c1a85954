"""A whole desk behind the pages: Temporal, a worker, a store, and windows of people signed in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from auth.authenticator import Authenticator
from catalog.loader import SAMPLE, load
from store.schema.versions import upgrade
from tests.support.browser_fixtures import PEOPLE, house, served
from tests.support.process_stack import RunningStack, running_stack
from web.context import SESSION_COOKIE


@dataclass(frozen=True)
class ServedDesk:
    """A desk, and where its pages are."""

    running_stack: RunningStack
    address: str

    def person(self, name: str = "amy", **cookies: str) -> httpx.AsyncClient:
        """A browser without scripts in which this person is signed in; it follows no redirect."""
        return httpx.AsyncClient(
            base_url=self.address,
            cookies={SESSION_COOKIE: name, "casekeep_language": "en"} | cookies,
            headers={"origin": self.address, "sec-fetch-site": "same-origin"},
            timeout=60,
        )


@asynccontextmanager
async def office(
    folder: Path,
    *,
    catalog: Path = SAMPLE,
    has_real_doors: bool = False,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[ServedDesk]:
    """A desk of its own in this folder, and its pages; real doors ask for passwords."""
    url = f"sqlite:///{folder / 'casekeep.db'}"
    async with running_stack(folder, url, catalog=catalog, **options) as desk:
        upgrade(desk.engine)
        of = house(desk.engine, desk.desk, catalog=load(catalog))
        if has_real_doors:
            of = replace(of, doors=Authenticator(of.engine))
        async with served(of) as address:
            yield ServedDesk(desk, address)


async def post(
    client: httpx.AsyncClient,
    path: str,
    **fields: Any,  # noqa: ANN401
) -> httpx.Response:
    """Send a form as its page would."""
    name = client.cookies[SESSION_COOKIE]
    content = {"csrf": PEOPLE[name].csrf} | fields
    return await client.post(path, data=content)
