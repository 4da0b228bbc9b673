"""Webhooks that were disabled automatically: counted, and told to the operator once each."""

import msgspec
import pytest

from portcall.management.webhooks.alarms import SELF_DISABLED, Alarms
from portcall.runtime.errors import UnconfirmedError
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.operator import DISABLED_TYPE, OPERATOR_ID
from portcall.schemas.topology import DELIVER
from portcall.schemas.webhooks import Cause
from tests.unit.management.api import ManagementApi

NOW_MS = 1_772_619_630_123


def alarms(api: ManagementApi, *, has_operator: bool = True) -> Alarms:
    return Alarms(store=api.store, publisher=api.publisher, shards=2, has_operator=has_operator)


async def hook(api: ManagementApi, name: str = "webhook01") -> int:
    answer = await api.put_webhook(name)
    return int(answer.json["properties"]["portcall"]["id"])


def told(api: ManagementApi) -> list[Event]:
    found = []
    for each in api.publisher.published:
        assert each.exchange == DELIVER
        frame = decode_deliveries(each.body)
        assert frame.again
        assert [delivery.webhook_id for delivery in frame.deliveries] == [OPERATOR_ID]
        found += frame.events
    return found


async def test_the_operator_is_told_once_of_each(api: ManagementApi) -> None:
    first, second = await hook(api), await hook(api, "webhook02")
    watching = alarms(api)
    await watching.look()
    assert told(api) == []
    api.store.webhooks.disable(first, "the endpoint answered 410", NOW_MS)
    await watching.look()
    await watching.look()
    (event,) = told(api)
    body = msgspec.json.decode(bytes(event.body))
    assert body == {
        "id": f"disabled-{first}-{NOW_MS}",
        "type": DISABLED_TYPE,
        "timestamp": "2026-03-04T10:20:30.1230000Z",
        "data": {
            "registry": "Alpha",
            "webhook": "webhook01",
            "webhookId": str(first),
            "cause": "gone",
            "reason": "the endpoint answered 410",
            "disabledAt": "2026-03-04T10:20:30.1230000Z",
            "enable": "portcall webhook enable -r Alpha -n webhook01",
        },
    }
    assert (event.id, event.registry, event.accepted_ms) == (body["id"], "alpha", NOW_MS)
    api.store.webhooks.disable(second, "failed", NOW_MS + 1, Cause.FAILING)
    await watching.look()
    assert len(told(api)) == 2
    assert {note.event_id for note in api.publisher.noted} == {each.id for each in told(api)}


async def test_what_happened_while_nobody_looked_is_told_after_a_restart(
    api: ManagementApi,
) -> None:
    first = await hook(api)
    await alarms(api).look()
    api.store.webhooks.disable(first, "gone", NOW_MS)
    await alarms(api).look()
    assert len(told(api)) == 1
    await alarms(api).look()
    assert len(told(api)) == 1


async def test_what_was_so_before_there_was_an_operator_is_no_news(api: ManagementApi) -> None:
    api.store.webhooks.disable(await hook(api), "gone", NOW_MS)
    await alarms(api, has_operator=False).look()
    await alarms(api).look()
    assert told(api) == []


async def test_what_the_broker_does_not_confirm_is_told_again_as_the_same(
    api: ManagementApi,
) -> None:
    first = await hook(api)
    watching = alarms(api)
    await watching.look()
    api.store.webhooks.disable(first, "gone", NOW_MS)
    api.publisher.failure = UnconfirmedError("nobody knows")
    with pytest.raises(UnconfirmedError):
        await watching.look()
    api.publisher.failure = None
    await watching.look()
    await alarms(api).look()
    assert len(told(api)) == 1


async def test_what_its_owner_disabled_is_no_news(api: ManagementApi) -> None:
    await hook(api)
    watching = alarms(api)
    await watching.look()
    await api.request("PATCH", api.webhook("webhook01"), {"properties": {"status": "disabled"}})
    await watching.look()
    assert told(api) == []
    assert api.store.known.disabled_by_themselves() == []


async def test_how_many_there_are_is_a_metric(api: ManagementApi) -> None:
    first = await hook(api)
    watching = alarms(api, has_operator=False)
    api.store.webhooks.disable(first, "gone", NOW_MS)
    await watching.look()
    assert SELF_DISABLED.labels("alpha")._value.get() == 1
    api.store.webhooks.enable(first, NOW_MS)
    await watching.look()
    assert not [each for metric in SELF_DISABLED.collect() for each in metric.samples]


def test_the_operators_id_is_none_that_a_row_has(api: ManagementApi) -> None:
    assert api.store.webhooks.revision() > 2**50 > OPERATOR_ID
