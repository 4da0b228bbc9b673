"""A webhook with another format: what is POSTed and recorded, what is not sent, and who is asked."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest

from portcall import __version__
from portcall.deliverer.attempting import Attempter
from portcall.deliverer.consequences import Consequence, GivenUp, PutBack, Recorded, Rules, Waiting
from portcall.deliverer.forms import renderings
from portcall.deliverer.forms.renderings import Renderings
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.formats.chosen import Chosen, chosen_of
from portcall.schemas.records import Answer, Failure, Outcome, Record
from tests.unit.deliverer.samples import (
    NOW_MS,
    SECRET,
    FakeSender,
    FakeStore,
    answered,
    delivery,
    headers_of,
    turns,
    unanswered,
    webhook,
)
from tests.unit.schemas.formats.samples import event, ping, rendered


class FakeEndings:
    """Keeps what is to follow."""

    def __init__(self) -> None:
        self.carried: list[Consequence] = []

    def carry_out(self, job: Job, consequence: Consequence) -> None:
        self.carried.append(consequence)


class Desk:
    """An attempter with fakes around it."""

    def __init__(self, sender: object, **changes: object) -> None:
        self.store = FakeStore(replace(webhook(), **changes))  # type: ignore[arg-type]  # fields
        self.endings = FakeEndings()
        self.webhooks = Webhooks(self.store)
        self.attempter = Attempter(
            webhooks=self.webhooks,
            sender=sender,  # type: ignore[arg-type]  # sends
            endings=self.endings,  # type: ignore[arg-type]  # carries out
            rules=Rules((10_000,), (2_000, 10_000)),
            clock_ms=lambda: NOW_MS,
            chance=lambda: 0.0,
        )

    async def attempt(self, of: Event | None = None) -> bool | None:
        return await self.attempter.attempt(Job(of or event(), delivery(), Latch(1)))

    @property
    def record(self) -> Record:
        (one,) = self.endings.carried
        assert isinstance(one, Recorded | GivenUp | Waiting)
        assert one.record is not None
        return one.record


def says(status: int, content: str = "", headers: Mapping[str, str] | None = None) -> Attempt:
    attempt = answered(status)
    answer = Answer(status=status, reason="", headers=dict(headers or {}), content=content)
    return msgspec.structs.replace(attempt, answer=answer)


async def posted(
    of: Event | None = None, *, secret: str = "", headers: Mapping[str, str] | None = None,
    **wanted: str,
) -> Request:  # fmt: skip
    sender = FakeSender(answered(200))
    desk = Desk(sender, format=wanted, secret=secret, headers=headers or {})
    assert await desk.attempt(of) is True
    assert desk.record.outcome is Outcome.DELIVERED
    (request,) = sender.requests
    return request


async def test_what_is_sent_is_rendered_signed_and_recorded() -> None:
    request = await posted(name="cloudevents", mode="binary", secret=SECRET)
    sent = rendered("cloudevents", mode="binary")
    assert request.body == sent.body
    headers = headers_of(request)
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == f"Portcall/{__version__}"
    assert headers["ce-subject"] == "shop/cart:2.0.1"
    assert headers["Content-Length"] == str(len(sent.body))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    name = delivery_id("e1", 7)
    content = f"{name}.{NOW_MS // 1000}.".encode() + sent.body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert request.sent.content == sent.body.decode()
    assert request.sent.headers == headers


async def test_acrs_format_stays_to_the_byte() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender)
    await desk.attempt()
    (request,) = sender.requests
    assert request.body == bytes(event().body)
    assert request.sent.content == ""
    assert headers_of(request)["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("secret", "is_signed"), [(SECRET, True), ("", False)], ids=["secret", "none"]
)
async def test_github_gets_its_own_signature(secret: str, *, is_signed: bool) -> None:
    request = await posted(name="ghcr", secret=secret)
    headers = headers_of(request)
    assert headers["User-Agent"] == f"GitHub-Hookshot/1.0 (Portcall/{__version__})"
    assert headers["X-GitHub-Event"] == "package"
    assert headers["X-GitHub-Hook-ID"] == "7"
    mac = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert headers.get("X-Hub-Signature-256") == (f"sha256={mac}" if is_signed else None)


async def test_harbors_authorization_goes_out_as_it_was_typed() -> None:
    request = await posted(name="harbor", headers={"Authorization": "abc"})
    assert headers_of(request)["Authorization"] == "abc"
    assert request.sent.headers["Authorization"] == "******"


async def test_a_custom_header_replaces_one_of_the_format() -> None:
    request = await posted(
        name="ghcr", headers={"x-github-event": "mine", "Content-Type": "a/b", "user-agent": "u"}
    )
    headers = headers_of(request)
    assert (headers["x-github-event"], headers["Content-Type"]) == ("mine", "a/b")
    assert "X-GitHub-Event" not in headers
    assert "User-Agent" not in headers


async def test_what_a_format_cannot_say_ends_without_an_attempt() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender, format={"name": "dockerhub"})
    assert await desk.attempt(event("delete")) is None
    assert sender.requests == []
    record = desk.record
    assert (record.outcome, record.status) == (Outcome.CANCELLED, 0)
    assert record.detail.message == "not sent: the format of Docker Hub has no delete events"


async def test_an_event_that_cannot_be_rendered_is_given_up() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender, format={"name": "template", "template": "\"{{ join('-', size) }}\""})
    assert await desk.attempt() is None
    assert sender.requests == []
    assert desk.record.outcome is Outcome.GIVEN_UP
    assert "the template fails on this event" in desk.record.detail.message


@pytest.mark.parametrize(
    ("name", "answer", "outcome"),
    [
        ("slack", says(200, "ok"), Outcome.DELIVERED),
        ("slack", says(200, "no_service"), Outcome.RETRIED),
        ("mattermost", says(200, "ok"), Outcome.DELIVERED),
        ("teams", says(202), Outcome.DELIVERED),
        ("teams", says(200, "returned HTTP error 429"), Outcome.RETRIED),
        ("discord", says(204), Outcome.DELIVERED),
        ("google-chat", says(200, '{"name":"spaces/x"}'), Outcome.DELIVERED),
        ("slack", says(429), Outcome.RETRIED),
        ("slack", unanswered(), Outcome.RETRIED),
    ],
)
async def test_a_success_is_what_the_chat_calls_one(
    name: str, answer: Attempt, outcome: Outcome
) -> None:
    desk = Desk(FakeSender(answer), format={"name": name})
    await desk.attempt()
    assert desk.record.outcome is outcome
    if outcome is Outcome.RETRIED and answer.status == 200:
        assert desk.record.detail.failure is Failure.STATUS


@pytest.mark.parametrize(
    ("name", "own", "rate"),
    [("slack", 0.0, 1.0), ("discord", 0.0, 0.5), ("slack", 5.0, 5.0), ("harbor", 0.0, 0.0)],
)
def test_a_chat_is_paced_unless_the_webhook_has_a_rate(name: str, own: float, rate: float) -> None:
    template = Template.of(replace(webhook(), format={"name": name}, rate_limit=own))
    assert template.webhook.rate_limit == rate


def test_a_format_of_a_newer_version_is_acrs() -> None:
    assert Template.of(replace(webhook(), format={"name": "newer"})).form is None


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
        assert "SubscriptionValidation" in desk.record.detail.sent.content
    else:
        assert headers_of(sender.requests[1])["aeg-event-type"] == "Notification"
        assert desk.record.outcome is Outcome.DELIVERED


def form(name: str) -> Chosen:
    chosen = chosen_of({"name": name})
    assert chosen is not None
    return chosen


def test_an_event_is_rendered_once_for_each_format() -> None:
    kept = Renderings()
    first = kept.of(event(), form("slack"))
    assert kept.of(event(), form("slack")) is first
    assert kept.of(event(), form("teams")) is not first
    assert kept.of(event(actor="other"), form("slack")) is not first
    assert kept.of(event(tag="other"), form("slack")) is not first


def test_what_is_kept_is_bounded() -> None:
    few = Renderings(max_kept=1)
    first = few.of(event(), form("slack"))
    few.of(event(), form("teams"))
    assert few.of(event(), form("slack")) is not first
    small = Renderings(max_bytes=10)
    first = small.of(event(), form("slack"))
    assert small.of(event(), form("slack")) == first
    assert small._bytes == 0
    assert renderings.MAX_KEPT * 262_144 > renderings.MAX_BYTES
