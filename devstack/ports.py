"""Ports of this machine: free ones, and the addresses that processes listen on."""

import random
import socket
from dataclasses import dataclass


class PortTaken(Exception):
    """Another program listens on a port that the stack needs."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Address that a process listens on, and the setting that names it."""

    host: str
    port: int
    setting: str

    @classmethod
    def parse(cls, listen: str, setting: str) -> "ListenAddress":
        """Parse `host:port`; a port of 0 is replaced by a free one."""
        host, _, port = listen.rpartition(":")
        return cls(host, int(port) or free_port(), setting)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def free_port() -> int:
    """Return a port that nobody listens on, below the range that outgoing connections use."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        if not _is_taken(port):
            return port
    msg = "no free port between 20000 and 32000"
    raise PortTaken(msg)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def ensure_port_free(port: int, option: str) -> None:
    """Raise PortTaken if somebody listens there; `option` chooses another port."""
    if _is_taken(port):
        msg = f"port {port} is taken: stop what listens there, or choose another with {option}"
        raise PortTaken(msg)
