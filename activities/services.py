"""Calls of the services that the catalog names (A8)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import httpx
from pydantic import JsonValue
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.base.values import FreeJson
from domain.model.action_kinds import ANSWER_LIMIT, CallOrder

_AGAIN: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Answers 4xx after which the same call may well be taken."""


class Endpoint(NamedTuple):
    """Where a service is, and what its calls carry."""

    url: str
    headers: Mapping[str, str]


class ServiceCalls:
    """Calls services by name; a call that is repeated has the same idempotency key."""

    def __init__(self, services: Mapping[str, Endpoint], client: httpx.AsyncClient) -> None:
        """Call these, over this client."""
        self._services = services
        self._client = client

    @activity.defn(name="call_service")
    async def call(self, order: CallOrder, body: FreeJson, key: str) -> JsonValue:
        """The service's answer: its JSON, or its text.

        Raises ApplicationError, which is final for an unknown service, an answer 4xx, and one that
        is too large to be kept.
        """
        service = self._services.get(order.service)
        if service is None:
            raise _final(f"no service named {order.service} in the catalog")
        within = activity.info().start_to_close_timeout
        try:
            answer = await self._client.request(
                order.method,
                service.url.rstrip("/") + order.path,
                json=None if order.method == "GET" else body,
                headers={**service.headers, "Idempotency-Key": key},
                timeout=within.total_seconds() if within else None,
            )
        except httpx.HTTPError as error:
            raise ApplicationError(f"{type(error).__name__}: {error}") from None
        if answer.is_error:
            told = f"answered {answer.status_code} {answer.reason_phrase}: {answer.text[:200]}"
            is_final = answer.is_client_error and answer.status_code not in _AGAIN
            raise _final(told) if is_final else ApplicationError(told)
        if len(answer.content) > ANSWER_LIMIT:
            problem = f"answered {len(answer.content)} bytes; at most {ANSWER_LIMIT} are kept"
            raise _final(problem)
        try:
            kept: JsonValue = answer.json()
        except ValueError:
            return answer.text
        return kept


def _final(problem: str) -> ApplicationError:
    return ApplicationError(problem, non_retryable=True)
