"""Where a connection leads."""

from typing import NamedTuple


class Origin(NamedTuple):
    """A host, a port, and whether TLS is spoken there."""

    host: str
    port: int
    tls: bool
