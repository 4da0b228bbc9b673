"""The sink's HTTP server: every POST is a delivery; `/processed` and `/requests` show the results.

Correct by default: verify first, answer forged or unreadable requests with 4xx, recognise
duplicates, process, and only then answer 2xx.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from aiohttp import web

from portcall.loadtest.payloads.reading import OTHER, ReadEvent, read
from portcall.loadtest.sink.behaviour import Behaviour, Deed
from portcall.loadtest.sink.memory import Memory, ProcessedDelivery
from portcall.loadtest.sink.verifying import SinkKeys, delivery_id, objection, style_of
from portcall.schemas.errors import InvalidValueError

KEPT = 1_000
"""How many of the last requests are kept."""
KEPT_BODY = 4_096
DRIP_S = 0.25
FOREVER_S = 3_600.0
DEFAULT_MAX_BODY = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SinkRequest:
    """One request and its result.

    Attributes:
        number: From 1.
        at: When it arrived, seconds since the epoch.
        path: The request target as received.
        delivery_id: From its headers, or else its body.
        action: The event's action; empty if it could not be read.
        about: The event's subject.
        verdict: The result: ``processed``, ``duplicate``, ``refused: ...``
        status: The response status; 0: no response.
        took_ms: How long the response took.
        headers: The headers as received.
        body: Its beginning.
        body_bytes: Its length.
    """

    number: int
    at: float
    path: str
    delivery_id: str
    action: str
    about: str
    verdict: str
    status: int
    took_ms: float
    headers: dict[str, str]
    body: str
    body_bytes: int


@dataclass(slots=True)
class ArrivingRequest:
    """A request while it is received; `body` is filled as it is read."""

    number: int
    at: float
    began: float
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Judged:
    """What the sink knows about a request before it answers."""

    verdict: str
    status: int
    delivery_id: str = ""
    notice: ReadEvent | None = None


class Sink:
    """The server.

    Args:
        trust: The keys to verify with; empty: nothing is verified.
        memory: The processed deliveries.
        behaviour: The deliberate faults.
        tell: Called for each request.
        seed: Seeds the choice of faulty requests.
        max_body: The longest body that is read, bytes.
        takes_any: Whether a body that is no registry's event is processed, too; of it, only the id
            of the delivery is known. It is answered without content, as every chat's format takes
            it.
    """

    def __init__(
        self,
        *,
        trust: SinkKeys,
        memory: Memory,
        behaviour: Behaviour,
        tell: Callable[[SinkRequest], None] = lambda _seen: None,
        seed: int = 0,
        max_body: int = DEFAULT_MAX_BODY,
        takes_any: bool = False,
    ) -> None:
        self._takes_any = takes_any
        self._trust = trust
        self._memory = memory
        self._behaviour = behaviour
        self._tell = tell
        self._chance = random.Random(seed).random  # noqa: S311 (reproducible, not secret)
        self._max_body = max_body
        self._began = time.monotonic()
        self._number = 0
        self._last: deque[SinkRequest] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()

    def app(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=self._max_body)
        app.router.add_get("/processed", self.processed)
        app.router.add_delete("/processed", self.forget)
        app.router.add_get("/requests", self.requests)
        app.router.add_post("/{path:.*}", self.take)
        return app

    async def processed(self, _request: web.Request) -> web.Response:
        """Return what was processed, in order: for the load test's oracle."""
        return web.json_response({"processed": self._memory.entries})

    async def forget(self, _request: web.Request) -> web.Response:
        """Forget everything."""
        self._memory.clear()
        self._last.clear()
        self.counts.clear()
        return web.Response(status=204)

    async def requests(self, _request: web.Request) -> web.Response:
        """Return the last requests, newest first."""
        last = [asdict(seen) for seen in reversed(self._last)]
        return web.json_response({"requests": last, "counts": dict(self.counts)})

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Handle one delivery."""
        self._number += 1
        arrival = ArrivingRequest(
            self._number,
            time.time(),
            time.perf_counter(),
            request.raw_path,
            {name.lower(): value for name, value in request.headers.items()},
        )
        deed = self._behaviour.deed(self._chance())
        judged = Judged("cut off", 0)
        try:
            await self._wait()
            arrival.body = await request.read()
            judged = await self._judge(arrival.headers, arrival.body, deed)
            return await self._answer(request, judged, deed)
        except web.HTTPRequestEntityTooLarge:
            judged = Judged("refused: the body is too long", 413)
            return self._response(judged)
        except ConnectionResetError:
            return web.Response(status=400)  # the client is gone
        finally:
            self._note(arrival, judged)

    async def _wait(self) -> None:
        wait_s = self._behaviour.wait_s(time.monotonic() - self._began, self._chance)
        if wait_s and not self._behaviour.racy:
            await asyncio.sleep(wait_s)

    async def _judge(self, headers: Mapping[str, str], body: bytes, deed: Deed) -> Judged:
        """Return the result of a request; a processed one has been stored on return."""
        if self._trust and (why := objection(self._trust, headers, body, time.time())):
            status = 500 if self._behaviour.fragile and _unreadable(headers) else 401
            return Judged(f"refused: {why}", status, delivery_id(headers))
        try:
            notice = read(body, headers)
        except InvalidValueError as error:
            if not self._takes_any:
                status = 500 if self._behaviour.fragile else 400
                return Judged(f"refused: {error}", status, delivery_id(headers))
            notice = OTHER
        identity = delivery_id(headers) or notice.id
        if deed in {Deed.FAIL, Deed.HANG, Deed.RESET}:
            return Judged(deed.value, self._behaviour.error_status, identity, notice)
        if deed is Deed.LOSE:
            return Judged(ProcessedDelivery.LOST.value, self._behaviour.status, identity, notice)
        done = await self._process(identity, notice)
        status = self._behaviour.fail_status if deed is Deed.FAIL_LATE else self._behaviour.status
        return Judged(done.value, status, identity, notice)

    async def _process(self, identity: str, notice: ReadEvent) -> ProcessedDelivery:
        if self._memory.knows(identity):
            return ProcessedDelivery.DUPLICATE
        if (
            self._behaviour.racy
        ):  # other requests run in between: the mistake that many handlers make
            await asyncio.sleep(self._behaviour.delay_s)
        return self._memory.process(identity, notice, now_s=time.time())

    async def _answer(self, request: web.Request, judged: Judged, deed: Deed) -> web.StreamResponse:
        if deed is Deed.HANG:
            judged.status = 0
            await asyncio.sleep(FOREVER_S)
        if deed is Deed.RESET and request.transport is not None:
            judged.status = 0
            request.transport.abort()
        if deed is Deed.SLOW_BODY:
            return await self._drip(request, judged)
        return self._response(judged)

    def _response(self, judged: Judged) -> web.Response:
        status = judged.status or 503
        if judged.notice is OTHER and 200 <= status < 300:
            response = web.Response(status=status)
        else:
            response = web.json_response({"result": judged.verdict}, status=status)
        if self._behaviour.retry_after and judged.status >= 400:
            response.headers["Retry-After"] = self._behaviour.retry_after
        if self._behaviour.close:
            response.force_close()
        return response

    async def _drip(self, request: web.Request, judged: Judged) -> web.StreamResponse:
        text = f"{judged.verdict} slowly".encode()
        response = web.StreamResponse(status=judged.status)
        response.content_length = len(text)
        await response.prepare(request)
        for byte in text:
            await response.write(bytes([byte]))
            await asyncio.sleep(DRIP_S)
        return response

    def _note(self, arrival: ArrivingRequest, judged: Judged) -> None:
        notice = judged.notice
        seen = SinkRequest(
            number=arrival.number,
            at=arrival.at,
            path=arrival.path,
            delivery_id=judged.delivery_id or delivery_id(arrival.headers),
            action=notice.action if notice else "",
            about=notice.keys[0] if notice and notice.keys else "",
            verdict=judged.verdict,
            status=judged.status,
            took_ms=round((time.perf_counter() - arrival.began) * 1000, 3),
            headers=arrival.headers,
            body=arrival.body[:KEPT_BODY].decode("utf-8", "replace"),
            body_bytes=len(arrival.body),
        )
        self.counts[judged.verdict.partition(":")[0]] += 1
        self._last.append(seen)
        self._tell(seen)


def _unreadable(headers: Mapping[str, str]) -> bool:
    """Whether a signature header lacks the form of its style."""
    style = style_of(headers)
    if style is None:
        return False
    stamp = headers.get("webhook-timestamp", headers.get("svix-timestamp", "0"))
    header = next((headers[name] for name in headers if name.endswith(("signature", "-256"))), "")
    parts = header.replace("=", ",").split(",")
    return not stamp.isdecimal() or len(parts) < 2 or len(parts[-1]) < 20
