"""Facts: what renderers read of an event, from its payload and from the extras of its source."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from portcall.schemas.events import PING, Action, Event, Payload, Request, Target
from portcall.schemas.extras import NONE, kept_text

MAX_HOST = 255
_HOST = re.compile(rf"[A-Za-z0-9._:\[\]-]{{1,{MAX_HOST}}}")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (UTC, like every payload's time)
_DELETES = frozenset((Action.DELETE, Action.CHART_DELETE))
_decode = msgspec.json.Decoder(Payload).decode
encoded: Callable[[object], bytes] = msgspec.json.Encoder().encode
"""A document as compact JSON; None is null."""
_NO_TARGET, _NO_REQUEST = Target(), Request()

Options = Mapping[str, str]
"""The settings of a format, checked; those that were not given are absent."""


class Facts(Struct, frozen=True):
    """An event, with the facts that most formats need.

    Attributes:
        event: The event.
        id: Its id; the same on each attempt.
        action: A member of `Action`, or ``ping``.
        time: When it happened, RFC 3339 in UTC.
        target: What it is about; empty for a ping.
        request: The request to the registry; empty where it is unknown.
        repository: Empty for a ping.
        tag: The tag, or a chart's version; empty where there is none.
        digest: Empty where it is unknown.
        host: Where clients pull from; the registry's name where no source tells it.
        actor: Who did it, on one line; empty where it is unknown.
    """

    event: Event
    id: str
    action: str
    time: str
    target: Target
    request: Request
    repository: str
    tag: str
    digest: str
    host: str
    actor: str

    @property
    def is_ping(self) -> bool:
        """Whether it only tests the endpoint."""
        return self.action == PING

    @property
    def is_delete(self) -> bool:
        """Whether something was deleted."""
        return self.action in _DELETES

    @property
    def seconds(self) -> int:
        """The time in seconds since the epoch; much faster than `parse_timestamp`."""
        try:
            since = datetime.fromisoformat(self.time[:19]) - _EPOCH
        except (ValueError, TypeError):  # no time, or one with a zone, which payloads do not have
            return self.event.accepted_ms // 1000
        return int(since.total_seconds())

    @property
    def tags(self) -> tuple[str, ...]:
        """Of a delete, the tags that went with the manifest, if the webhook asks for them."""
        return (self.event.extras or NONE).tags

    @property
    def reference(self) -> str:
        """What was pushed, as clients of the registry write it: ``host/repository:tag``."""
        return f"{self.host}/{self.name}"

    @property
    def name(self) -> str:
        """The repository with its tag, or else with its digest."""
        if self.tag:
            return f"{self.repository}:{self.tag}"
        return f"{self.repository}@{self.digest}" if self.digest else self.repository


def facts_of(event: Event) -> Facts:
    """The facts of an event: each is worked out once, as most formats read most of them."""
    payload = _decode(event.body)
    target, request = payload.target or _NO_TARGET, payload.request or _NO_REQUEST
    return Facts(
        event,
        event.id,
        payload.action,
        payload.timestamp,
        target,
        request,
        target.repository or "",
        target.tag or target.version or "",
        target.digest or "",
        _host(request.host, event.registry),
        event.extras.actor if event.extras is not None else "",
    )


@lru_cache(maxsize=1024)
def _host(host: str | None, registry: str) -> str:
    """The host that a client of the registry sent (``Host``), if it is a plain word."""
    return host if host and _HOST.fullmatch(host) else registry


def line(text: str, limit: int) -> str:
    """A text on one printable line, cut.

    Names were checked when the event was accepted, and the actor when it became an extra.
    """
    if len(text) <= limit and text.isprintable():
        return text
    return kept_text(text, limit)
