"""Ways to publish: what a `Publisher` offers, so that its users name only the part they need."""

from collections.abc import Mapping
from typing import Protocol

PUBLISH_TIMEOUT_S = 20.0


class OncePublisher(Protocol):
    """Publishes a message once."""

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = PUBLISH_TIMEOUT_S,
    ) -> None:
        """Publish one message and wait for the broker's confirm; raises `BrokerError` without."""


class SurePublisher(Protocol):
    """Publishes a message again and again until the broker confirms it."""

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        """Publish until confirmed."""


class Announcer(Protocol):
    """Publishes a message that may be lost."""

    async def announce(self, body: bytes, *, exchange: str) -> None:
        """Publish, best effort; never raises because of the broker."""
