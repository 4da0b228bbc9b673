"""Where a connection leads."""

from typing import NamedTuple

from portcall.schemas.trust import Trust


class Origin(NamedTuple):
    """A host, a port, whether TLS is spoken there, and what is special about that.

    Connections are shared by what has an equal origin, and by nothing else: so never between two
    client certificates, or two ideas of whom to trust.
    """

    host: str
    port: int
    tls: bool
    trust: Trust | None = None

    @property
    def server_name(self) -> str:
        """The host as SNI and certificates name it: without a dot at its end (RFC 6066, 3)."""
        return self.host.removesuffix(".")
