"""Choosing ports of the loopback interface."""

import random
import socket
from pathlib import Path

from cli.errors import CliError

HOST = "127.0.0.1"
_USUAL_FIRST_OUTGOING = 32_768


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below the range that the kernel takes for outgoing connections.

    A port from that range, which binding to port 0 gives, is dangerous for a server that may be
    restarted: while it is down, a client that tries again and again to connect to it is in the end
    given the very port as its own, connects to itself, and keeps the server from coming back.

    Raises:
        CliError: There are not that many.
    """
    ports = list(range(20_000, _first_outgoing_port()))
    random.SystemRandom().shuffle(ports)
    found: list[int] = []
    for port in ports:
        if len(found) == count:
            break
        if is_free(HOST, port):
            found.append(port)
    if len(found) < count:
        raise CliError("no free port is left on the loopback interface")
    return found


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _first_outgoing_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    except OSError:
        return _USUAL_FIRST_OUTGOING
    first = int(text.split()[0])
    return first if first > 21_000 else _USUAL_FIRST_OUTGOING
