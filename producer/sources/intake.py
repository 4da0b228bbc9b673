"""The intake of sources: source, proof, body, handshake, events, broker.

What is authentic is answered with 2xx, also if nothing in it is ours: some senders repeat what is
refused, some drop it, and some disable the webhook.
"""

import time

from aiohttp import hdrs, web
from prometheus_client import Counter

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.errors import UnavailableError
from portcall.producer.ingest import Ingest, acceptance_of
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.handshakes import options_answer
from portcall.producer.sources.hints import Hints
from portcall.producer.sources.known import KnownSources
from portcall.producer.sources.table import adapter_of, conduct_of, options_of
from portcall.producer.sources.verifying import Verifier, check_body
from portcall.runtime.http.clients import AUTHENTICATED
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.sources import NOTIFIERS, Source

RECEIVED = Counter(
    "portcall_producer_source_events",
    "What sources sent, by kind and by what became of it: accepted, or the reason.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
HANDSHAKE = "handshake"
MAX_BODY_BYTES = 8 * 1024 * 1024
"""zot sends the whole manifest in its event, as text in JSON; a manifest has up to 4 MiB."""


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
        async with self._bodies.of(request, MAX_BODY_BYTES) as body:
            check_body(source, request, body)
            request[AUTHENTICATED] = True
            sent = _sent(source, request, body)
            shaken = self._shaken(source, sent)
            translation, hint = self._read(source, sent)
            await self._ingest.publish(translation)
        await self._ingest.note(source.registry, translation)
        _count(source, translation)
        success = conduct_of(source.kind).success
        answer = self._ingest.answer(
            request, source.registry, translation, began, status=success, hint=hint
        )
        return answer if shaken is None else shaken

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
        return source

    def _shaken(self, source: Source, sent: SourceRequest) -> web.Response | None:
        handshake = conduct_of(source.kind).handshake
        body = handshake(sent) if handshake else None
        if body is None:
            return None
        RECEIVED.labels(source.kind.value, HANDSHAKE).inc()
        return web.Response(body=body, content_type="application/json")

    def _read(self, source: Source, sent: SourceRequest) -> tuple[Translation, str]:
        read = adapter_of(source.kind)
        if read is None:
            raise UnavailableError(f"this build reads no events of the kind {source.kind.value}")
        translation = read(sent, _acceptance(source))
        hint = "" if translation.events else self._hints.note(source, sent)
        return translation, hint


def _sent(source: Source, request: web.Request, body: bytes) -> SourceRequest:
    return SourceRequest(request.headers, body, request.query, options_of(source.options))


def _acceptance(source: Source) -> Acceptance:
    return acceptance_of(source.registry, source.kind.value, source.name)


def _count(source: Source, translation: Translation) -> None:
    kind = source.kind.value
    if translation.events:
        RECEIVED.labels(kind, "accepted").inc(len(translation.events))
    for reason, count in translation.ignored.items():
        RECEIVED.labels(kind, reason).inc(count)
