"""Where webhooks may point: https, or http to this very host; never to link-local addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 1_000
_PORTS: Final = range(1, 65_536)
# Metadata services of clouds answer at link-local addresses, and at these two.
_NEVER: Final = tuple(
    map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32"))
)
Ip = IPv4Address | IPv6Address


class WrongTarget(ValueError):
    """No webhook points there; the sentence says why."""


def check_url(url: str) -> None:
    """Raise WrongTarget unless a webhook may have this URL; names are looked up when it is used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongTarget("is none that can be read") from None
    host = parts.hostname
    if len(url) > LONGEST or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise WrongTarget("give one such as https://erp.example.org/casekeep")
    if parts.username is not None or parts.fragment:
        raise WrongTarget("carries a user or a fragment: leave them out")
    if port is not None and port not in _PORTS:
        raise WrongTarget(f"{port} is no port")
    if parts.scheme not in {"https", "http"}:
        raise WrongTarget("must begin with https://")
    address = _address(host)
    if address is not None:
        check_address(address, is_plain=parts.scheme == "http")
    elif parts.scheme == "http" and host != "localhost":
        raise WrongTarget("http goes to this host alone: give https://")


def check_address(address: Ip, *, is_plain: bool) -> None:
    """Raise WrongTarget unless a webhook may be sent to this address, over http if `is_plain`."""
    real = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    told = real or address
    if (
        told.is_link_local
        or told.is_multicast
        or told.is_unspecified
        or (told.is_reserved and not told.is_loopback)
        or any(told in network for network in _NEVER if network.version == told.version)
    ):
        raise WrongTarget(f"{told} is an address that nothing is sent to")
    if is_plain and not told.is_loopback:
        raise WrongTarget("http goes to this host alone: give https://")


def _address(host: str) -> Ip | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
