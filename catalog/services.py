"""HTTP services that Actions call: address and headers (A8)."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from domain.base.base_model import StrictModel
from domain.base.values import require_one_line

_URL: Final = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
_FROM_ENVIRONMENT: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("must be an address such as https://erp.example/api, without a password")
    return value


class Service(StrictModel):
    """Service: the base address of its paths, and the headers of every call.

    `${NAME}` in a header stands for a variable of the worker's environment, for secrets.
    """

    url: Annotated[str, AfterValidator(_url)]
    headers: Annotated[
        dict[str, Annotated[str, AfterValidator(require_one_line)]], Field(max_length=20)
    ] = Field(default_factory=dict)

    def resolve_secrets(self, environment: Mapping[str, str]) -> "Service":
        """Return the service with its secrets filled in; raises KeyError for an unset variable."""
        headers = {
            name: _FROM_ENVIRONMENT.sub(lambda match: environment[match[1]], value)
            for name, value in self.headers.items()
        }
        return self.model_copy(update={"headers": headers})
