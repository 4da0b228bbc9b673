"""Choose ports of the loopback interface.

It takes seconds until a server listens on a chosen port. Until then the port is reserved by a name
in Linux's abstract namespace of Unix sockets. Like ports, that namespace belongs to the network
namespace; the reservation ends with the process.
"""

import errno
import os
import random
import socket
from pathlib import Path
from typing import NamedTuple

from portcall.cli.errors import CliError

HOST = "127.0.0.1"
_USUAL_FIRST_OUTGOING = 32_768
_KEPT = 256
"""Reservations per process: by then, servers listen on the oldest ports."""


class _Reservation(NamedTuple):
    descriptor: int  # of a socket that has the name; open for the lifetime of the process
    owner: str


_reserved: dict[int, _Reservation] = {}


def free_ports(count: int, *, owner: str = "") -> list[int]:
    """Return free ports below the range that the kernel uses for outgoing connections.

    They are reserved for *owner*: no process gets them from here again.

    A port from that range, which binding to port 0 gives, is dangerous for a server that may
    restart. While the server is down, a client that keeps reconnecting can get the very same port
    as its own, connect to itself, and keep the server from starting again.

    Raises:
        CliError: There are not enough.
    """
    ports = list(range(20_000, _first_outgoing_port()))
    random.SystemRandom().shuffle(ports)
    found: list[int] = []
    for port in ports:
        if len(found) == count:
            break
        if port not in _reserved and is_free(HOST, port) and reserve(port, owner=owner):
            found.append(port)
    if len(found) < count:
        raise CliError("no free port is left on the loopback interface")
    return found


def reserve(port: int, *, owner: str = "") -> bool:
    """Reserve a port against `free_ports` of this process and of others.

    Args:
        port: The port.
        owner: The user of the port in this process; the same owner may reserve it again.

    Returns:
        Whether *owner* has it now; False: another owner has it.
    """
    if port in _reserved:
        return _reserved[port].owner == owner
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0portcall-port-{port}")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            name.close()
            return False
        # This system has no such namespace: reserve it in this process only.
    _reserved[port] = _Reservation(name.detach(), owner)
    if len(_reserved) > _KEPT:
        release(next(iter(_reserved)))
    return True


def release(port: int) -> None:
    """Release a reservation of this process."""
    os.close(_reserved.pop(port).descriptor)


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
