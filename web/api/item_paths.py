"""Path parameter of an item, and the item that it names."""

from typing import Annotated

from fastapi import Depends, Path

from auth.permissions import check_reading
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN
from domain.model.states import State
from starter.client import UnknownItem
from web.commands import find_state
from web.context import CallerDep, Context


def _reference(
    reference: Annotated[
        str, Path(description="An item's reference.", examples=["T-7F3K9Q2D", "C-2PXK7M4A-A1"])
    ],
) -> str:
    if not (REFERENCE_PATTERN.fullmatch(reference) or ACTION_PATTERN.fullmatch(reference)):
        raise UnknownItem(f"no item {reference[:80]}: check the reference")
    return reference


ReferencePath = Annotated[str, Depends(_reference)]


async def _readable_item(context: Context, caller: CallerDep, reference: ReferencePath) -> State:
    state = await find_state(context, reference)
    check_reading(caller, state)
    return state


ReadableItem = Annotated[State, Depends(_readable_item)]
"""State of the path's item, which the caller may read."""
