"""A webhook with another format: what is POSTed and recorded, and what is not sent."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace

import jmespath
import pytest
from msgspec import structs

from portcall import __version__
from portcall.deliverer.attempting import MAX_READY_BYTES
from portcall.deliverer.consequences import Consequence, GivenUp, Recorded, Waiting
from portcall.deliverer.measures import FAILURES, LATENCY
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.schemas.children import Child
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import Filters
from portcall.schemas.records import Failure, Outcome
from tests.unit.deliverer.forms.desk import Desk, says
from tests.unit.deliverer.samples import (
    NOW_MS,
    SECRET,
    FakeSender,
    answered,
    headers_of,
    unanswered,
    webhook,
)
from tests.unit.schemas.formats.samples import event, rendered


def replace_after(attempt: Attempt, retry_after: str) -> Attempt:
    return structs.replace(attempt, retry_after=retry_after)


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
    assert request.sent.other is None  # it is the event's own
    assert request.sent.headers == headers


async def test_acrs_format_stays_to_the_byte() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender)
    await desk.attempt()
    (request,) = sender.requests
    assert request.body == bytes(event().body)
    assert request.sent.other is None
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
        ("teams", says(200, "1"), Outcome.DELIVERED),
        ("teams", says(200, "Summary or Text is required."), Outcome.RETRIED),
        ("discord", says(204), Outcome.DELIVERED),
        ("discord", says(200, '{"id":"1"}'), Outcome.DELIVERED),
        ("discord", says(200, "<html>"), Outcome.RETRIED),
        ("google-chat", says(200, "<html>"), Outcome.RETRIED),
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


RATE = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.5"}


@pytest.mark.parametrize(
    ("name", "answer", "kind", "pause_ms"),
    [
        ("discord", says(204, headers=RATE), Recorded, 1_500),
        ("discord", says(204), Recorded, 0),
        ("discord", says(429, '{"retry_after": 12.3}'), Waiting, 12_300),
        ("discord", says(429, '{"retry_after": 0.3}'), Waiting, 1_000),
        ("discord", says(429, '{"retry_after": 12.3}'), GivenUp, 12_300),
        ("discord", says(404, headers=RATE), Recorded, 1_500),
        ("slack", replace_after(says(429), "30"), Waiting, 30_000),
        ("slack", says(200, "ok", RATE), Recorded, 0),
    ],
)
async def test_a_chat_is_paced_by_what_it_answers(
    name: str, answer: Attempt, kind: type[Consequence], pause_ms: int
) -> None:
    schedule = () if kind is GivenUp else None
    desk = Desk(
        FakeSender(answer), format={"name": name}, final_answers="404", schedule_ms=schedule
    )
    await desk.attempt()
    (follows,) = desk.endings.carried
    assert isinstance(follows, kind)
    assert isinstance(follows, Recorded | Waiting | GivenUp)
    assert follows.pause_ms == pause_ms
    if isinstance(follows, Waiting):
        assert follows.delivery.not_before_ms == NOW_MS + max(10_000, pause_ms)


@pytest.mark.parametrize(
    ("final_answers", "outcome", "is_healthy", "failed"),
    [("500", Outcome.REFUSED, True, 0), (None, Outcome.RETRIED, False, 1)],
    ids=["final", "not final"],
)
async def test_an_attempt_is_measured_and_a_final_answer_is_no_trouble(
    final_answers: str | None, outcome: Outcome, *, is_healthy: bool, failed: int
) -> None:
    failures = FAILURES.labels("status")._value
    desk = Desk(FakeSender(answered(500)), format={"name": "harbor"}, final_answers=final_answers)
    before = LATENCY._sum.get(), failures.get()
    assert await desk.attempt() is is_healthy
    assert desk.record.outcome is outcome
    assert LATENCY._sum.get() > before[0]
    assert failures.get() - before[1] == failed


@pytest.mark.parametrize(
    ("name", "own", "rate"),
    [("slack", 0.0, 1.0), ("discord", 0.0, 0.5), ("slack", 5.0, 5.0), ("harbor", 0.0, 0.0)],
)
def test_a_chat_is_paced_unless_the_webhook_has_a_rate(name: str, own: float, rate: float) -> None:
    template = Template.of(replace(webhook(), format={"name": name}, rate_limit=own))
    assert template.webhook.rate_limit == rate


def test_a_format_of_a_newer_version_is_acrs() -> None:
    assert Template.of(replace(webhook(), format={"name": "newer"})).form is None


@pytest.mark.parametrize("wanted", [None, {"name": "ghcr"}], ids=["acr", "ghcr"])
async def test_a_request_that_was_made_ahead_is_what_the_attempt_would_make(
    wanted: Mapping[str, str] | None,
) -> None:
    sender = FakeSender(answered(200), answered(200))
    desk = Desk(sender, format=wanted, secret=SECRET)
    job = await desk.ready()
    assert job.ready is not None
    made = job.ready.request
    await desk.attempter.attempt(job)
    await desk.attempt()
    first, second = sender.requests
    assert first is made
    assert first == second


async def test_a_request_of_an_earlier_second_is_made_again() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender, format={"name": "quay"}, secret=SECRET)
    job = await desk.ready()
    desk.now_ms += 1000
    await desk.attempter.attempt(job)
    (request,) = sender.requests
    assert headers_of(request)["webhook-timestamp"] == str(desk.now_ms // 1000)


async def test_a_request_that_was_made_before_its_webhook_changed_is_made_again() -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender, format={"name": "quay"})
    await desk.webhooks.refresh()
    job = await desk.ready()
    desk.store.rows[7] = replace(desk.store.rows[7], format={"name": "harbor"})
    desk.store.at = 2
    await desk.webhooks.refresh()
    await desk.attempter.attempt(job)
    (request,) = sender.requests
    assert request.body == rendered("harbor").body


async def test_what_cannot_be_sent_is_not_made_ahead_but_ends_at_its_attempt() -> None:
    desk = Desk(FakeSender(), format={"name": "dockerhub"})
    job = await desk.ready(event("delete"))
    assert job.ready is None
    assert desk.endings.carried == []
    assert await desk.attempter.attempt(job) is None
    assert desk.record.outcome is Outcome.CANCELLED


@pytest.mark.parametrize(("length", "is_ready"), [(1_000, True), (MAX_READY_BYTES, False)])
async def test_a_large_request_is_made_by_its_attempt(length: int, *, is_ready: bool) -> None:
    sender = FakeSender(answered(200))
    desk = Desk(sender, format={"name": "template", "template": json.dumps("x" * length)})
    job = await desk.ready()
    assert (job.ready is not None) is is_ready
    await desk.attempter.attempt(job)
    (request,) = sender.requests
    assert len(request.body) == length + 2


def listing(*digests: str) -> Event:
    """The push of an index that lists these."""
    children = tuple(Child(each, "linux/arm64") for each in digests)
    return structs.replace(event(), extras=Extras(children=children))


async def test_a_webhook_that_coalesces_gets_the_children_of_an_index() -> None:
    sender = FakeSender(answered(200), answered(200))
    desk = Desk(sender, filters=Filters(coalesce="1m"), secret=SECRET)
    of = listing("sha256:a")
    await desk.attempt(of)
    (request,) = sender.requests
    own = bytes(of.body)
    said = b',"portcall":{"children":[{"digest":"sha256:a","platform":"linux/arm64"}]}}'
    assert request.body == own[:-1] + said
    assert request.sent.other == request.body.decode()
    plain = Template.of(replace(webhook(), secret=SECRET)).request(
        delivery_id=delivery_id("e1", 7), body=request.body, now_s=NOW_MS // 1000
    )
    assert request.head == plain.head  # signed over what is sent, and ACR's headers otherwise


@pytest.mark.parametrize("filters", [None, Filters(), Filters(tagged_only=True)])
async def test_other_webhooks_get_acrs_payload_to_the_byte(filters: Filters | None) -> None:
    sender = FakeSender(answered(200))
    await Desk(sender, filters=filters).attempt(listing("sha256:a"))
    (request,) = sender.requests
    assert request.body == bytes(event().body)
    assert Template.of(replace(webhook(), filters=filters)).form is None


async def test_a_webhook_that_asks_for_tags_gets_those_of_a_delete() -> None:
    gone = structs.replace(event(), action="delete", tag="", extras=Extras(tags=("v1", "v2")))
    own = bytes(gone.body)
    for filters, body in (
        (Filters(tags_on_delete=True), own[:-1] + b',"portcall":{"tags":["v1","v2"]}}'),
        (Filters(coalesce="1m"), own),
        (None, own),
    ):
        sender = FakeSender(answered(200))
        await Desk(sender, filters=filters).attempt(gone)
        (request,) = sender.requests
        assert request.body == body
        assert request.sent.other == (None if body == own else body.decode())


async def test_an_event_without_children_is_acrs_to_the_byte_also_when_coalescing() -> None:
    sender = FakeSender(answered(200))
    await Desk(sender, filters=Filters(coalesce="1m")).attempt()
    (request,) = sender.requests
    assert request.body == bytes(event().body)
    assert request.sent.other is None


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"name": "cloudevents"}, "data.portcall.children"),
        ({"name": "cloudevents", "mode": "binary"}, "portcall.children"),
        ({"name": "eventgrid"}, "[0].data.portcall.children"),
        (
            {"name": "template", "template": '{"said": "{{ payload.portcall.children }}"}'},
            "said",
        ),
    ],
    ids=["cloudevents", "cloudevents, binary", "eventgrid", "template"],
)
async def test_formats_that_carry_acrs_payload_list_children_in_it(
    settings: dict[str, str], path: str
) -> None:
    sender = FakeSender(answered(200))
    await Desk(sender, filters=Filters(coalesce="1m"), format=settings).attempt(listing("sha256:a"))
    (request,) = sender.requests
    found = jmespath.search(path, json.loads(request.body))
    assert found == [{"digest": "sha256:a", "platform": "linux/arm64"}]
