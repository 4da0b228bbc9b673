"""Routing: a frame of events in, frames of deliveries out, and only then the ack."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from prometheus_client import Counter

from portcall.router.coalescing import Coalescing, Waiting, is_child
from portcall.router.naming import TagNaming
from portcall.router.outbox import Outbox, merged
from portcall.router.sieve import Held, count, sifted
from portcall.router.tracing import Routing
from portcall.router.watching import Watched, Watching, is_watched
from portcall.runtime.broker.routed_notes import Routed
from portcall.runtime.broker.settle import Message
from portcall.runtime.errors import PoisonMessageError
from portcall.runtime.latch import Latch
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.tracing.spans import Tracer
from portcall.schemas.deletes import manifest_in
from portcall.schemas.deliveries import Delivery
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event, check_action
from portcall.schemas.filters import COALESCING, Filters
from portcall.schemas.frames import AGAIN_HEADER, decode_deliveries, decode_events
from portcall.schemas.topology import COALESCE, SHARD_HEADER

EVENTS = Counter(
    "portcall_events_routed",
    "Events routed, by whether any webhook matched.",
    ["matched"],
    registry=REGISTRY,
)
DELIVERIES = Counter("portcall_deliveries_routed", "Deliveries made.", registry=REGISTRY)
COPIES = Counter(
    "portcall_router_copies",
    "Frames that named a shard and came to the router nevertheless.",
    registry=REGISTRY,
)
_MATCHED = EVENTS.labels("yes")
_UNMATCHED = EVENTS.labels("no")


class Matcher(Protocol):
    """Knows the webhooks: a ScopeIndex."""

    @property
    def filters(self) -> Mapping[int, Filters]:
        """The filters of those that have some."""

    @property
    def watchers(self) -> Collection[int]:
        """Those with the filter `changedOnly`."""

    @property
    def waits(self) -> Mapping[int, int]:
        """Those with the filter `coalesce`, and how long a push waits, milliseconds."""

    @property
    def namers(self) -> Collection[int]:
        """Those with the filter `tagsOnDelete`."""

    @property
    def naming(self) -> Collection[str]:
        """The registries of these."""

    def match(self, registry: str, action: int, repository: str, tag: str) -> list[int]:
        """The webhooks that an event matches."""


class _Aside(NamedTuple):
    """The deliveries of a frame that are not sent at once, because they depend on the store.

    Attributes:
        watched: For webhooks with the filter `changedOnly`.
        waiting: Pushes that wait for their index.
        nameless: Deletes that wait for their tags, each with the webhooks for which it waits.
    """

    watched: list[Watched]
    waiting: list[Waiting]
    nameless: list[tuple[Event, Sequence[int]]]


class Holder(Protocol):
    """Holds the current index: Subscriptions."""

    @property
    def index(self) -> Matcher:
        """The index; a new snapshot replaces it."""


class Router:
    """Handles frames of events.

    Args:
        subscriptions: The webhooks in memory.
        outbox: Where deliveries go.
        watching: Decides for webhooks with the filter `changedOnly`.
        coalescing: Decides for webhooks with the filter `coalesce`.
        naming: Finds the tags of deletes, for webhooks with the filter `tagsOnDelete`.
        tracer: Exports spans; None: tracing is off.
    """

    def __init__(
        self,
        *,
        subscriptions: Holder,
        outbox: Outbox,
        watching: Watching,
        coalescing: Coalescing,
        naming: TagNaming,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._subscriptions = subscriptions
        self._outbox = outbox
        self._watching = watching
        self._coalescing = coalescing
        self._naming = naming
        self._log = get_logger()

    async def handle(self, message: Message) -> None:
        """Route one frame; returns when its deliveries and then their notes are confirmed.

        The deliveries come first: a note in the journal then proves that the deliveries are on
        their way, whatever crashes in between.

        Raises:
            FrameError: The message is not a frame of events.
            PoisonMessageError: One of its events has no known action.
        """
        if message.queue == COALESCE:
            await self._decide(message)
            return
        events = decode_events(message.body).events
        again = message.redeliveries > 0 or AGAIN_HEADER in message.headers
        if SHARD_HEADER in message.headers:
            # A copy, by a binding of an older build; or the only one, if its shard has no queue.
            again = True
            COPIES.inc()
        if self._tracer is None:
            await self._route(events, again=again)
            return
        routing = Routing(self._tracer, events)
        routing.end(await self._route(routing.events, again=again))

    async def _route(self, events: Sequence[Event], *, again: bool) -> Sequence[Routed]:
        """Route the events of a frame; returns what each one matched."""
        bits = [_action_bit(event) for event in events]
        latch = Latch()  # counted down once more when every event has been put
        matched: list[Routed] = []
        aside = _Aside([], [], [])
        for event, bit in zip(events, bits, strict=True):
            index = self._subscriptions.index
            found = index.match(event.registry, bit, event.repository, event.tag)
            (_MATCHED if found else _UNMATCHED).inc()
            held = None
            if index.filters:
                found, held = _sieved(event, found, index, aside)
            matched.append((event, found, held))
            await self._outbox.put(event, found, latch, again=again)
        latch.count_down()
        await latch.wait()
        index = self._subscriptions.index
        await self._let_wait(aside, again=again)
        if index.naming:
            await self._naming.tell(events, index.naming)
        if aside.watched:
            more = await self._watching.route(aside.watched, index.watchers, again=again)
            matched = merged([*matched, *more])
        if index.waits:
            await self._coalescing.tell(matched, index.waits)
        matches = sum(len(found) for _, found, _ in matched)
        DELIVERIES.inc(matches)
        self._log.debug("event.routed", events=len(events), deliveries=matches)
        await self._outbox.note(matched)
        return matched

    async def _let_wait(self, aside: "_Aside", *, again: bool) -> None:
        if aside.waiting:
            await self._coalescing.hold(aside.waiting, again=again)
        if aside.nameless:
            await self._naming.hold(aside.nameless, again=again)

    async def _decide(self, message: Message) -> None:
        """Decide pushes that waited for their index, and deletes that waited for their tags."""
        frame = decode_deliveries(message.body)
        again = frame.again or message.redeliveries > 0
        pushes, deletes = list[Delivery](), list[Delivery]()
        for each in frame.deliveries:
            is_delete = frame.events[each.event].action == Action.DELETE
            (deletes if is_delete else pushes).append(each)
        waits = self._subscriptions.index.waits
        matched = [
            *await self._coalescing.decide(frame.events, pushes, waits, again=again),
            *await self._naming.decide(frame.events, deletes, again=again),
        ]
        sent = sum(len(each.webhook_ids) for each in matched)
        DELIVERIES.inc(sent)
        self._log.debug("waits.decided", events=len(matched), deliveries=sent)
        await self._outbox.note(matched)


def _sieved(
    event: Event, found: list[int], index: Matcher, aside: _Aside
) -> tuple[list[int], Held]:
    """Divide the webhooks that an event matches.

    Returns:
        Those that get it now, and those that it is held back from, or for which it waits.
    """
    found, held = sifted(event, found, index.filters)
    count(held)
    if index.watchers:
        found = _set_apart(event, found, index.watchers, aside.watched)
    is_push = bool(index.waits) and is_child(event)
    apart: Collection[int] = index.waits if is_push else ()
    if index.namers and manifest_in(event) is not None:
        apart = index.namers
    mine = [each for each in found if each in apart]
    if not mine:
        return found, held
    if is_push:
        aside.waiting.append(Waiting(event, {each: index.waits[each] for each in mine}))
    else:
        aside.nameless.append((event, mine))
    return [each for each in found if each not in apart], {**held, COALESCING: mine}


def _set_apart(
    event: Event, found: list[int], watchers: Collection[int], watched: list[Watched]
) -> list[int]:
    """Set an event apart for the webhooks that may know it already; returns the others."""
    if event.action in (Action.DELETE, Action.UNTAG):
        watched.append(Watched(event))
        return found
    mine = [each for each in found if each in watchers]
    if not mine or not is_watched(event):
        return found
    watched.append(Watched(event, mine))
    return [each for each in found if each not in watchers]


def _action_bit(event: Event) -> int:
    try:
        return check_action(event.action).bit
    except InvalidValueError as error:
        raise PoisonMessageError(str(error)) from error
