"""The pages' routes, gathered."""

from typing import Final

from fastapi import APIRouter

from starter.web.pages import (
    auditing,
    bulk,
    item,
    leading,
    lists,
    moving,
    preferences,
    searching,
    starting,
    streams,
)

router: Final = APIRouter(include_in_schema=False)
for _part in (
    auditing,
    bulk,
    item,
    leading,
    lists,
    moving,
    preferences,
    searching,
    starting,
    streams,
):
    router.include_router(_part.router)
