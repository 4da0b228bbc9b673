"""Repeats: events that a sender sends again within a short time, which are accepted once.

Docker Hub sends one push of several platforms several times, Nexus tells it as created and as
updated, two policies of Harbor tell it twice, and others send again what they had no answer to.

==============================  ==================================================================
rule                            why
==============================  ==================================================================
only the newest event of a tag  A, B, A: the third is no repeat, or consumers would stay at B
the action is a part of it      push, delete, push: likewise
a repeat waits for the first    a 2xx promises that the event is not lost, and the first may fail
noted after the confirm         after a crash in between the sender's repeat is accepted
the time is a part of it, for   two pushes of one tag have different times
`TIMED` kinds
no digest, no repeat, for       two pushes of one tag would look the same for a minute
`DIGESTED` kinds
ids follow from the content     several producers do not know of each other; the equal events that
and the span of time            they accept in one span have one id, so consumers see one event
==============================  ==================================================================

Nothing is stored: a query of the store for each event would cost more than all else that an intake
does. So "newest" is what this process got: of several producers, one may not know of the event in
between (docs/decisions/0056).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from msgspec import structs

from portcall.producer.formats.acceptance import Translation
from portcall.producer.http.errors import UnavailableError
from portcall.producer.sources.fields import hashed_id
from portcall.schemas.events import Event, Payload, Target
from portcall.schemas.options.table import repeats_within_s
from portcall.schemas.sources import Source, SourceKind

REASON = "repeated"
MAX_THINGS = 50_000
"""Remembered tags and digests, about 20 MB; beyond that, the oldest repositories are forgotten,
and at last the one that has them all."""
AT_ONCE = 500
"""Events of one request between two turns of other requests: some 5 ms."""
TIMED = frozenset({SourceKind.ALIBABA, SourceKind.DOCKERHUB, SourceKind.HARBOR})
"""Kinds whose time is that of the push: it is the same in each repeat, and exact to the second."""
DIGESTED = frozenset({SourceKind.ARTIFACTORY, SourceKind.HARNESS})
"""Kinds that tell digests, and no time: an event without a digest may be of another image."""

_PAYLOAD = msgspec.json.Decoder(Payload)
_NO_TARGET = Target()


@dataclass(slots=True)
class _Seen:
    """The newest event of a tag, or of a digest without one.

    Attributes:
        content: What must be equal in a repeat.
        at_ms: When it came.
        confirmed: Its result is whether the broker has the event.
    """

    content: tuple[object, ...]
    at_ms: int
    confirmed: asyncio.Future[bool]

    def counts(self, now: "_Now") -> bool:
        """Whether an equal event is a repeat, also after the clock was set back."""
        return abs(now.at_ms - self.at_ms) < now.within_ms


@dataclass(slots=True)
class _Repository:
    """What was seen of a repository; all of it has one action.

    Attributes:
        action: Of its newest events.
        span: The span of time of the newest one.
        turn: How often in this span something was replaced or forgotten that still counted.
        seen: The events by tag or digest.
    """

    action: str
    span: int = 0
    turn: int = 0
    seen: dict[str, _Seen] = field(default_factory=dict)


@dataclass(slots=True)
class _Sifting:
    """One request on its way.

    Attributes:
        kept: Its events that are no repeats.
        owned: What was noted for them.
        awaited: The results of the first ones of its repeats.
    """

    kept: list[Event] = field(default_factory=list)
    owned: list[tuple[_Repository, str, _Seen]] = field(default_factory=list)
    awaited: set[asyncio.Future[bool]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Now:
    """What the events of one request have in common.

    Attributes:
        source: Their source.
        made: The ids that we made.
        at_ms: The time.
        within_ms: For how long an equal event is a repeat.
    """

    source: Source
    made: Collection[str]
    at_ms: int
    within_ms: int

    def told_by(self, event: Event, payload: Payload, target: Target) -> str:
        """What else must be equal: the time of a push, or an id, which no other push has."""
        if self.source.kind in TIMED:
            return payload.timestamp
        is_blind = self.source.kind in DIGESTED and not target.digest
        return event.id if is_blind else ""

    @property
    def span(self) -> int:
        """The span of time that it is in; all producers have the same spans."""
        return self.at_ms // self.within_ms

    def id_of(self, event: Event, seen: _Seen, turn: int) -> str:
        """An id of what an event says: of its content, and of the span of time that it is in."""
        place = (self.source.registry, self.source.name, event.action, event.repository)
        when = (str(self.span), str(turn))
        return hashed_id(*place, *map(str, seen.content), *when)


class Repeats:
    """The newest events of each source, in memory, for as long as they may be repeated."""

    def __init__(self) -> None:
        self._repositories: OrderedDict[tuple[str, str, str], _Repository] = OrderedDict()
        self._count = 0

    @asynccontextmanager
    async def without(
        self, source: Source, translation: Translation, made: Collection[str], at_ms: int
    ) -> AsyncIterator[None]:
        """Take the repeats out of *translation*; publish the others in the block.

        Args:
            source: Its source.
            translation: Changed: repeats are ignored, and ids that we made follow from the content.
            made: The ids that we made.
            at_ms: The time.

        Raises:
            UnavailableError: The first event of a repeat was not confirmed.
        """
        within_ms = repeats_within_s(source.kind, source.options) * 1000
        if not within_ms or not translation.events:
            yield
            return
        now = _Now(source, made, at_ms, within_ms)
        sifting, is_confirmed = _Sifting(), False
        try:
            await self._sift(translation.events, now, sifting)
            if repeated := len(translation.events) - len(sifting.kept):
                translation.ignored[REASON] += repeated
            translation.events[:] = sifting.kept
            yield
            is_confirmed = True
        finally:
            self._end(sifting, is_confirmed=is_confirmed)
        if not all([await asyncio.shield(each) for each in sifting.awaited]):
            raise UnavailableError("the first of these equal events was not taken; send it again")

    async def _sift(self, events: Sequence[Event], now: _Now, sifting: _Sifting) -> None:
        """Fill *sifting*; other requests get their turns."""
        for number, event in enumerate(events, 1):
            self._take(event, now, sifting)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _take(self, event: Event, now: _Now, sifting: _Sifting) -> None:
        payload = _PAYLOAD.decode(bytes(event.body))
        target = payload.target or _NO_TARGET
        content = (*structs.astuple(target), now.told_by(event, payload, target))
        thing = target.tag or target.version or target.digest or ""
        repository = self._of(event, now)
        before = repository.seen.get(thing)
        still_counts = before is not None and before.counts(now)
        if before is not None and still_counts and before.content == content:
            sifting.awaited.add(before.confirmed)
            return
        seen = _Seen(content, now.at_ms, asyncio.get_running_loop().create_future())
        repository.turn += still_counts
        self._count += before is None
        repository.seen[thing] = seen
        sifting.owned.append((repository, thing, seen))
        if event.id in now.made:
            event = _renamed(event, payload, now.id_of(event, seen, repository.turn))
        sifting.kept.append(event)

    def _of(self, event: Event, now: _Now) -> _Repository:
        """What was seen of an event's repository with its action, which is the newest from now."""
        key = (now.source.registry, now.source.name.lower(), event.repository)
        found = self._repositories.pop(key, None) or _Repository(event.action)
        if found.span != now.span:
            found.span, found.turn = now.span, 0
        while self._count + len(self._repositories) >= MAX_THINGS and self._repositories:
            _, oldest = self._repositories.popitem(last=False)
            self._forget(oldest)
        if found.action != event.action or self._count >= MAX_THINGS:
            found.action = event.action
            found.turn += any(each.counts(now) for each in found.seen.values())
            self._forget(found)
        self._repositories[key] = found
        return found

    def _forget(self, repository: _Repository) -> None:
        self._count -= len(repository.seen)
        repository.seen = {}

    def _end(self, sifting: _Sifting, *, is_confirmed: bool) -> None:
        """Say what became of a request's own events; what failed is forgotten."""
        for repository, thing, seen in sifting.owned:
            seen.confirmed.set_result(is_confirmed)
            if not is_confirmed and repository.seen.get(thing) is seen:
                del repository.seen[thing]
                self._count -= 1


def _renamed(event: Event, payload: Payload, event_id: str) -> Event:
    body = msgspec.json.encode(structs.replace(payload, id=event_id))
    return structs.replace(event, id=event_id, body=msgspec.Raw(body))
