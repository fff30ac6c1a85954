"""Activity that calls the services that the catalog names (A8)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import httpx
from pydantic import JsonValue
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.base.values import FreeJson
from domain.model.action_kinds import MAX_ANSWER_BYTES, CallOrder

_RETRYABLE: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Status codes 4xx after which a retry of the same call may succeed."""


class Endpoint(NamedTuple):
    """URL of a service and the headers of its calls."""

    url: str
    headers: Mapping[str, str]


class ServiceCalls:
    """Activity `call_service`: calls services by name; a retry has the same idempotency key."""

    def __init__(self, services: Mapping[str, Endpoint], client: httpx.AsyncClient) -> None:
        """Call these services through this HTTP client."""
        self._services = services
        self._client = client

    @activity.defn(name="call_service")
    async def call(self, order: CallOrder, body: FreeJson, key: str) -> JsonValue:
        """Call a service and return its answer as JSON, or as text if it is none.

        Raises ApplicationError: not retryable for an unknown service, most answers 4xx, and an
        answer that is too large.
        """
        service = self._services.get(order.service)
        if service is None:
            raise _final(f"no service named {order.service} in the catalog")
        timeout = activity.info().start_to_close_timeout
        try:
            answer = await self._client.request(
                order.method,
                service.url.rstrip("/") + order.path,
                json=None if order.method == "GET" else body,
                headers={**service.headers, "Idempotency-Key": key},
                timeout=timeout.total_seconds() if timeout else None,
            )
        except httpx.HTTPError as error:
            raise ApplicationError(f"{type(error).__name__}: {error}") from None
        if answer.is_error:
            problem = f"answered {answer.status_code} {answer.reason_phrase}: {answer.text[:200]}"
            is_final = answer.is_client_error and answer.status_code not in _RETRYABLE
            raise _final(problem) if is_final else ApplicationError(problem)
        if len(answer.content) > MAX_ANSWER_BYTES:
            problem = f"answered {len(answer.content)} bytes; at most {MAX_ANSWER_BYTES} are kept"
            raise _final(problem)
        try:
            parsed: JsonValue = answer.json()
        except ValueError:
            return answer.text
        return parsed


def _final(problem: str) -> ApplicationError:
    return ApplicationError(problem, non_retryable=True)
