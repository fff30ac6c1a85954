"""The base of all that outsiders write."""

from pydantic import BaseModel, ConfigDict


class Defined(BaseModel):
    """Unknown fields refused, values frozen, no coercion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )
