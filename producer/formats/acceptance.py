"""Acceptance: a sender's events become the events that the broker carries."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct, structs

from portcall.producer.formats.json_errors import joined
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Event, PublishedEvent, accept
from portcall.schemas.extras import NONE, Extras, of_source
from portcall.schemas.journal import TAG_DELETE
from portcall.schemas.options.aliases import Aliases, renamed
from portcall.schemas.timestamps import acr_timestamp

MAX_DETAILS = 200
"""Of one request. A registry sends one notification at a time."""
_ESCAPED_NUL = rb"\u0000"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The common facts about the events of one request.

    Attributes:
        registry: Their registry, in lower case.
        now_ms: When they are accepted, milliseconds since the epoch.
        new_id: Makes an id for an event without one.
        kind: The kind of the source that they come by; empty: they come by none.
        source: That source's name.
        aliases: Other names for the repositories that it sends.
        tag_deletes: Whether a deleted tag is an event, a delete without a digest.
    """

    registry: str
    now_ms: int
    new_id: Callable[[], str]
    kind: str = ""
    source: str = ""
    aliases: Aliases = ()
    tag_deletes: bool = False

    def accept(
        self, published: PublishedEvent, path: str = "", extras: Extras | None = None
    ) -> Event:
        """Check one event and convert it.

        Args:
            published: The event as it was sent.
            path: Its position in the request, e.g. ``[3]``.
            extras: What its source tells beyond it; None: what the publisher sent.

        Raises:
            InvalidValueError: A field breaks its rule; ``field`` is its path.
        """
        if self.aliases:
            published = _renamed(published, self.aliases)
        event = accept(
            published,
            registry=self.registry,
            new_id=published.id or self.new_id(),
            now_ms=self.now_ms,
            now=acr_timestamp(self.now_ms),
            path=f"{path}." if path else "",
            extras=of_source(extras or NONE, self.kind, self.source) if self.kind else extras,
        )
        if _ESCAPED_NUL in bytes(event.body):
            _refuse_nul(published.target, joined(path, "target"))
            _refuse_nul(published.request, joined(path, "request"))
        return event


@dataclass(frozen=True, slots=True)
class Ignored:
    """One notification that becomes no event.

    Attributes:
        event_id: Its id, or one of ours if it has no usable one.
        reason: Why, in the same word as the counters use.
        action: As it was sent, cut to a limit; so are the next two. Empty: there was none.
        repository: The repository; of a deleted tag, under its other name where it has one.
        tag: The tag.
        field: The path of the unreadable part; empty: it was readable, and is no registry event.
        problem: What is wrong there.
        request_id: Of a deleted tag: the id of the request to the registry.
    """

    event_id: str
    reason: str
    action: str = ""
    repository: str = ""
    tag: str = ""
    field: str = ""
    problem: str = ""
    request_id: str = ""

    @property
    def is_unread(self) -> bool:
        """Whether it might have been an event, but was unreadable."""
        return bool(self.problem)


@dataclass(frozen=True, slots=True)
class Translation:
    """The content of a request's body: its events, and why the rest was ignored.

    Attributes:
        events: The events.
        ignored: How many notifications were ignored, by the reason.
        details: Details of those; incomplete if there are very many, but for deleted tags.
    """

    events: list[Event]
    ignored: Counter[str] = field(default_factory=Counter)
    details: list[Ignored] = field(default_factory=list)

    def ignore(self, one: Ignored) -> None:
        """Count an ignored notification, and keep its details."""
        self.ignored[one.reason] += 1
        if len(self.details) < MAX_DETAILS or one.reason == TAG_DELETE:
            self.details.append(one)


Reader = Callable[[bytes, Acceptance], Translation]
"""Reads a body; raises only `InvalidValueError`, for a wrong one."""


def _renamed(published: PublishedEvent, aliases: Aliases) -> PublishedEvent:
    """An event with the other name of its repository."""
    name = renamed(published.target.repository or "", aliases)
    return structs.replace(
        published, target=structs.replace(published.target, repository=name or None)
    )


def _refuse_nul(part: Struct | None, path: str) -> None:
    """Refuse NUL: PostgreSQL cannot store it in a text, and no consumer expects it."""
    if part is None:
        return
    names = zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True)
    for attribute, name in names:
        value = getattr(part, attribute)
        if isinstance(value, str) and "\0" in value:
            raise InvalidValueError(joined(path, name), "contains a NUL character")
