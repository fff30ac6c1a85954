"""Items as paths name them, and as the store or Temporal has them."""

from typing import Annotated

from fastapi import Depends, Path

from auth.permissions import check_reading
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN
from domain.model.states import State
from starter.client import UnknownItem
from web.commands import known
from web.context import Calls, InHouse


def _reference(
    reference: Annotated[
        str, Path(description="An item's reference.", examples=["T-7F3K9Q2D", "C-2PXK7M4A-A1"])
    ],
) -> str:
    if not (REFERENCE_PATTERN.fullmatch(reference) or ACTION_PATTERN.fullmatch(reference)):
        raise UnknownItem(f"no item {reference[:80]}: check the reference")
    return reference


Named = Annotated[str, Depends(_reference)]


async def _seen(house: InHouse, caller: Calls, reference: Named) -> State:
    state = await known(house, reference)
    check_reading(caller, state)
    return state


Seen = Annotated[State, Depends(_seen)]
"""An item that the caller may look at."""
