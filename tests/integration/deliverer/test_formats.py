"""Formats by a deliverer as a process: over a real broker, store and socket."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import structs

from portcall.deliverer.post.sender import Sender
from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.records import Failure, Outcome
from tests.integration.deliverer.pipeline import REGISTRY, Pipeline, running_pipeline
from tests.loopback import on_loopback
from tests.unit.deliverer.forms.desk import Desk
from tests.unit.deliverer.samples import SECRET
from tests.unit.schemas.formats.samples import event, rendered

ORIGIN = "hooks.acme.test"


@dataclass
class Receiver:
    """Keeps each request; allows an origin while it *allows* one, and answers with *says*.

    While it *validates*, it answers Event Grid's validation event with the code in it.
    """

    url: str = ""
    allows: str = ""
    validates: bool = False
    says: tuple[int, str] = (200, "ok")
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, headers, await request.read()))
        if self.validates and headers.get("aeg-event-type") == "SubscriptionValidation":
            (asked,) = await request.json()
            return web.json_response({"validationResponse": asked["data"]["validationCode"]})
        allowed = {"WebHook-Allowed-Origin": self.allows} if self.allows else {}
        status, text = self.says
        return web.Response(status=status, text=text, headers=allowed)

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.requests]

    @property
    def event_types(self) -> list[str]:
        """Event Grid's, of each POST."""
        return [headers["aeg-event-type"] for _, headers, _ in self.requests]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    async with on_loopback(app) as receiver.url:
        yield receiver


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


def formed(pipeline: Pipeline, uri: str, secret: str = "", **wanted: str) -> int:
    webhook_id = pipeline.webhook(uri, secret=secret)
    name = pipeline.name_of(webhook_id)
    row = pipeline.store.webhooks.patch(REGISTRY, name, format=wanted)
    assert row.webhook().format == wanted
    return webhook_id


def pushed() -> Event:
    return structs.replace(event(), registry=REGISTRY, accepted_ms=now_ms())


async def test_each_webhook_gets_its_own_format(pipeline: Pipeline) -> None:
    async with receiving() as receiver, pipeline.deliverer():
        plain = pipeline.webhook(f"{receiver.url}/plain")
        slack = formed(pipeline, f"{receiver.url}/slack", name="slack")
        ghcr = formed(pipeline, f"{receiver.url}/ghcr", SECRET, name="ghcr")
        hub = formed(pipeline, f"{receiver.url}/hub", name="dockerhub")
        sent = await pipeline.deliver(plain, slack, ghcr, event=pushed())
        gone = structs.replace(event("delete"), id="e2", registry=REGISTRY)
        await pipeline.deliver(hub, event=gone)
        told = await pipeline.until_told(4)
    records = {each.record.webhook_id: each.record for each in told}
    bodies = [body for _, _, body in receiver.requests]
    assert len(bodies) == 3
    assert bytes(sent.body) in bodies
    assert rendered("slack", sent).body in bodies
    (signed,) = [each for each in receiver.requests if "x-hub-signature-256" in each[1]]
    mac = hmac.new(SECRET.encode(), signed[2], hashlib.sha256).hexdigest()
    assert signed[1]["x-hub-signature-256"] == f"sha256={mac}"
    assert {records[each].outcome for each in (plain, slack, ghcr)} == {Outcome.DELIVERED}
    kept = records[slack].detail.sent
    assert kept is not None and kept.other == rendered("slack", sent).body.decode()
    assert records[hub].outcome is Outcome.CANCELLED
    assert records[hub].detail.message.startswith("not sent: the format of Docker Hub")


@pytest.mark.parametrize(
    ("chat", "taken", "says"),
    [
        ("teams", (202, ""), "but not as Teams does for a message that it took"),
        ("discord", (204, ""), "but not as Discord does"),
        ("google-chat", (200, '{\n  "name": "spaces/A/messages/B"\n}'), "but not as Google Chat"),
    ],
)
async def test_a_page_for_signing_in_is_no_message_in_a_chat(
    pipeline: Pipeline, chat: str, taken: tuple[int, str], says: str
) -> None:
    async with receiving() as receiver, pipeline.deliverer():
        asked = formed(pipeline, f"{receiver.url}/chat", name=chat)
        receiver.says = (200, "<!DOCTYPE html><title>Sign in</title>")
        await pipeline.deliver(asked, event=pushed())
        (first,) = await pipeline.until_told(1)
        receiver.says = taken
        _, second = await pipeline.until_told(2)
    assert (first.record.outcome, first.record.status) == (Outcome.RETRIED, 200)
    assert says in first.record.detail.message
    assert second.record.outcome is Outcome.DELIVERED


async def test_nothing_is_sent_before_the_endpoint_consents(pipeline: Pipeline) -> None:
    async with receiving() as receiver, pipeline.deliverer():
        asked = formed(pipeline, f"{receiver.url}/cloud", name="cloudevents", origin=ORIGIN)
        await pipeline.deliver(asked, event=pushed())
        (first,) = await pipeline.until_told(1)
        assert receiver.methods == ["OPTIONS"]
        assert (first.record.outcome, first.record.detail.failure) == (
            Outcome.RETRIED,
            Failure.STATUS,
        )
        receiver.allows = ORIGIN
        await pipeline.until_told(2)
        assert receiver.methods == ["OPTIONS", "OPTIONS", "POST"]
        await pipeline.deliver(asked, event=structs.replace(pushed(), id="e3"))
        told = await pipeline.until_told(3)
    assert receiver.methods == ["OPTIONS", "OPTIONS", "POST", "POST"]
    assert [each.record.outcome for each in told][1:] == [Outcome.DELIVERED] * 2
    assert receiver.requests[-1][1]["webhook-request-origin"] == ORIGIN


async def test_a_consent_is_asked_over_a_real_socket() -> None:
    networks = [ip_network("127.0.0.0/8")]
    async with receiving() as receiver, Sender(timeout_s=15, allowed=networks) as sender:
        wanted = {"name": "cloudevents", "origin": ORIGIN}
        desk = Desk(sender, uri=f"{receiver.url}/cloud", format=wanted)
        assert await desk.attempt()
        refused = desk.record
        assert receiver.methods == ["OPTIONS"]
        receiver.allows = ORIGIN
        desk.endings.carried.clear()
        assert await desk.attempt()
        sent = desk.record
    assert (refused.outcome, sent.outcome) == (Outcome.RETRIED, Outcome.DELIVERED)
    assert receiver.methods == ["OPTIONS", "OPTIONS", "POST"]


async def test_event_grids_validation_comes_before_the_first_event(pipeline: Pipeline) -> None:
    async with receiving() as receiver, pipeline.deliverer():
        asked = formed(pipeline, f"{receiver.url}/grid", name="eventgrid", validation="on")
        await pipeline.deliver(asked, event=pushed())
        (first,) = await pipeline.until_told(1)
        assert receiver.event_types == ["SubscriptionValidation"]
        assert (first.record.outcome, first.record.detail.failure) == (
            Outcome.RETRIED,
            Failure.STATUS,
        )
        assert "has no validationResponse with the code" in first.record.detail.message
        receiver.validates = True
        await pipeline.until_told(2)
        await pipeline.deliver(asked, event=structs.replace(pushed(), id="e3"))
        told = await pipeline.until_told(3)
    assert receiver.event_types == [*["SubscriptionValidation"] * 2, *["Notification"] * 2]
    assert [each.record.outcome for each in told][1:] == [Outcome.DELIVERED] * 2
    codes = [json.loads(body)[0]["data"]["validationCode"] for _, _, body in receiver.requests[:2]]
    assert len(set(codes)) == 2, "each handshake has a code of its own"
    (sent,) = json.loads(receiver.requests[2][2])
    assert (sent["eventType"], sent["data"]["target"]["tag"]) == (
        "Microsoft.ContainerRegistry.ImagePushed",
        "2.0.1",
    )
    name = pipeline.name_of(asked).upper()
    assert {headers["aeg-subscription-name"] for _, headers, _ in receiver.requests} == {name}
