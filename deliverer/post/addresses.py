"""Which of a name's addresses a connection may be made to."""

import socket
from collections.abc import Collection, Sequence

from portcall.deliverer.post.attempts import ITSELF, AddressBlockedError
from portcall.runtime.settings import Network
from portcall.runtime.targets.addresses import is_allowed

AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]
]


def admitted(
    infos: Sequence[AddressInfo], allowed: Sequence[Network], own_ports: Collection[int] = ()
) -> list[AddressInfo]:
    """The allowed ones of *infos*; connect to exactly these.

    Args:
        infos: The addresses of a name or of a literal address.
        allowed: Networks that are allowed although they are not public.
        own_ports: Portcall's own ports; refused where the address is not public.

    Raises:
        AddressBlockedError: None is allowed; the error names them all.
    """
    passed, refused = [], []
    for info in infos:
        host, port = str(info[4][0]), info[4][1]
        if not is_allowed(host, allowed):
            refused.append(host)
        elif port in own_ports and not is_allowed(host, ()):
            refused.append(f"{host} port {port} ({ITSELF})")
        else:
            passed.append(info)
    if refused and not passed:
        raise AddressBlockedError(refused)
    return passed
