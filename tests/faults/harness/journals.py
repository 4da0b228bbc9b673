"""What was seen: the publisher's tries, the sink's POSTs, the records, the faults. Times are of
`time.time`, seconds, because four processes write them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.scopes import Scope, parse_scope


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook of the scenario, and where it leads.

    Attributes:
        path: At the sink; no two have the same.
        registry: Whose events it gets.
        name: Of the webhook.
        webhook_id: The store's number.
        scope: Of the webhook; it takes pushes only.
    """

    path: str
    registry: str
    name: str
    webhook_id: int
    scope: str = ""


@dataclass(slots=True)
class Publication:
    """One event on its way in.

    Attributes:
        event_id: Its id.
        registry: Whose it is.
        repository: What was pushed.
        tag: The same.
        tries: When each request with it began.
        accepted_at: When the request that was answered with 202 had begun; None: none was.
        answered_at: When that answer came.
    """

    event_id: str
    registry: str
    repository: str
    tag: str
    tries: list[float] = field(default_factory=list)
    accepted_at: float | None = None
    answered_at: float | None = None


@dataclass(slots=True)
class Post:
    """One POST that reached the sink.

    Attributes:
        at: When it arrived.
        path: Where.
        delivery_id: Its ``webhook-id``.
        event_id: The id in its body.
        status: What the sink answered; 0: nothing that has a status.
        ended_at: When the sink was through with it; None: never.
        did: What the sink did with it.
    """

    at: float
    path: str
    delivery_id: str
    event_id: str
    status: int = 0
    ended_at: float | None = None
    did: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the sink said 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record of list-events.

    Attributes:
        path: Of the webhook in whose list it stands.
        delivery_id: Its ``webhook-id``.
        attempt: The number of the attempt.
        outcome: What followed.
        status: Of the answer; 0: there was none.
        failure: The class of the failure.
        started_at: When the attempt began.
        duration_s: How long it took.
    """

    path: str
    delivery_id: str
    attempt: int
    outcome: str
    status: int
    failure: str
    started_at: float
    duration_s: float

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it."""
        return self.outcome in {"delivered", "given_up", "cancelled"}


@dataclass(slots=True)
class Fault:
    """Something that was done to Portcall.

    Attributes:
        what: E.g. ``SIGKILL``.
        whom: A role, ``rabbitmq``, or the name of a line.
        began_at: When.
        ended_at: When it was over; of a kill the same.
    """

    what: str
    whom: str
    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """One delivery that may be, and must be if its event was accepted.

    Attributes:
        path: Where.
        event_id: What.
        accepted_at: See `Publication`.
        tries: How often it was published.
        first_tried_at: When first.
    """

    path: str
    event_id: str
    accepted_at: float | None
    tries: int
    first_tried_at: float


def expectations(
    publications: Iterable[Publication], endpoints: Iterable[Endpoint]
) -> dict[str, Expectation]:
    """Every delivery that follows from what was published, by its id."""
    by_registry: dict[str, list[tuple[Endpoint, Scope]]] = {}
    for endpoint in endpoints:
        by_registry.setdefault(endpoint.registry, []).append(
            (endpoint, parse_scope(endpoint.scope))
        )
    return {
        delivery_id(each.event_id, endpoint.webhook_id): Expectation(
            endpoint.path, each.event_id, each.accepted_at, len(each.tries), each.tries[0]
        )
        for each in publications
        if each.tries
        for endpoint, scope in by_registry.get(each.registry, ())
        if scope.covers(each.repository, each.tag)
    }


class PostJournal:
    """Reads the sink's journal as it grows."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self._by_number: dict[int, Post] = {}
        self._rest = ""

    def take(self, text: str) -> None:
        """Take what was written since."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            kind, number, at, *fields = msgspec.json.decode(line)
            if kind == "+":
                post = self._by_number[number] = Post(at, *fields)
                self.posts.append(post)
            else:
                post = self._by_number.pop(number)
                post.ended_at = at
                post.status, post.did = fields


def by_delivery(items: Iterable[Post]) -> Mapping[str, Sequence[Post]]:
    """The POSTs of each delivery, by arrival."""
    found: dict[str, list[Post]] = {}
    for item in sorted(items, key=lambda post: post.at):
        found.setdefault(item.delivery_id, []).append(item)
    return found
