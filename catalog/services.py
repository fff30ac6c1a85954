"""Services that Actions call: where they are, and what their calls carry (A8)."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from domain.base.base_model import Defined
from domain.base.values import one_line

_URL: Final = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
_FROM_ENVIRONMENT: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("must be an address such as https://erp.example/api, without a password")
    return value


class Service(Defined):
    """A service: the address that paths are laid onto, and headers of every call.

    `${NAME}` in a header is taken from the worker's environment, so that no secret is written.
    """

    url: Annotated[str, AfterValidator(_url)]
    headers: Annotated[
        dict[str, Annotated[str, AfterValidator(one_line)]], Field(max_length=20)
    ] = Field(default_factory=dict)

    def with_secrets(self, environment: Mapping[str, str]) -> "Service":
        """The service with its secrets; raises KeyError with the name of one that is not set."""
        headers = {
            name: _FROM_ENVIRONMENT.sub(lambda found: environment[found[1]], value)
            for name, value in self.headers.items()
        }
        return self.model_copy(update={"headers": headers})
