"""Handling a request: token, registry, type, body, events, broker.

The checks are in the order of their cost: nothing is read without authentication, nothing too large
is parsed, and nothing is promised before the broker has confirmed it.
"""

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from aiohttp import hdrs, web
from prometheus_client import Counter

from portcall.producer.digests.keeper import DigestKeeper, NoTable
from portcall.producer.digests.referrers import mark_referrers
from portcall.producer.formats import cloudevents, distribution, published
from portcall.producer.formats.acceptance import Acceptance, Reader, Translation
from portcall.producer.formats.ignoring import note_of
from portcall.producer.formats.skimming import Skimmed
from portcall.producer.formats.untags import add_untags
from portcall.producer.http.access import Access, bearer_token
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.errors import UnavailableError, UnsupportedTypeError
from portcall.producer.http.intake_gate import IntakeGate
from portcall.producer.http.paths import NAMED, shown_path
from portcall.producer.http.registries import Registries
from portcall.producer.tracing import Tracing
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.http.clients import AUTHENTICATED, authorization_of
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY, adder
from portcall.runtime.sampling import Allowance, Sample
from portcall.schemas.events import Event
from portcall.schemas.journal import TAG_DELETE, IgnoredNote

ACCEPTED = Counter(
    "portcall_producer_events",
    "Events accepted, confirmed by the broker.",
    ["registry", "action"],
    registry=REGISTRY,
)
IGNORED = Counter(
    "portcall_producer_ignored",
    "Notifications that become no event, by registry and reason.",
    ["registry", "reason"],
    registry=REGISTRY,
)


@lru_cache(maxsize=10_000)
def _accepted(registry: str, action: str) -> Callable[[float], None]:
    """The labels take a lock and make texts each time."""
    return adder(ACCEPTED.labels(registry, action))


JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_READERS: Mapping[str, Reader] = {
    JSON: published.read,
    STRUCTURED: cloudevents.read_structured,
    BATCH: cloudevents.read_batch,
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Publishes events and returns when the broker has confirmed them; raises `BrokerError`."""
Note = Callable[[Sequence[IgnoredNote], float], Awaitable[None]]
"""Notes what became no event, and waits at most so many seconds; never raises."""

UNREAD_NOTES_PER_S = 50.0
OTHER_NOTES_PER_S = 20.0
"""The limit of noted ignored notifications; a busy registry has thousands of pulls."""
TAG_NOTES_PER_S = 200.0
"""The same of deleted tags, which belong to a delete; a cleanup deletes many."""
NOTE_PATIENCE_S = 0.5
"""Unreadable notifications are noted before the answer, if possible: a registry waits for 1 s."""


@dataclass(frozen=True, slots=True)
class Again:
    """How requests with a repeated head are taken.

    Attributes:
        admits: Whether the head would still be accepted, without asking the store.
        take: Takes a body; returns the body of the answer, or raises the errors of the first one.
    """

    admits: Callable[[], bool]
    take: Callable[[bytes], Coroutine[Any, Any, bytes]]


AGAIN: web.ResponseKey[Again] = web.ResponseKey("again")


class Ingest:
    """Both paths that accept events, and what the paths of sources share with them.

    Args:
        access: Checks permissions.
        registries: Knows the registries.
        bodies: Reads the requests' bodies.
        publish: Publishes the events.
        note: Notes what became no event; None: it is not noted.
        keeper: Stores the kinds of digests; None: it keeps them in memory only.
        wants_untags: Whether a registry has a webhook for deleted tags; None: none has.
        gate: Tells whether events are taken; None: they are.
        tracing: Traces the events; None: tracing is off.
    """

    def __init__(
        self,
        *,
        access: Access,
        registries: Registries,
        bodies: Bodies,
        publish: Publish,
        note: Note | None = None,
        keeper: DigestKeeper | None = None,
        wants_untags: Callable[[str], Awaitable[bool]] | None = None,
        gate: IntakeGate | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._wants_untags = wants_untags
        self._gate = gate or IntakeGate(lambda: 0)
        self._access = access
        self._registries = registries
        self._bodies = bodies
        self._publish = publish
        self._keeping = keeper or DigestKeeper(NoTable())
        self._note = note
        self._sample = Sample()
        self._unread_notes = Allowance(UNREAD_NOTES_PER_S)
        self._tag_notes = Allowance(TAG_NOTES_PER_S)
        self._other_notes = Allowance(OTHER_NOTES_PER_S)
        self._log = get_logger().bind()  # not the proxy, which makes a logger at each call
        self._has_debug = self._log.is_enabled_for(logging.DEBUG)

    async def take_notifications(self, request: web.Request) -> web.Response:
        """Accept docker distribution's notifications, of any size and any media type."""
        began = time.perf_counter()
        registry = await self._admitted(request)
        answer, _ = await self.take_distribution(request, acceptance_of(registry), began)
        self._offer(answer, request, registry, self._notifications_again)
        return answer

    async def take_distribution(
        self, request: web.Request, acceptance: Acceptance, began: float
    ) -> tuple[web.Response, Translation]:
        """Accept docker distribution's notifications of an authentic request.

        Args:
            request: The request.
            acceptance: The common facts about its events.
            began: When it arrived, by the performance counter.
        """
        async with self._bodies.of_any_size(request) as body:
            opened, translation = await self._notified(body, acceptance, request)
        await self.note(acceptance.registry, translation)
        answer = self.answer(request, acceptance.registry, translation, began)
        if opened.is_cut:
            answer.force_close()
        return answer, translation

    async def _notified(
        self, body: bytes | Skimmed, acceptance: Acceptance, request: web.BaseRequest | None
    ) -> tuple[Skimmed, Translation]:
        """Translate and publish docker distribution's notifications."""
        glance = self._keeping.glance()
        opened = await distribution.opened(body)
        translation = await distribution.translated(glance, opened, acceptance)
        if await self._keeping.recall(glance):
            translation = await distribution.translated(glance, opened, acceptance)
        await self.add_untags(translation, acceptance)
        writing = self._keeping.begin(glance.learnt)
        await self.publish(translation, request)
        await self._keeping.settled(writing)
        return opened, translation

    async def take_events(self, request: web.Request) -> web.Response:
        """Accept registry events, plain or as CloudEvents."""
        began = time.perf_counter()
        readers = _READERS
        is_binary = cloudevents.is_binary(request.headers)
        if is_binary:
            readers = {**_READERS, JSON: partial(cloudevents.read_binary, request.headers)}
        registry = await self._admitted(request)
        read = _reader(request, readers)
        async with self._bodies.of(request) as body:
            translation = await self._published(read, body, registry, request)
        answer = self.answer(request, registry, translation, began)
        if not is_binary:
            self._offer(answer, request, registry, partial(self._events_again, read))
        return answer

    async def _published(
        self, read: Reader, body: bytes, registry: str, request: web.BaseRequest | None
    ) -> Translation:
        """Read and publish a body of registry events."""
        translation = read(body, acceptance_of(registry))
        writing = await self.mark_referrers(translation)
        await self.publish(translation, request)
        await self.stored(writing)
        return translation

    def _offer(
        self,
        answer: web.Response,
        request: web.Request,
        registry: str,
        take: Callable[[str, str, bytes], Coroutine[Any, Any, bytes]],
    ) -> None:
        """Offer to take further requests with the same head without parsing it.

        A trace of an event has the context of its request's head, which is parsed for it.
        """
        if self._tracing is not None:
            return
        token = bearer_token(authorization_of(request))
        stands = self._access.standing(token, registry)
        answer[AGAIN] = Again(
            lambda: stands() and self._registries.has(registry),
            partial(take, registry, request.path),
        )

    async def _events_again(self, read: Reader, registry: str, path: str, body: bytes) -> bytes:
        began = time.perf_counter()
        room = self._bodies.room(len(body))
        try:
            translation = await self._published(read, body, registry, None)
        finally:
            room.hold(0)
        return self._told(registry, translation, began, path)

    async def _notifications_again(self, registry: str, path: str, body: bytes) -> bytes:
        began = time.perf_counter()
        room = self._bodies.room(len(body))
        try:
            _, translation = await self._notified(body, acceptance_of(registry), None)
        finally:
            room.hold(0)
        await self.note(registry, translation)
        return self._told(registry, translation, began, path)

    async def mark_referrers(self, translation: Translation) -> asyncio.Future[bool] | None:
        """Mark deletes of referrers, and begin to store new referrers.

        Args:
            translation: What a request contained, but for docker distribution's notifications; it
                is changed.

        Returns:
            What `stored` waits for after the publish; None: there is nothing to store.
        """
        glance = self._keeping.glance()
        mark_referrers(glance, translation.events)
        if glance.asked and await self._keeping.recall(glance):
            mark_referrers(glance, translation.events)
        return self._keeping.begin(glance.learnt) if glance.learnt else None

    async def stored(self, writing: asyncio.Future[bool] | None) -> None:
        """Wait for a limited time until new referrers are stored; a sender does not repeat them."""
        if writing is not None:
            await self._keeping.settled(writing)

    async def add_untags(self, translation: Translation, acceptance: Acceptance) -> None:
        """Turn deleted tags into events, if a webhook of their registry asks for it.

        Raises:
            UnavailableError: The store has not said yet whether one does.
        """
        if self._wants_untags is None or not translation.ignored.get(TAG_DELETE):
            return
        if await self._wants_untags(acceptance.registry):
            add_untags(translation, acceptance)

    def knows(self, key: str) -> bool:
        """Whether there is a registry with that key in memory."""
        return self._registries.has(key)

    def answer(
        self,
        request: web.Request,
        registry: str,
        translation: Translation,
        began: float,
        *,
        status: int = 202,
        hint: str = "",
    ) -> web.Response:
        """Count, log, and answer after the broker's confirm.

        Args:
            request: The request.
            registry: The key of its registry.
            translation: What it contained.
            began: When it arrived, by the performance counter.
            status: Of the answer.
            hint: What may be wrong with the request, for its sender; empty: nothing.
        """
        body = self._told(registry, translation, began, request.path)
        if hint:
            content = {**json.loads(body), "hint": hint}
            return web.json_response(content, status=status)
        return web.Response(body=body, status=status, content_type=JSON, charset="utf-8")

    def _told(self, registry: str, translation: Translation, began: float, path: str) -> bytes:
        """Count and log; returns the answer's body."""
        _count(registry, translation)
        if translation.details:
            self._say_unread(registry, translation)
        accepted = len(translation.events)
        ignored = translation.ignored.total() if translation.ignored else 0
        if self._has_debug:
            self._log.debug(
                "event.published",
                registry=registry,
                path=shown_path(path),
                accepted=accepted,
                ignored=ignored,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
            )
        return b'{"accepted": %d, "ignored": %d}' % (accepted, ignored)

    async def note(self, registry: str, translation: Translation) -> None:
        """Note what became no event, within the rates."""
        if self._note is None or not translation.details:
            return
        at_ms = now_ms()
        unread = [one for one in translation.details if one.is_unread]
        tags = [one for one in translation.details if one.event_id and one.request_id]
        others = [
            one
            for one in translation.details
            if one.event_id and not one.is_unread and not one.request_id
        ]
        for kept, allowance, patience_s in (
            (unread, self._unread_notes, NOTE_PATIENCE_S),
            (tags, self._tag_notes, 0),
            (others, self._other_notes, 0),
        ):
            chosen = kept[: allowance.take(len(kept))]
            await self._note([note_of(one, registry, at_ms) for one in chosen], patience_s)

    def _say_unread(self, registry: str, translation: Translation) -> None:
        """Log unreadable notifications, but only samples: clients that pull can cause very many."""
        unread = [one for one in translation.details if one.is_unread]
        for one in unread:
            times = self._sample.times((registry, one.reason))
            if times:
                self._log.warning(
                    "event.ignored",
                    registry=registry,
                    event_id=one.event_id,
                    reason=one.reason,
                    place=one.field,
                    problem=one.problem,
                    times=times,
                )

    async def _admitted(self, request: web.Request) -> str:
        """The key of the registry in the path, if the caller may publish to it."""
        name = request.get(NAMED) or request.match_info["registry"]
        token = bearer_token(authorization_of(request))
        await self._access.check(token, name)
        request[AUTHENTICATED] = True
        return await self._registries.find(name)

    async def publish(self, translation: Translation, request: web.BaseRequest | None) -> None:
        """Publish the events.

        Args:
            translation: Has them.
            request: What told them; None: there is no tracing.

        Raises:
            UnavailableError: The broker has not confirmed them, or the intake is stopped.
        """
        if not translation.events:
            return
        self._gate.check()
        if self._tracing is None or request is None:
            await self._publish_all(translation.events)
            return
        with self._tracing.publishing(translation.events, request):
            await self._publish_all(translation.events)

    async def _publish_all(self, events: Sequence[Event]) -> None:
        try:
            await self._publish(events)
        except BrokerError as error:
            raise UnavailableError(
                f"the broker did not take the events: {error}; send them again"
            ) from error


def acceptance_of(registry: str, kind: str = "", source: str = "") -> Acceptance:
    """The facts about the events of a request that arrives now, perhaps by a source."""
    return Acceptance(registry, now_ms(), _new_id, kind, source)


def _reader(request: web.Request, readers: Mapping[str, Reader]) -> Reader:
    """The reader for a body of this type, whatever the type's parameters."""
    given = request.headers.get(hdrs.CONTENT_TYPE, "")
    if given in readers:  # as nearly all say it
        return readers[given]
    types = {each.partition(";")[0].strip().lower() for each in _QUOTED.sub("", given).split(",")}
    reader = readers.get(types.pop()) if len(types) == 1 else None
    if reader is None:
        raise UnsupportedTypeError(
            f"Content-Type {given[:100]!r} is not read here; send {' or '.join(readers)}"
        )
    return reader


def _count(registry: str, translation: Translation) -> None:
    for event in translation.events:
        _accepted(registry, event.action)(1)
    for reason, count in translation.ignored.items():
        IGNORED.labels(registry, reason).inc(count)


def _new_id() -> str:
    return str(uuid.uuid4())
