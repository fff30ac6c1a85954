"""Check of webhook targets: https, or http to this host; never link-local addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

MAX_URL_LENGTH: Final = 1_000
_PORTS: Final = range(1, 65_536)
# metadata services of clouds answer at link-local addresses, and in the last two networks
_FORBIDDEN: Final = tuple(
    map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32"))
)
Ip = IPv4Address | IPv6Address


class TargetRefused(ValueError):
    """The URL or address is not allowed as a webhook's target."""


def check_url(url: str) -> None:
    """Raise TargetRefused unless a webhook may have this URL.

    Host names are resolved with each delivery, not here.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused(
            "cannot be read: give one such as https://erp.example.org/casekeep"
        ) from None
    host = parts.hostname
    if (
        len(url) > MAX_URL_LENGTH
        or not host
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise TargetRefused(
            "is no absolute URL of at most 1,000 printable ASCII characters: "
            "give one such as https://erp.example.org/casekeep"
        )
    if parts.username is not None or parts.fragment:
        raise TargetRefused("has a user or a fragment: leave them out")
    if port is not None and port not in _PORTS:
        raise TargetRefused(f"port {port} is out of range: give 1 to 65535")
    if parts.scheme not in {"https", "http"}:
        raise TargetRefused("is not https: give an https:// URL")
    address = _address(host)
    if address is not None:
        check_address(address, is_plain=parts.scheme == "http")
    elif parts.scheme == "http" and host != "localhost":
        raise TargetRefused("http is allowed to this host only: give an https:// URL")


def check_address(address: Ip, *, is_plain: bool) -> None:
    """Raise TargetRefused unless deliveries may go to this address, over http if `is_plain`."""
    real = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    target = real or address
    if (
        target.is_link_local
        or target.is_multicast
        or target.is_unspecified
        or (target.is_reserved and not target.is_loopback)
        or any(target in network for network in _FORBIDDEN if network.version == target.version)
    ):
        raise TargetRefused(
            f"address {target} is link-local, reserved, multicast or a metadata service: "
            "give another"
        )
    if is_plain and not target.is_loopback:
        raise TargetRefused("http is allowed to this host only: give an https:// URL")


def _address(host: str) -> Ip | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
