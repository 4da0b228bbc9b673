"""The fields of docker distribution's notifications that Portcall reads; it ignores all others.

Source: distribution 2.8 and 3 ``notifications/event.go``.
"""

from typing import Any

import msgspec
from msgspec import Struct

from portcall.producer.digests.blobs import is_blob
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Size, Text
from portcall.schemas.timestamps import sent_timestamp

MEDIA_TYPES = (
    "application/vnd.docker.distribution.events.v1+json",
    "application/vnd.docker.distribution.events.v2+json",
)


class NotificationTarget(Struct, frozen=True, rename="camel"):
    """The object that was pushed, pulled or deleted."""

    media_type: Text | None = None
    size: Size | None = None
    digest: Text | None = None
    length: Size | None = None
    repository: str | None = None
    url: str | None = None
    tag: str | None = None
    artifact_type: Any = None
    platform: Any = None
    references: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)

    @property
    def is_blob(self) -> bool:
        """Whether it is a blob: neither a manifest nor an index."""
        return is_blob(
            media_type=self.media_type or "",
            tag=self.tag or "",
            url=self.url or "",
            repository=self.repository or "",
            digest=self.digest or "",
        )


class NotificationRequest(Struct, frozen=True):
    """The request to the registry."""

    id: str | None = None
    host: str | None = None
    method: str | None = None
    useragent: str | None = None


class Notification(Struct, frozen=True):
    """One action on one target."""

    action: str
    target: NotificationTarget | None = None
    id: str | None = None
    timestamp: Any = None
    request: NotificationRequest | None = None
    actor: Any = None

    @property
    def time(self) -> str | None:
        """When it happened; None: its registry does not know, or writes it in an unknown form.

        The time of arrival is close enough, and a refusal would stop the registry's notifications.
        """
        try:
            return sent_timestamp(self.timestamp) if isinstance(self.timestamp, str) else None
        except InvalidValueError:
            return None


class Envelope(Struct, frozen=True):
    """A registry's envelope; other fields are ignored."""

    events: list[Notification]
