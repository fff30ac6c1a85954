"""Payloads that never raise while the SDK decodes them: we decode, and refuse, ourselves.

A payload that the SDK cannot decode would fail the workflow task for ever, or drop a signal
unseen (sdk-python issue 347). So handlers take raw payloads, and what is no JSON object is refused.
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
from domain.engine.decide import decode_as

M = TypeVar("M", bound=BaseModel)


class TotalConverter(PydanticPayloadConverter):
    """Decodes like its base; what it cannot decode arrives raw."""

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Values for the payloads; raw ones where they are too many, too few or undecodable."""
        if type_hints is None and len(payloads) != 1:
            return [RawValue(payload) for payload in payloads]
        try:
            return super().from_payloads(payloads, type_hints)
        except Exception:  # noqa: BLE001 - whatever a decoder raises would freeze the item
            return [RawValue(payload) for payload in payloads]


DATA_CONVERTER: Final = DataConverter(payload_converter_class=TotalConverter)
"""The converter of our worker and our clients."""


def json_of(raw: RawValue) -> bytes:
    """The JSON text of a payload; raises InvalidCommand if it is anything else."""
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding != b"json/plain":
        name = encoding.decode(errors="replace")[:60] or "no encoding"
        sentence = f"expected one JSON object (json/plain), got {name}"
        raise InvalidCommand(sentence)
    return raw.payload.data


def value_of(model: type[M], raw: RawValue) -> M:
    """The payload as a value of this class; raises InvalidCommand with every problem."""
    return decode_as(model, json_of(raw))


def answer_of(refusal: Refused) -> ApplicationError:
    """A refusal as Temporal carries it: type, sentence, and `{rule, fields}` as details."""
    return ApplicationError(
        refusal.sentence[:2000], refusal.details, type=refusal.type, non_retryable=True
    )
