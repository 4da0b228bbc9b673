"""Accepting: what a sender published becomes the events that travel through the broker."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from portcall.producer.formats.decoding import joined
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Event, PublishedEvent, accept
from portcall.schemas.timestamps import acr_timestamp

MAX_DETAILS = 200
"""Of one request. A registry sends one notification at a time."""
_ESCAPED_NUL = rb"\u0000"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the events of one request have in common.

    Attributes:
        registry: Whose events they are, in lower case.
        now_ms: When they are accepted, milliseconds since the epoch.
        new_id: Makes an id for an event that came without one.
    """

    registry: str
    now_ms: int
    new_id: Callable[[], str]

    def accept(self, published: PublishedEvent, path: str = "") -> Event:
        """Check one event and make of it what is published.

        Args:
            published: The event as it was sent.
            path: Where it stands in the request, e.g. ``[3]``.

        Raises:
            InvalidValueError: A field breaks its rule; ``field`` is its path.
        """
        event = accept(
            published,
            registry=self.registry,
            new_id=published.id or self.new_id(),
            now_ms=self.now_ms,
            now=acr_timestamp(self.now_ms),
            path=f"{path}." if path else "",
        )
        if _ESCAPED_NUL in bytes(event.body):
            _refuse_nul(published.target, joined(path, "target"))
            _refuse_nul(published.request, joined(path, "request"))
        return event


@dataclass(frozen=True, slots=True)
class Ignored:
    """One notification that becomes no event.

    Attributes:
        event_id: Its id, or one of ours where it has none that could be looked for.
        reason: Why, in a word that counters have.
        action: As it was sent, cut; so are the next two. Empty: there was none.
        repository: The repository.
        tag: The tag.
        field: The path of what cannot be read; empty: it was read, and is none of ours.
        problem: What is wrong there.
    """

    event_id: str
    reason: str
    action: str = ""
    repository: str = ""
    tag: str = ""
    field: str = ""
    problem: str = ""

    @property
    def is_unread(self) -> bool:
        """Whether it might have been an event, and could not be read."""
        return bool(self.problem)


@dataclass(frozen=True, slots=True)
class Translation:
    """What a request's body says: the events in it, and why the rest is none of ours.

    Attributes:
        events: The events.
        ignored: How many notifications were ignored, by the reason.
        details: What is known of those; not of all, where they are very many.
    """

    events: list[Event]
    ignored: Counter[str] = field(default_factory=Counter)
    details: list[Ignored] = field(default_factory=list)

    def ignore(self, one: Ignored) -> None:
        """Count one that is ignored, and keep what is known of it."""
        self.ignored[one.reason] += 1
        if len(self.details) < MAX_DETAILS:
            self.details.append(one)


Reader = Callable[[bytes, Acceptance], Translation]
"""Reads a body; raises `InvalidValueError` for one that is wrong, and nothing else."""


def _refuse_nul(part: Struct | None, path: str) -> None:
    """Refuse NUL: PostgreSQL keeps no text that has one, and no consumer expects it."""
    if part is None:
        return
    names = zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True)
    for attribute, name in names:
        value = getattr(part, attribute)
        if isinstance(value, str) and "\0" in value:
            raise InvalidValueError(joined(path, name), "contains a NUL character")
