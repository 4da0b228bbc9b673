"""Who is asked before anything is sent, and what follows from the answer."""

import asyncio
import json

import pytest

from portcall.deliverer.consequences import PutBack
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request
from portcall.schemas.records import Outcome
from tests.unit.deliverer.forms.desk import Desk, says
from tests.unit.deliverer.samples import FakeSender, answered, headers_of, turns, unanswered
from tests.unit.schemas.formats.samples import ping

ORIGIN = {"name": "cloudevents", "origin": "hooks.acme.test"}
ALLOWED = {"WebHook-Allowed-Origin": "hooks.acme.test", "WebHook-Allowed-Rate": "*"}


async def test_an_endpoint_is_asked_once_and_then_gets_its_events() -> None:
    sender = FakeSender(says(200, headers=ALLOWED), answered(202), answered(202))
    desk = Desk(sender, format=ORIGIN, headers={"Authorization": "Bearer t"})
    assert await desk.attempt() is True
    assert await desk.attempt(ping()) is True
    methods = [request.head.split(b" ")[0] for request in sender.requests]
    assert methods == [b"OPTIONS", b"POST", b"POST"]
    asked, sent, _ = sender.requests
    assert headers_of(asked)["WebHook-Request-Origin"] == "hooks.acme.test"
    assert headers_of(asked)["Authorization"] == "Bearer t"
    assert headers_of(asked)["Content-Length"] == "0"
    assert (asked.body, asked.sent.method) == (b"", "OPTIONS")
    assert headers_of(sent)["WebHook-Request-Origin"] == "hooks.acme.test"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (says(200), "gave no consent: its answer has no WebHook-Allowed-Origin"),
        (says(200, headers={"webhook-allowed-origin": "x.test"}), "allows other origins"),
        (says(405, headers=ALLOWED), "the endpoint answered"),
        (unanswered(), "no answer"),
    ],
    ids=["silent", "other", "405", "unanswered"],
)
async def test_without_consent_nothing_is_sent(answer: Attempt, message: str) -> None:
    sender = FakeSender(answer)
    desk = Desk(sender, format=ORIGIN)
    await desk.attempt()
    (request,) = sender.requests
    assert request.head.startswith(b"OPTIONS /hook HTTP/1.1\r\n")
    record = desk.record
    assert record.outcome is Outcome.RETRIED
    assert record.detail.sent is not None
    assert record.detail.sent.method == "OPTIONS"
    if answer.status != 405:
        assert message in record.detail.message


@pytest.mark.parametrize("allowed", ["*", "HOOKS.acme.test", "a.test, hooks.acme.test"])
async def test_an_origin_may_be_allowed_in_several_ways(allowed: str) -> None:
    sender = FakeSender(says(200, headers={"WebHook-Allowed-Origin": allowed}), answered(200))
    assert await Desk(sender, format=ORIGIN).attempt() is True
    assert len(sender.requests) == 2


async def test_many_deliveries_at_once_share_a_refusal() -> None:
    sender = FakeSender(unanswered())
    desk = Desk(sender, format=ORIGIN)
    await desk.webhooks.load([7])
    sender.hold()
    tasks = [asyncio.ensure_future(desk.attempt()) for _ in range(5)]
    await turns()
    sender.release()
    await asyncio.gather(*tasks)
    assert len(sender.requests) == 1
    assert len(desk.endings.carried) == 5


async def test_a_webhook_that_is_deleted_during_the_handshake_gets_nothing() -> None:
    sender = FakeSender(says(200, headers=ALLOWED))
    desk = Desk(sender, format=ORIGIN)
    sender.hold()
    task = asyncio.ensure_future(desk.attempt())
    await sender.begun.wait()
    desk.store.change(gone=[7])
    desk.webhooks.forget(7)
    sender.release()
    assert await task is None
    assert [request.sent.method for request in sender.requests] == ["OPTIONS"]
    assert desk.record.outcome is Outcome.CANCELLED


async def test_nothing_is_begun_after_a_handshake_while_the_process_stops() -> None:
    sender = FakeSender(says(200, headers=ALLOWED))
    desk = Desk(sender, format=ORIGIN)
    sender.hold()
    task = asyncio.ensure_future(desk.attempt())
    await sender.begun.wait()
    desk.attempter.stopping = True
    sender.release()
    assert await task is None
    assert len(sender.requests) == 1
    assert desk.endings.carried == [PutBack()]


async def test_many_deliveries_at_once_ask_once() -> None:
    sender = FakeSender(says(200, headers=ALLOWED), answered(202))
    desk = Desk(sender, format=ORIGIN)
    sender.hold()
    tasks = [asyncio.ensure_future(desk.attempt()) for _ in range(5)]
    await sender.begun.wait()
    sender.release()
    assert await asyncio.gather(*tasks) == [True] * 5
    assert [each.sent.method for each in sender.requests].count("OPTIONS") == 1


class Validating:
    """An endpoint of Event Grid's schema; *answers* makes the content of a code."""

    def __init__(self, status: int, content: str) -> None:
        self.requests: list[Request] = []
        self.status = status
        self.content = content

    async def send(self, request: Request) -> Attempt:
        self.requests.append(request)
        (one,) = json.loads(request.body)
        if one["eventType"] != "Microsoft.EventGrid.SubscriptionValidationEvent":
            return answered(200)
        return says(self.status, self.content.replace("CODE", one["data"]["validationCode"]))


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (200, '{"validationResponse":"CODE"}', ""),
        (202, '{"validationResponse":"CODE"}', "must have the status 200"),
        (200, '{"validationResponse":"other"}', "has no validationResponse with the code"),
        (200, "ok", "has no validationResponse with the code"),
        (200, "[]", "has no validationResponse with the code"),
    ],
    ids=["right", "202", "other", "text", "array"],
)
async def test_event_grids_validation(status: int, content: str, message: str) -> None:
    sender = Validating(status, content)
    desk = Desk(sender, format={"name": "eventgrid", "validation": "on"})
    await desk.attempt()
    asked = headers_of(sender.requests[0])
    assert asked["aeg-event-type"] == "SubscriptionValidation"
    assert asked["aeg-subscription-name"] == "HOOK7"
    if message:
        assert len(sender.requests) == 1
        assert message in desk.record.detail.message
        assert desk.record.detail.sent is not None
        assert "SubscriptionValidation" in (desk.record.detail.sent.other or "")
    else:
        assert headers_of(sender.requests[1])["aeg-event-type"] == "Notification"
        assert desk.record.outcome is Outcome.DELIVERED
