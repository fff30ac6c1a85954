"""Webhooks go to the address that was checked, and to no other."""

from collections.abc import Sequence

import httpx
import pytest

from activities.webhooks import Pinned
from store.webhooks.target_check import WrongTarget, check_url
from tests.support.webhook_receiver import receiving


def found(*addresses: str) -> Pinned:
    async def look_up(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return Pinned(look_up)


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
async def test_a_name_that_leads_where_it_must_not_is_not_called(addresses: tuple[str]) -> None:
    async with httpx.AsyncClient(transport=found(*addresses), timeout=5) as client:
        with pytest.raises(WrongTarget):
            await client.post("http://erp.example.org/told", json={})


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    async with receiving() as receiver:
        port = httpx.URL(receiver.url).port
        async with httpx.AsyncClient(transport=found("127.0.0.1"), timeout=5) as client:
            answer = await client.post(f"http://erp.example.org:{port}/told", json={"a": 1})
    assert answer.status_code == 204
    assert receiver.headers[0]["host"] == f"erp.example.org:{port}"


async def test_no_name_is_no_address() -> None:
    async def nothing(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    async with httpx.AsyncClient(transport=Pinned(nothing)) as client:
        with pytest.raises(OSError, match="no such host"):
            await client.post("https://erp.example.org/told", json={})


def test_private_networks_are_where_an_erp_is() -> None:
    for url in ("https://10.0.0.1/x", "https://erp.example.org", "http://[::1]:8080/x"):
        check_url(url)
