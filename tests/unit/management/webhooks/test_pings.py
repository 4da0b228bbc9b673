"""Pings: one delivery for one webhook, confirmed by the broker before it is answered."""

import uuid

import pytest

from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError, UnroutableError
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.journal import accepted, routed
from tests.unit.management.api import ManagementApi


async def test_a_ping_is_one_delivery_under_the_id_that_is_answered(api: ManagementApi) -> None:
    created = await api.put_webhook(actions=["delete"], scope="only/this:one")
    webhook_id = int(created.json["properties"]["portcall"]["id"])
    answer = await api.request("POST", f"{api.webhook('webhook01')}/ping")
    assert answer.status == 200 and list(answer.json) == ["id"]
    assert str(uuid.UUID(answer.json["id"])) == answer.json["id"]
    (published,) = api.publisher.published
    assert published.exchange == "portcall.deliver"
    assert published.key == f"deliver.{shard_of(webhook_id, 2)}"
    frame = decode_deliveries(published.body)
    assert frame.deliveries == [Delivery(event=0, webhook_id=webhook_id)]
    (event,) = frame.events
    assert (event.id, event.registry, event.action) == (answer.json["id"], "alpha", "ping")
    body = bytes(event.body)
    assert body.startswith(b'{"id":"' + event.id.encode()) and body.endswith(b',"action":"ping"}')
    assert len(body) == 104  # as recorded
    assert api.publisher.noted == [accepted(event), routed(event, [webhook_id])]


async def test_a_ping_whose_note_is_lost_was_sent_all_the_same(
    api: ManagementApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = api.publisher.publish

    async def lose_notes(body: bytes, *, exchange: str, key: str = "", timeout_s: float) -> None:
        if exchange == "portcall.journal":
            raise UnconfirmedError("lost")
        await publish(body, exchange=exchange, key=key, timeout_s=timeout_s)

    monkeypatch.setattr(api.publisher, "publish", lose_notes)
    await api.put_webhook()
    answer = await api.request("POST", f"{api.webhook('webhook01')}/ping")
    assert (answer.status, len(api.publisher.published)) == (200, 1)


async def test_each_ping_has_an_id_of_its_own(api: ManagementApi) -> None:
    await api.put_webhook()
    path = f"{api.webhook('webhook01')}/ping"
    answers = [await api.request("POST", path, {"ignored": True}) for _ in range(2)]
    assert answers[0].json["id"] != answers[1].json["id"]


@pytest.mark.parametrize(
    "failure",
    [UnconfirmedError("lost"), RefusedError("full"), UnroutableError("no queue")],
    ids=lambda error: type(error).__name__,
)
async def test_a_ping_without_the_broker_is_503_and_all_else_goes_on(
    api: ManagementApi, failure: BrokerError
) -> None:
    api.publisher.failure = failure
    await api.put_webhook()
    answer = await api.request("POST", f"{api.webhook('webhook01')}/ping")
    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    assert "Retry-After" not in answer.headers
    assert (await api.request("GET", api.webhook("webhook01"))).status == 200
