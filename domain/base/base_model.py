"""Base class of everything that outsiders write."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Model that refuses unknown fields, coerces nothing and is frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )
