"""Taking a request in: who, which registry, what type, the body, the events, the broker.

The order of the checks is the order of their cost: nothing is read from a stranger, nothing is
parsed that is too large, and nothing is promised before the broker has confirmed it.
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from aiohttp import hdrs, web
from prometheus_client import Counter

from producer import cloudevents, distribution, published
from producer.acceptance import Acceptance, Reader, Translation
from producer.access import Access, bearer_token
from producer.bodies import Bodies
from producer.errors import UnavailableError, UnsupportedTypeError
from producer.keeping import Keeping, NoTable
from producer.registries import Registries
from producer.sightings import Glance
from runtime.clients import AUTHENTICATED, authorization_of
from runtime.errors import BrokerError
from runtime.logs import get_logger
from runtime.metrics import REGISTRY
from schemas.events import Event

ACCEPTED = Counter(
    "portcall_producer_events",
    "Events accepted, confirmed by the broker.",
    ["registry", "action"],
    registry=REGISTRY,
)
IGNORED = Counter(
    "portcall_producer_ignored",
    "Notifications that are no registry events, by the reason.",
    ["reason"],
    registry=REGISTRY,
)

JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Publishes events and returns when the broker has confirmed them; raises `BrokerError`."""


class Ingest:
    """Both paths that events come in by.

    Args:
        access: Who may publish.
        registries: For which registries.
        bodies: Reads the requests' bodies.
        publish: Where the events go.
        keeping: Remembers which digests name what; None: for itself alone.
    """

    def __init__(
        self,
        *,
        access: Access,
        registries: Registries,
        bodies: Bodies,
        publish: Publish,
        keeping: Keeping | None = None,
    ) -> None:
        self._access = access
        self._registries = registries
        self._bodies = bodies
        self._publish = publish
        self._keeping = keeping or Keeping(NoTable())
        self._log = get_logger()

    async def take_notifications(self, request: web.Request) -> web.Response:
        """Docker distribution's notifications."""
        glance = self._keeping.glance()
        read = partial(distribution.read, glance)
        return await self._take(request, dict.fromkeys(distribution.MEDIA_TYPES, read), glance)

    async def take_events(self, request: web.Request) -> web.Response:
        """Registry events, plain or as CloudEvents."""
        readers: dict[str, Reader] = {
            JSON: published.read,
            STRUCTURED: cloudevents.read_structured,
            BATCH: cloudevents.read_batch,
        }
        if cloudevents.is_binary(request.headers):
            readers[JSON] = partial(cloudevents.read_binary, request.headers)
        return await self._take(request, readers, self._keeping.glance())

    async def _take(
        self, request: web.Request, readers: Mapping[str, Reader], glance: Glance
    ) -> web.Response:
        began = time.perf_counter()
        registry = await self._admitted(request)
        read = _reader(request, readers)
        async with self._bodies.of(request) as body:
            acceptance = Acceptance(registry, _now_ms(), _new_id)
            translation = read(body, acceptance)
            if await self._keeping.recall(glance):
                translation = read(body, acceptance)
            writing = self._keeping.begin(glance.learnt)
            await self._published(translation.events)
            await self._keeping.settled(writing)
        _count(registry, translation)
        ignored = translation.ignored.total()
        self._log.info(
            "event.published",
            registry=registry,
            path=request.path,
            accepted=len(translation.events),
            ignored=ignored,
            duration_ms=round((time.perf_counter() - began) * 1000, 1),
        )
        return web.json_response(
            {"accepted": len(translation.events), "ignored": ignored}, status=202
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


def _reader(request: web.Request, readers: Mapping[str, Reader]) -> Reader:
    """What reads a body of this type, whatever the type's parameters."""
    given = request.headers.get(hdrs.CONTENT_TYPE, "")
    reader = readers.get(given.partition(";")[0].strip().lower())
    if reader is None:
        raise UnsupportedTypeError(
            f"Content-Type {given[:100]!r} is not read here; send {' or '.join(readers)}"
        )
    return reader


def _count(registry: str, translation: Translation) -> None:
    for event in translation.events:
        ACCEPTED.labels(registry, event.action).inc()
    for reason, count in translation.ignored.items():
        IGNORED.labels(reason).inc(count)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_id() -> str:
    return str(uuid.uuid4())
