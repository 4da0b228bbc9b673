"""Large batches: they are read whole, and other requests get their turn meanwhile."""

import asyncio
import json
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources import intake
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.kinds import eventgrid
from portcall.producer.sources.reading import AT_ONCE_BYTES, AT_ONCE_COMMAS, is_small
from portcall.schemas.sources import Proof, SourceKind
from tests.integration.producing import Served, Sink, served
from tests.integration.test_producer_sources import SECRET, signed, source

LIMIT_S = 10.0


def batch(count: int) -> bytes:
    """Events as Event Grid sends them, in its own schema."""
    target = {"repository": "shop/cart", "tag": "2.0.1", "digest": "sha256:" + "1f" * 32}
    events = [
        {
            "id": str(number),
            "topic": "/subscriptions/x",
            "subject": "shop/cart:2.0.1",
            "eventType": "Microsoft.ContainerRegistry.ImagePushed",
            "eventTime": "2026-05-02T09:04:05Z",
            "data": {"id": f"e{number}", "action": "push", "target": target},
            "dataVersion": "1.0",
        }
        for number in range(count)
    ]
    return json.dumps(events).encode()


async def post(at: Served, body: bytes, **headers: str) -> tuple[int, Any]:
    path = "/registries/myregistry/sources/here"
    async with at.client.post(path, data=BytesIO(body), headers=headers) as answer:
        return answer.status, await answer.json()


def waiting(
    began: threading.Event, go_on: threading.Event
) -> Callable[[SourceRequest, Acceptance], Translation]:
    """An adapter that waits in the middle of its work, as a long one would go on."""

    def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
        began.set()
        assert go_on.wait(LIMIT_S), "no other request was served meanwhile"
        return eventgrid.read(request, acceptance)

    return read


async def test_another_request_is_served_while_a_large_batch_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(intake, "adapter_of", lambda _kind: waiting(began, go_on))
    sink = Sink()
    grid = source(SourceKind.EVENTGRID, Proof.BEARER)
    async with served(sink.publish, sources=[grid]) as at:
        large = asyncio.create_task(post(at, batch(5_000), Authorization=f"Bearer {SECRET}"))
        assert await asyncio.to_thread(began.wait, LIMIT_S)
        async with at.client.get("/live") as alive:
            assert alive.status == 200
        assert not large.done()
        go_on.set()
        assert await large == (200, {"accepted": 5_000, "ignored": 0})
    assert [event.id for event in sink.events] == [f"e{number}" for number in range(5_000)]


async def test_a_large_body_is_signed_handled_and_refused_as_a_small_one() -> None:
    one = source(SourceKind.EVENTGRID, Proof.HMAC_SHA256, options={"header": "X-Sig"})
    validation = {
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6"},
    }
    body = json.dumps([*json.loads(batch(200)), validation]).encode()
    sink = Sink()
    async with served(sink.publish, sources=[one]) as at:
        wrong = await post(at, body, **{"X-Sig": signed(b"")})
        assert (wrong[0], wrong[1]["error"]["code"]) == (401, "Unauthorized")
        assert not sink.events
        right = await post(at, body, **{"X-Sig": signed(body)})
        assert right == (200, {"validationResponse": "512d38b6"})
        assert len(sink.events) == 200
        broken = body[:-1]
        status, answer = await post(at, broken, **{"X-Sig": signed(broken)})
        assert (status, answer["error"]["code"]) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("body", "small"),
    [
        (b"{}", True),
        (batch(20), True),
        (batch(100), False),
        (b"x" * AT_ONCE_BYTES, True),
        (b"x" * (AT_ONCE_BYTES + 1), False),
        (b"[" + b"1," * AT_ONCE_COMMAS + b"1]", True),
        (b"[" + b"1," * (AT_ONCE_COMMAS + 1) + b"1]", False),
    ],
)
def test_what_counts_as_small(body: bytes, *, small: bool) -> None:
    assert is_small(body) is small
