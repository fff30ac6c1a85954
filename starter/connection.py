"""Connection to Temporal by its own environment configuration, with our converter."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.search_attributes import ALL

_TYPES: Final = {
    SearchAttributeIndexedValueType.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttributeIndexedValueType.DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    SearchAttributeIndexedValueType.BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}
_POLL_INTERVAL: Final = 0.2
DEFAULT_ADDRESS: Final = "localhost:7233"


class TemporalUnreachable(Exception):
    """No Temporal server answers at the configured address; a retry may succeed."""


class InvalidConnectionConfig(Exception):
    """Temporal's own configuration is invalid; a retry does not help."""


async def connect() -> Client:
    """Return a client as `TEMPORAL_…` and Temporal's own file configure it.

    Raises TemporalUnreachable or ConnectionWrong.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, OSError) as error:
        msg = f"Temporal's configuration (TEMPORAL_…, its file): {error}"
        raise InvalidConnectionConfig(msg) from error
    address = config.setdefault("target_host", DEFAULT_ADDRESS)
    try:
        return await Client.connect(**config, data_converter=DATA_CONVERTER)
    except (ValueError, OSError) as error:
        msg = f"TEMPORAL_ADDRESS {address} cannot be used: {error}"
        raise InvalidConnectionConfig(msg) from error
    except (RuntimeError, RPCError) as error:
        msg = f"no Temporal server at {address}: `casekeep up` runs one, or set TEMPORAL_ADDRESS"
        raise TemporalUnreachable(msg) from error


async def register_attributes(client: Client) -> None:
    """Register the search attributes that are missing, and wait until they are usable."""
    missing = await _missing_attributes(client)
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    while await _missing_attributes(client) or not await _are_usable(client):  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_POLL_INTERVAL)


async def _missing_attributes(client: Client) -> dict[str, IndexedValueType.ValueType]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    return {key.name: _TYPES[key.indexed_value_type] for key in ALL if key.name not in known}


async def _are_usable(client: Client) -> bool:
    """Return True once the server's caches know the registered attributes."""
    query = " AND ".join(f"{key.name} IS NULL" for key in ALL)
    try:
        await client.count_workflows(query, rpc_timeout=timedelta(seconds=5))
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True
