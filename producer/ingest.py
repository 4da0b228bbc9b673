"""Taking a request in: who, which registry, what type, the body, the events, the broker.

The order of the checks is the order of their cost: nothing is read from a stranger, nothing is
parsed that is too large, and nothing is promised before the broker has confirmed it.
"""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from aiohttp import hdrs, web
from prometheus_client import Counter

from portcall.producer.digests.keeper import DigestKeeper, NoTable
from portcall.producer.formats import cloudevents, distribution, published
from portcall.producer.formats.acceptance import Acceptance, Reader, Translation
from portcall.producer.formats.ignoring import note_of
from portcall.producer.http.access import Access, bearer_token
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.errors import UnavailableError, UnsupportedTypeError
from portcall.producer.http.registries import Registries
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.http.clients import AUTHENTICATED, authorization_of
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.sampling import Allowance, Sample
from portcall.schemas.events import Event
from portcall.schemas.journal import IgnoredNote

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

JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Publishes events and returns when the broker has confirmed them; raises `BrokerError`."""
Note = Callable[[Sequence[IgnoredNote], float], Awaitable[None]]
"""Notes what became no event, and waits so many seconds at most; never raises."""

UNREAD_NOTES_PER_S = 50.0
OTHER_NOTES_PER_S = 20.0
"""So much of what is ignored is noted, to be explained; a busy registry has thousands of pulls."""
NOTE_PATIENCE_S = 0.5
"""What could not be read is noted before the answer, if that is quick: a registry waits for 1 s."""


class Ingest:
    """Both paths that events come in by.

    Args:
        access: Who may publish.
        registries: For which registries.
        bodies: Reads the requests' bodies.
        publish: Where the events go.
        note: Where it is noted what became no event; None: nowhere.
        keeping: Remembers which digests name what; None: for itself alone.
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
    ) -> None:
        self._access = access
        self._registries = registries
        self._bodies = bodies
        self._publish = publish
        self._keeping = keeper or DigestKeeper(NoTable())
        self._note = note
        self._sample = Sample()
        self._unread_notes = Allowance(UNREAD_NOTES_PER_S)
        self._other_notes = Allowance(OTHER_NOTES_PER_S)
        self._log = get_logger()

    async def take_notifications(self, request: web.Request) -> web.Response:
        """Docker distribution's notifications, of any size and by whatever type they are called."""
        began = time.perf_counter()
        registry = await self._admitted(request)
        glance, acceptance = self._keeping.glance(), _acceptance(registry)
        async with self._bodies.of_any_size(request) as body:
            opened = await distribution.opened(body)
            translation = await distribution.translated(glance, opened, acceptance)
            if await self._keeping.recall(glance):
                translation = await distribution.translated(glance, opened, acceptance)
            writing = self._keeping.begin(glance.learnt)
            await self._published(translation.events)
            await self._keeping.settled(writing)
        await self._noted(registry, translation)
        answer = self._taken(request, registry, translation, began)
        if opened.is_cut:
            answer.force_close()
        return answer

    async def take_events(self, request: web.Request) -> web.Response:
        """Registry events, plain or as CloudEvents."""
        began = time.perf_counter()
        readers: dict[str, Reader] = {
            JSON: published.read,
            STRUCTURED: cloudevents.read_structured,
            BATCH: cloudevents.read_batch,
        }
        if cloudevents.is_binary(request.headers):
            readers[JSON] = partial(cloudevents.read_binary, request.headers)
        registry = await self._admitted(request)
        read = _reader(request, readers)
        async with self._bodies.of(request) as body:
            translation = read(body, _acceptance(registry))
            await self._published(translation.events)
        return self._taken(request, registry, translation, began)

    def knows(self, key: str) -> bool:
        """Whether there is a registry of that key, as far as is in memory."""
        return self._registries.has(key)

    def _taken(
        self, request: web.Request, registry: str, translation: Translation, began: float
    ) -> web.Response:
        """Count, log, and answer what the broker has."""
        _count(registry, translation)
        self._say_unread(registry, translation)
        accepted, ignored = len(translation.events), translation.ignored.total()
        self._log.info(
            "event.published",
            registry=registry,
            path=request.path,
            accepted=accepted,
            ignored=ignored,
            duration_ms=round((time.perf_counter() - began) * 1000, 1),
        )
        return web.json_response({"accepted": accepted, "ignored": ignored}, status=202)

    async def _noted(self, registry: str, translation: Translation) -> None:
        """Note what became no event, as much as the rates allow."""
        if self._note is None or not translation.details:
            return
        at_ms = now_ms()
        unread = [one for one in translation.details if one.is_unread]
        others = [one for one in translation.details if one.event_id and not one.is_unread]
        for kept, allowance, patience_s in (
            (unread, self._unread_notes, NOTE_PATIENCE_S),
            (others, self._other_notes, 0),
        ):
            chosen = kept[: allowance.take(len(kept))]
            await self._note([note_of(one, registry, at_ms) for one in chosen], patience_s)

    def _say_unread(self, registry: str, translation: Translation) -> None:
        """Log what could not be read, some of it: whoever may pull can make very many."""
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
        """The key of the registry in the path, for somebody who may publish to it."""
        name = request.match_info["registry"]
        token = bearer_token(authorization_of(request))
        await self._access.check(token, name)
        request[AUTHENTICATED] = True
        return await self._registries.find(name)

    async def _published(self, events: Sequence[Event]) -> None:
        if not events:
            return
        try:
            await self._publish(events)
        except BrokerError as error:
            raise UnavailableError(
                f"the broker did not take the events: {error}; send them again"
            ) from error


def _acceptance(registry: str) -> Acceptance:
    return Acceptance(registry, now_ms(), _new_id)


def _reader(request: web.Request, readers: Mapping[str, Reader]) -> Reader:
    """What reads a body of this type, whatever the type's parameters."""
    given = request.headers.get(hdrs.CONTENT_TYPE, "")
    types = {each.partition(";")[0].strip().lower() for each in _QUOTED.sub("", given).split(",")}
    reader = readers.get(types.pop()) if len(types) == 1 else None
    if reader is None:
        raise UnsupportedTypeError(
            f"Content-Type {given[:100]!r} is not read here; send {' or '.join(readers)}"
        )
    return reader


def _count(registry: str, translation: Translation) -> None:
    for event in translation.events:
        ACCEPTED.labels(registry, event.action).inc()
    for reason, count in translation.ignored.items():
        IGNORED.labels(registry, reason).inc(count)


def _new_id() -> str:
    return str(uuid.uuid4())
