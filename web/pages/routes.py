"""Router of all pages."""

from typing import Final

from fastapi import APIRouter

from web.pages import (
    audit,
    bulk,
    item,
    lead_dashboard,
    lists,
    new_item,
    post_command,
    preferences,
    search,
    sse,
)

router: Final = APIRouter(include_in_schema=False)
for _part in (
    audit,
    bulk,
    item,
    lead_dashboard,
    lists,
    post_command,
    preferences,
    search,
    new_item,
    sse,
):
    router.include_router(_part.router)
