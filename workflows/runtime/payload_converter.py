"""Payload converter that never raises: our handlers decode, and refuse, payloads themselves.

A payload that the SDK cannot decode would fail the workflow task again and again, or silently drop
a signal (sdk-python issue 347). So handlers take raw payloads and refuse all but JSON objects.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from domain.base.refusals import InvalidCommand, Refused
from domain.base.sentences import say
from domain.engine.decide import decode_as

M = TypeVar("M", bound=BaseModel)
_SENTENCE_LIMIT: Final = 2000
"""Characters of a sentence that an answer carries."""


class LenientPayloadConverter(PydanticPayloadConverter):
    """Pydantic converter that returns a payload raw if it cannot decode it."""

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Return values for the payloads; raw ones where the count is wrong or decoding fails."""
        if type_hints is None and len(payloads) != 1:
            return [RawValue(payload) for payload in payloads]
        try:
            return super().from_payloads(payloads, type_hints)
        except Exception:  # noqa: BLE001 - any error of a decoder would freeze the item
            return [RawValue(payload) for payload in payloads]


DATA_CONVERTER: Final = DataConverter(payload_converter_class=LenientPayloadConverter)
"""Data converter of our workers and clients."""


def read_json(raw: RawValue) -> bytes:
    """Return the JSON text of a payload; raise InvalidCommand for any other encoding."""
    encoding = raw.payload.metadata.get("encoding", b"")
    if not encoding:
        raise InvalidCommand(say("command.no_encoding"))
    if encoding != b"json/plain":
        name = encoding.decode(errors="replace")[:60]
        raise InvalidCommand(say("command.no_json", encoding=name))
    return raw.payload.data


def parse_payload(model: type[M], raw: RawValue) -> M:
    """Validate a payload as `model`; raise InvalidCommand that lists every problem."""
    return decode_as(model, read_json(raw))


def application_error(refusal: Refused) -> ApplicationError:
    """Return a refusal as Temporal's error: its type, its sentence, and its details."""
    sentence, details = refusal.sentence, refusal.details
    if len(sentence) > _SENTENCE_LIMIT:
        details = details | {"message": None, "parameters": {}}  # as long as the sentence itself
    return ApplicationError(
        sentence[:_SENTENCE_LIMIT], details, type=refusal.type, non_retryable=True
    )
