"""A waiting delivery is tried now: what is published, what is noted, and what is refused."""

import asyncio
import re

import pytest

from portcall.management.replays import try_now
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.frames import decode_deliveries, encode
from portcall.schemas.overtaking import Standing
from portcall.schemas.records import Detail, Outcome
from tests.unit.management.api import GUEST_TOKEN, ManagementApi
from tests.unit.management.replays.test_routes import FIRST_MS, hook, of_alpha
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import frame, record

HOUR_MS = 3_600_000


async def waiting(
    api: ManagementApi,
    *,
    due_in_ms: int = HOUR_MS,
    outcome: Outcome = Outcome.RETRIED,
    first: int = 1,
    began_ms: int = 0,
) -> int:
    """A webhook with a delivery that failed at its third attempt."""
    webhook_id = await hook(api)
    due_ms = now_ms() + due_in_ms
    detail = encode(Detail(next_attempt_ms=due_ms, first=first, began_ms=began_ms))
    records = [record(webhook_id, of=0, attempt=3, outcome=outcome, detail=detail)]
    append(api.store, frame(records, [of_alpha("e0", FIRST_MS)]))
    return webhook_id


def path(api: ManagementApi) -> str:
    return f"{api.webhook('webhook01')}/tryNow"


async def test_a_copy_is_published_and_what_waits_is_overtaken(api: ManagementApi) -> None:
    webhook_id = await waiting(api)
    announced = len(api.publisher.announced)
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert answer.status == 202, answer.text
    own = delivery_id("e0", webhook_id)
    assert answer.json == {"eventId": "e0", "deliveryId": own, "attempt": 4}
    (published,) = api.publisher.published
    sent = decode_deliveries(published.body)
    assert (published.exchange, published.key[:6], sent.again) == (
        "portcall.deliver",
        "retry.",
        True,
    )
    ((copy,), (event,)) = (sent.deliveries, sent.events)
    assert (copy.attempt, copy.first, copy.not_before_ms, copy.due_ms) == (4, 1, 0, 0)
    assert copy.began_ms == event.accepted_ms + 1
    (webhook,) = api.store.webhooks.by_ids([webhook_id])
    assert webhook.standings == {
        (own, FIRST_MS, 4, 1, 0): Standing.OVERTAKEN,
        (own, FIRST_MS, 4, 1, FIRST_MS + 1): Standing.OVERTAKES,
    }
    assert len(api.publisher.announced) == announced + 2


async def test_the_copy_keeps_the_schedule_of_a_replayed_delivery(api: ManagementApi) -> None:
    await waiting(api, first=3, began_ms=FIRST_MS + 500)
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert answer.status == 202, answer.text
    (copy,) = decode_deliveries(api.publisher.published[0].body).deliveries
    assert (copy.attempt, copy.first, copy.began_ms) == (4, 3, FIRST_MS + 501)


async def test_a_second_click_publishes_nothing(api: ManagementApi) -> None:
    webhook_id = await waiting(api)
    for body in ({"eventId": "e0"}, {"deliveryId": delivery_id("e0", webhook_id)}):
        answer = await api.request("POST", path(api), body)
        assert answer.status == 202, answer.text
    assert len(api.publisher.published) == 1


async def test_two_clicks_at_once_publish_one_copy(
    api: ManagementApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(api)
    publish = api.publisher.publish

    async def slowly(body: bytes, *, exchange: str, key: str, timeout_s: float) -> None:
        await asyncio.sleep(0.2)
        await publish(body, exchange=exchange, key=key, timeout_s=timeout_s)

    monkeypatch.setattr(api.publisher, "publish", slowly)
    answers = await asyncio.gather(
        *(api.request("POST", path(api), {"eventId": "e0"}) for _ in range(3))
    )
    assert [each.status for each in answers] == [202] * 3
    assert len(api.publisher.published) == 1


async def test_without_the_broker_it_waits_as_before_and_can_be_tried_again(
    api: ManagementApi,
) -> None:
    webhook_id = await waiting(api)
    api.publisher.failure = BrokerError("away")
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    (webhook,) = api.store.webhooks.by_ids([webhook_id])
    assert Standing.OVERTAKEN not in webhook.standings.values()
    api.publisher.failure = None
    assert (await api.request("POST", path(api), {"eventId": "e0"})).status == 202
    assert len(api.publisher.published) == 1


@pytest.mark.parametrize(
    ("due_in_ms", "code", "words"),
    [
        pytest.param(
            try_now.SOON_MS - 1_000,
            "AttemptIsDue",
            r"Its next attempt begins in \d s anyway\.",
            id="soon",
        ),
        pytest.param(
            -5_000,
            "AttemptIsDue",
            r"Its next attempt was due [5-9] s ago and may be under way\. Try again if it has no"
            r" result 30 s after its time\.",
            id="under way",
        ),
        pytest.param(-try_now.UNDER_WAY_MS - 1_000, "", "", id="parked"),
    ],
)
async def test_an_attempt_that_may_be_under_way_is_left_alone(
    api: ManagementApi, due_in_ms: int, code: str, words: str
) -> None:
    await waiting(api, due_in_ms=due_in_ms)
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert answer.status == (409 if code else 202), answer.text
    if code:
        assert answer.error["code"] == code
        assert re.fullmatch(words, answer.error["message"]), answer.error["message"]
    assert len(api.publisher.published) == (0 if code else 1)


@pytest.mark.parametrize(
    "outcome", [Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.CANCELLED, Outcome.REFUSED]
)
async def test_a_delivery_that_has_ended_does_not_wait(
    api: ManagementApi, outcome: Outcome
) -> None:
    await waiting(api, outcome=outcome)
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert (answer.status, answer.error["code"]) == (409, "DeliveryNotWaiting")
    assert "A replay attempts it again" in answer.error["message"]


@pytest.mark.parametrize(
    ("body", "status", "target"),
    [
        ({}, 400, "eventId"),
        ({"eventId": "e0", "deliveryId": "msg_" + "0" * 32}, 400, "eventId"),
        ({"eventId": "e9"}, 404, "eventId"),
        ({"deliveryId": "msg_" + "0" * 32}, 404, "deliveryId"),
        ({"deliveryId": "nonsense"}, 400, "deliveryId"),
        ({"eventId": "e0", "when": "now"}, 400, "when"),
    ],
)
async def test_bad_input_names_the_field(
    api: ManagementApi, body: dict[str, str], status: int, target: str
) -> None:
    await waiting(api)
    answer = await api.request("POST", path(api), body)
    assert answer.status == status, answer.text
    assert target in answer.text


async def test_a_disabled_webhook_and_a_reader_are_refused(api: ManagementApi) -> None:
    await waiting(api)
    refused = await api.request("POST", path(api), {"eventId": "e0"}, token=GUEST_TOKEN)
    assert refused.status == 403
    await api.put_webhook("webhook01", status="disabled")
    answer = await api.request("POST", path(api), {"eventId": "e0"})
    assert (answer.status, answer.error["code"]) == (409, "WebhookDisabled")
    assert api.publisher.published == []
