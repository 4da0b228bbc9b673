"""Facts: what renderers read of an event, from its payload and from the extras of its source."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property

import msgspec
from msgspec import Struct

from portcall.schemas.events import PING, Action, Event, Payload, Request, Target
from portcall.schemas.extras import NONE, kept_text

MAX_HOST = 255
_decode = msgspec.json.Decoder(Payload).decode
_encode = msgspec.json.Encoder().encode
_NO_TARGET, _NO_REQUEST = Target(), Request()

Options = Mapping[str, str]
"""The settings of a format, checked; those that were not given are absent."""


class Facts(Struct, frozen=True, dict=True):
    """An event, with the facts that most formats need.

    Attributes:
        event: The event.
        payload: Its payload, as ACR's webhooks have it.
    """

    event: Event
    payload: Payload

    @property
    def id(self) -> str:
        """The event's id; the same on each attempt."""
        return self.event.id

    @property
    def action(self) -> str:
        """A member of `Action`, or ``ping``."""
        return self.payload.action

    @property
    def is_ping(self) -> bool:
        """Whether it only tests the endpoint."""
        return self.payload.action == PING

    @property
    def is_delete(self) -> bool:
        """Whether something was deleted."""
        return self.payload.action in (Action.DELETE, Action.CHART_DELETE)

    @property
    def time(self) -> str:
        """When it happened, RFC 3339 in UTC."""
        return self.payload.timestamp

    @cached_property
    def seconds(self) -> int:
        """The same in seconds since the epoch; ten times as fast as `parse_timestamp`."""
        try:
            moment = datetime.fromisoformat(self.payload.timestamp[:19])
        except ValueError:
            return self.event.accepted_ms // 1000
        return int(moment.replace(tzinfo=UTC).timestamp())

    @property
    def target(self) -> Target:
        """What it is about; empty for a ping."""
        return self.payload.target or _NO_TARGET

    @property
    def request(self) -> Request:
        """The request to the registry; empty where it is unknown."""
        return self.payload.request or _NO_REQUEST

    @property
    def repository(self) -> str:
        """Empty for a ping."""
        return self.target.repository or ""

    @property
    def tag(self) -> str:
        """The tag, or a chart's version; empty where there is none."""
        return self.target.tag or self.target.version or ""

    @property
    def digest(self) -> str:
        """Empty where it is unknown."""
        return self.target.digest or ""

    @cached_property
    def host(self) -> str:
        """Where clients pull from; the registry's name where no source tells it.

        It is what a client of the registry sent as ``Host``: so only a plain word counts.
        """
        host = self.request.host or ""
        fits = len(host) <= MAX_HOST and host.isascii() and not set(host) - _HOST
        return host if host and fits else self.event.registry

    @property
    def actor(self) -> str:
        """Who did it, on one line; empty where it is unknown."""
        return (self.event.extras or NONE).actor

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


_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")


def facts_of(event: Event) -> Facts:
    """The facts of an event."""
    return Facts(event, _decode(event.body))


def encoded(document: object) -> bytes:
    """A document as compact JSON; None is null."""
    return _encode(document)


def present(document: Mapping[str, object]) -> dict[str, object]:
    """*document* without what is unknown: None, an empty text and an empty object."""
    return {key: value for key, value in document.items() if value not in (None, "", {})}


def line(text: str, limit: int) -> str:
    """A text on one printable line, cut.

    Names were checked when the event was accepted, and the actor when it became an extra.
    """
    if len(text) <= limit and text.isprintable():
        return text
    return kept_text(text, limit)
