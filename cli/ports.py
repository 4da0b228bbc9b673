"""Choosing ports of the loopback interface.

Seconds pass until somebody listens on a port that was chosen. Until then it is reserved: by a name
in Linux's abstract namespace of Unix sockets, which belongs to the network's namespace as ports do,
and ends with the process.
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
"""Reservations of one process: the oldest are for ports that somebody listens on by then."""


class _Reservation(NamedTuple):
    descriptor: int  # of a socket that has the name; open as long as the process lives
    owner: str


_reserved: dict[int, _Reservation] = {}


def free_ports(count: int, *, owner: str = "") -> list[int]:
    """Ports that nobody listens on, below the range that the kernel takes for outgoing connections.

    They are reserved for *owner*: no process gets them from here a second time.

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
        if port not in _reserved and is_free(HOST, port) and reserve(port, owner=owner):
            found.append(port)
    if len(found) < count:
        raise CliError("no free port is left on the loopback interface")
    return found


def reserve(port: int, *, owner: str = "") -> bool:
    """Keep a port from the `free_ports` of this process and of others.

    Args:
        port: Which.
        owner: For whom in this process; the same one may have it again.

    Returns:
        Whether it is reserved for *owner* now; False: it is for somebody else.
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
        # There is no such namespace here: then it is reserved in this process only.
    _reserved[port] = _Reservation(name.detach(), owner)
    if len(_reserved) > _KEPT:
        release(next(iter(_reserved)))
    return True


def release(port: int) -> None:
    """End a reservation of this process."""
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
