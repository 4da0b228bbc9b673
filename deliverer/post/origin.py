"""The target of a connection."""

from typing import NamedTuple

from portcall.schemas.trust import Trust


class Origin(NamedTuple):
    """A host, a port, whether it uses TLS, and its special trust settings.

    Only equal origins share connections: so never two with different client certificates, or with
    different trusted authorities.
    """

    host: str
    port: int
    tls: bool
    trust: Trust | None = None

    @property
    def server_name(self) -> str:
        """The host as in SNI and certificates: without a dot at its end (RFC 6066, 3)."""
        return self.host.removesuffix(".")
