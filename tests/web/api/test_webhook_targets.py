"""Deliveries connect to the address that was checked, and to no other."""

from collections.abc import Sequence

import httpx
import pytest

from activities.webhooks import PinnedTransport
from store.webhooks.target_check import TargetRefused, check_url
from tests.support.webhook_receiver import webhook_receiver


def transport_to(*addresses: str) -> PinnedTransport:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return PinnedTransport(resolver)


@pytest.mark.parametrize(
    "addresses",
    [
        ("169.254.169.254",),
        ("127.0.0.1", "169.254.169.254"),
        ("::ffff:169.254.169.254",),
        ("fe80::1",),
        ("100.100.100.200",),
        ("10.0.0.1",),
        ("203.0.113.1", "127.0.0.1"),
        ("::",),
    ],
)
async def test_a_name_with_a_refused_address_is_not_called(addresses: tuple[str]) -> None:
    async with httpx.AsyncClient(transport=transport_to(*addresses), timeout=5) as client:
        with pytest.raises(TargetRefused):
            await client.post("http://erp.example.org/webhook", json={})


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    async with webhook_receiver() as receiver:
        port = httpx.URL(receiver.url).port
        async with httpx.AsyncClient(transport=transport_to("127.0.0.1"), timeout=5) as client:
            answer = await client.post(f"http://erp.example.org:{port}/webhook", json={"a": 1})
    assert answer.status_code == 204
    assert receiver.headers[0]["host"] == f"erp.example.org:{port}"


async def test_a_name_that_cannot_be_resolved_is_an_error() -> None:
    async def nothing(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    async with httpx.AsyncClient(transport=PinnedTransport(nothing)) as client:
        with pytest.raises(OSError, match="no such host"):
            await client.post("https://erp.example.org/webhook", json={})


def test_private_networks_are_allowed() -> None:
    for url in ("https://10.0.0.1/x", "https://erp.example.org", "http://[::1]:8080/x"):
        check_url(url)
