"""The intake of sources: source, proof, body, handshake, events, broker.

What is authentic is answered with 2xx, also if nothing in it is ours: some senders repeat what is
refused, some drop it, and some disable the webhook.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from aiohttp import hdrs, web
from prometheus_client import Counter

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.errors import UnavailableError
from portcall.producer.ingest import Ingest, acceptance_of
from portcall.producer.sources.accepting import accepting
from portcall.producer.sources.adapter import MAX_BODY_BYTES, SourceRequest
from portcall.producer.sources.handshakes import options_answer
from portcall.producer.sources.hints import Hints
from portcall.producer.sources.known import KnownSources
from portcall.producer.sources.reading import BodyReader
from portcall.producer.sources.repeats import Repeats
from portcall.producer.sources.silences import NoteHeard, Silences
from portcall.producer.sources.table import adapter_of, conduct_of, options_of
from portcall.producer.sources.verifying import Verifier, check_body
from portcall.runtime.clock import now_ms
from portcall.runtime.http.clients import AUTHENTICATED
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.sources import NOTIFIERS, OVER_BODY, Source

RECEIVED = Counter(
    "portcall_producer_source_events",
    "What sources sent, by kind and by what became of it: accepted, or the reason.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
HANDSHAKE = "handshake"


class SourceIntake:
    """The paths of sources.

    Args:
        sources: Knows the sources.
        verifier: Verifies requests.
        bodies: Reads the bodies.
        ingest: Publishes, counts and answers.
        hints: Notes bodies of another kind.
    """

    def __init__(
        self,
        *,
        sources: KnownSources,
        verifier: Verifier,
        bodies: Bodies,
        ingest: Ingest,
        hints: Hints,
    ) -> None:
        self._sources = sources
        self._verifier = verifier
        self._bodies = bodies
        self._ingest = ingest
        self._hints = hints
        self._silences = Silences(sources.all)
        self._reader = BodyReader()
        self._repeats = Repeats()

    def warnings(self) -> Mapping[str, str]:
        """The sources that get another kind's bodies, and the new ones that get nothing."""
        return {**self._silences.warnings(), **self._hints.warnings()}

    async def settle(self, note: NoteHeard) -> None:
        """Write which sources were heard for the first time."""
        await self._silences.settle(note)

    async def take(self, request: web.Request) -> web.Response:
        """Accept what a source sends."""
        began = time.perf_counter()
        source = await self._verified(request)
        if source.kind in NOTIFIERS:
            answer, translation = await self._ingest.take_distribution(
                request, _acceptance(source), began
            )
            _count(source, translation)
            return answer
        signs = source.proof in OVER_BODY
        body_of = self._bodies.of_a_stranger if signs else self._bodies.of
        async with body_of(request, MAX_BODY_BYTES) as body:
            await self._reader.run(body, partial(check_body, source, request, body))
            request[AUTHENTICATED] = True
            self._silences.heard(source)
            sent = _sent(source, request, body)
            made: set[str] = set()
            read = partial(_read, source, sent, made)
            shaken, translation = await self._reader.run(body, read)
            hint = "" if translation.events else self._hints.note(source, sent)
            await self._ingest.add_untags(translation, _acceptance(source))
            writing = await self._ingest.mark_referrers(translation)
            async with self._repeats.without(source, translation, made, now_ms()):
                await self._ingest.publish(translation, request)
            await self._ingest.stored(writing)
        await self._ingest.note(source.registry, translation)
        _count(source, translation)
        success = conduct_of(source.kind).success
        answer = self._ingest.answer(
            request, source.registry, translation, began, status=success, hint=hint
        )
        return answer if shaken is None else _handshake(source, shaken)

    async def ask(self, request: web.Request) -> web.Response:
        """Answer an OPTIONS request, which asks for leave to send CloudEvents."""
        source = await self._sources.find(
            request.match_info["registry"], request.match_info["source"]
        )
        answer = None
        if conduct_of(source.kind).asks_by_options:
            await self._verifier.check_head(source, request)
            request[AUTHENTICATED] = True
            answer = options_answer(request.headers)
        if answer is None:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
        RECEIVED.labels(source.kind.value, HANDSHAKE).inc()
        return web.Response(status=200, headers=answer)

    async def _verified(self, request: web.Request) -> Source:
        """The source, after all checks that need no body."""
        names = request.match_info
        source = await self._sources.find(names["registry"], names["source"])
        await self._verifier.check_head(source, request)
        if source.kind in NOTIFIERS:
            request[AUTHENTICATED] = True
            self._silences.heard(source)
        return source


def _read(source: Source, sent: SourceRequest, made: set[str]) -> tuple[bytes | None, Translation]:
    """The answer to a handshake, if the request asks for one, and what it tells.

    The ids that we make for its events are noted in *made*.
    """
    read = adapter_of(source.kind)
    if read is None:
        raise UnavailableError(f"this build reads no events of the kind {source.kind.value}")
    handshake = conduct_of(source.kind).handshake
    shaken = handshake(sent) if handshake else None
    acceptance = _acceptance(source)
    noting = replace(acceptance, new_id=_noting(acceptance.new_id, made))
    return shaken, read(sent, noting)


def _handshake(source: Source, body: bytes) -> web.Response:
    RECEIVED.labels(source.kind.value, HANDSHAKE).inc()
    return web.Response(body=body, content_type="application/json")


def _sent(source: Source, request: web.Request, body: bytes) -> SourceRequest:
    return SourceRequest(request.headers, body, request.query, options_of(source.options))


def _acceptance(source: Source) -> Acceptance:
    by_source = acceptance_of(source.registry, source.kind.value, source.name)
    return accepting(by_source, source.options)


def _noting(new_id: Callable[[], str], made: set[str]) -> Callable[[], str]:
    """Makes ids, and notes them in *made*."""

    def noted() -> str:
        event_id = new_id()
        made.add(event_id)
        return event_id

    return noted


def _count(source: Source, translation: Translation) -> None:
    kind = source.kind.value
    if translation.events:
        RECEIVED.labels(kind, "accepted").inc(len(translation.events))
    for reason, count in translation.ignored.items():
        RECEIVED.labels(kind, reason).inc(count)
