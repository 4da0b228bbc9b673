"""Trust: which certificates of an endpoint are accepted, and which certificate it is shown.

They are checked in `schemas.certificates`, which needs a library of 8 MB of memory: most processes
only carry the texts.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trust:
    """Special TLS settings for an endpoint; empty: none.

    Attributes:
        ca_bundle: The only authorities that are trusted, in PEM; empty: the default ones.
        client_certificate: The certificate for a server that asks for one, with its chain, in PEM.
        client_key: Its private key, in PEM.
    """

    ca_bundle: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.ca_bundle or self.client_certificate)


NO_TRUST = Trust()
