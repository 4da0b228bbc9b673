"""The dashboard's address, and who may use it."""

import ipaddress
import re
import socket
from typing import Self

from msgspec import Struct
from yarl import URL

from portcall.schemas.errors import InvalidValueError

FIELD = "--dashboard"
HOST, PORT = "127.0.0.1", 5665
"""k6's port, on loopback unless another address is given."""
_WRITTEN = re.compile(
    r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]*):)?(?P<port>\d{1,5})|"
    r"(?P<alone>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]*)"
)


class Address(Struct, frozen=True):
    """An address to listen on.

    Attributes:
        host: A name or an address, without brackets.
        port: 0: any free one.
    """

    host: str = HOST
    port: int = PORT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST:PORT``, either of which may be missing; ``[::1]:PORT`` for IPv6.

        Raises:
            InvalidValueError: It is malformed.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None or int(found["port"] or 0) > 65_535:
            raise InvalidValueError(
                FIELD,
                f"{text[:64]!r} is not an address: write HOST:PORT, such as {HOST}:{PORT} or :0",
            )
        host = (found["host"] or found["alone"] or "").strip("[]")
        return cls(host or HOST, PORT if found["port"] is None else int(found["port"]))

    @property
    def words(self) -> str:
        """Return it in the usual notation."""
        return f"{self._name}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        return _address(self.host) is not None and ipaddress.ip_address(self.host).is_loopback

    def at(self, port: int) -> str:
        """Return the URL, with the actual port."""
        return f"http://{self._name}:{port}/"

    def admits(self, asked: str) -> bool:
        """Whether a request with the Host header *asked* is meant for this page.

        A site that lets its own name lead here (DNS rebinding) sends a name that is not ours.
        """
        if not asked:
            return False
        try:
            name = URL(f"http://{asked}/").host or ""
        except ValueError:
            return False
        ours = {"localhost", self.host.lower(), socket.gethostname().lower()}
        return name.lower() in ours or _address(name) is not None

    @property
    def _name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
