"""Routing: a frame of events in, frames of deliveries out, and only then the ack."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from prometheus_client import Counter

from portcall.router.coalescing import Coalescing, Waiting, is_child
from portcall.router.outbox import Outbox, merged
from portcall.router.sieve import Held, count, sifted
from portcall.router.watching import Watched, Watching, is_watched
from portcall.runtime.broker.settle import Message
from portcall.runtime.errors import PoisonMessageError
from portcall.runtime.latch import Latch
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event, check_action
from portcall.schemas.filters import COALESCING, Filters
from portcall.schemas.frames import AGAIN_HEADER, decode_deliveries, decode_events
from portcall.schemas.topology import COALESCE, SHARD_HEADER

if TYPE_CHECKING:
    from portcall.runtime.broker.routed_notes import Routed

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

    def match(self, registry: str, action: int, repository: str, tag: str) -> list[int]:
        """The webhooks that an event matches."""


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
    """

    def __init__(
        self,
        *,
        subscriptions: Holder,
        outbox: Outbox,
        watching: Watching,
        coalescing: Coalescing,
    ) -> None:
        self._subscriptions = subscriptions
        self._outbox = outbox
        self._watching = watching
        self._coalescing = coalescing
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
        bits = [_action_bit(event) for event in events]
        latch = Latch()  # counted down once more when every event has been put
        matched: list[Routed] = []
        watched: list[Watched] = []
        waiting: list[Waiting] = []
        for event, bit in zip(events, bits, strict=True):
            index = self._subscriptions.index
            found = index.match(event.registry, bit, event.repository, event.tag)
            (_MATCHED if found else _UNMATCHED).inc()
            held = None
            if index.filters:
                found, held = sifted(event, found, index.filters)
                count(held)
                if index.watchers:
                    found = _set_apart(event, found, index.watchers, watched)
                if index.waits and is_child(event):
                    found, held = _let_wait(event, found, held, index.waits, waiting)
            matched.append((event, found, held))
            await self._outbox.put(event, found, latch, again=again)
        latch.count_down()
        await latch.wait()
        if waiting:
            await self._coalescing.hold(waiting, again=again)
        if watched:
            watchers = self._subscriptions.index.watchers
            more = await self._watching.route(watched, watchers, again=again)
            matched = merged([*matched, *more])
        if waits := self._subscriptions.index.waits:
            await self._coalescing.tell(matched, waits)
        matches = sum(len(found) for _, found, _ in matched)
        DELIVERIES.inc(matches)
        self._log.debug("event.routed", events=len(events), deliveries=matches)
        await self._outbox.note(matched)

    async def _decide(self, message: Message) -> None:
        """Decide pushes that have waited for their index."""
        frame = decode_deliveries(message.body)
        again = frame.again or message.redeliveries > 0
        waits = self._subscriptions.index.waits
        matched = await self._coalescing.decide(frame, waits, again=again)
        sent = sum(len(each.webhook_ids) for each in matched)
        DELIVERIES.inc(sent)
        self._log.debug("pushes.decided", events=len(matched), deliveries=sent)
        await self._outbox.note(matched)


def _let_wait(
    event: Event,
    found: list[int],
    held: Held,
    waits: Mapping[int, int],
    waiting: list[Waiting],
) -> tuple[list[int], Held]:
    """Let an event wait for the webhooks that coalesce.

    Returns:
        The other webhooks, and those that it is held back from with those for which it waits.
    """
    mine = [each for each in found if each in waits]
    if not mine:
        return found, held
    waiting.append(Waiting(event, {each: waits[each] for each in mine}))
    return [each for each in found if each not in waits], {**held, COALESCING: mine}


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
