from dataclasses import replace

import pytest
from msgspec import structs

from portcall.deliverer.consequences import Rules, following
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Template
from portcall.deliverer.tracing import Tracing, sent_on
from portcall.runtime.latch import Latch
from portcall.runtime.tracing.spans import Moment, Span, Tracer
from portcall.schemas.records import Failure, Sent
from portcall.schemas.traces import Context, Trace, attempt_context, context_of
from tests.unit.deliverer.samples import NOW_MS, answered, delivery, event, unanswered, webhook

PARENT = Context("a" * 32, "1" * 16, sampled=True)
UNSAMPLED = structs.replace(PARENT, sampled=False)
RULES = Rules((1_000, 2_000), (1_000, 2_000))


class World:
    """Tracing with a list for its spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.tracing = Tracing(Tracer(self.spans.append))
        self.template = Template.of(webhook())

    def attempt(self, attempt: Attempt, parent: Context = PARENT, *, number: int = 1) -> None:
        traced = structs.replace(event(), trace=Trace(parent.traceparent, NOW_MS - 30))
        job = Job(traced, delivery(attempt=number), Latch(1))
        consequence = following(
            job,
            self.template.webhook,
            attempt,
            Sent("http://endpoint.example/hook", {}),
            RULES,
            now_ms=NOW_MS,
            chance=0.5,
        )
        self.tracing.attempted(job, self.template, attempt, consequence)


async def test_an_attempt_has_two_spans_from_times_that_are_known() -> None:
    world = World()
    world.attempt(structs.replace(answered(200), steps=(("connect", 700), ("first_byte", 1_400))))
    wait, attempt = world.spans
    assert (wait.name, attempt.name) == ("wait", "attempt")
    assert wait.parent == attempt.parent == PARENT
    assert wait.start_ns == (NOW_MS - 30) * 1_000_000
    assert wait.end_ns == attempt.start_ns == NOW_MS * 1_000_000
    assert attempt.end_ns == attempt.start_ns + 1_500_000
    assert attempt.context == attempt_context(PARENT, 7, 1, sampled=True)
    assert attempt.moments == [
        Moment("connect", attempt.start_ns + 700_000),
        Moment("first_byte", attempt.start_ns + 1_400_000),
    ]
    assert attempt.attributes["http.response.status_code"] == 200
    assert attempt.attributes["portcall.outcome"] == "delivered"
    assert attempt.error == ""


async def test_no_span_has_a_uri() -> None:
    world = World()
    world.attempt(unanswered(Failure.DNS))
    said = [str(value) for span in world.spans for value in span.attributes.values()]
    assert not [each for each in said if "/hook" in each]


@pytest.mark.parametrize(
    ("attempt", "number", "names"),
    [
        pytest.param(answered(200), 1, [], id="a success at once"),
        pytest.param(answered(503), 1, ["wait", "attempt"], id="a failure"),
        pytest.param(unanswered(), 3, ["wait", "attempt"], id="the last failure"),
        pytest.param(answered(200), 2, ["wait", "attempt"], id="a success after a failure"),
    ],
)
async def test_without_sampling_spans_are_exported_from_the_first_failure_on(
    attempt: Attempt, number: int, names: list[str]
) -> None:
    world = World()
    world.attempt(attempt, UNSAMPLED, number=number)
    assert [span.name for span in world.spans] == names
    assert all(span.context.sampled for span in world.spans)


async def test_a_failure_says_its_class() -> None:
    world = World()
    world.attempt(unanswered(Failure.TLS))
    assert world.spans[1].error == "tls"
    assert world.spans[1].attributes["error.type"] == "tls"


def header(traced: Trace | None, number: int = 1, *, wanted: bool | None = None) -> str:
    template = Template.of(replace(webhook(), traceparent=wanted))
    job = Job(structs.replace(event(), trace=traced), delivery(attempt=number), Latch(1))
    return dict(World().tracing.headers(job, template)).get("traceparent", "")


async def test_the_header_names_the_span_of_the_attempt() -> None:
    sent = context_of(header(Trace(PARENT.traceparent)))
    assert sent == attempt_context(PARENT, 7, 1, sampled=True)
    assert context_of(header(Trace(UNSAMPLED.traceparent), 2)) == attempt_context(
        PARENT, 7, 2, sampled=True
    )
    assert header(Trace(UNSAMPLED.traceparent)).endswith("-00")


async def test_a_webhook_without_it_gets_none() -> None:
    assert header(Trace(PARENT.traceparent), wanted=False) == ""
    assert header(Trace(PARENT.traceparent), wanted=True)
    assert header(Trace("garbage")) == ""
    assert header(None) == ""


async def test_an_event_without_a_trace_begins_one() -> None:
    world = World()
    known = structs.replace(event("e2"), trace=Trace(PARENT.traceparent, 5))
    (begun, kept), links = world.tracing.arrived([event(), known])
    (span,) = world.spans
    assert span.name == "receive"
    assert begun.context == span.context
    assert kept is known
    assert links == [(PARENT,), (span.context,)]


async def test_a_retry_waits_from_now_on() -> None:
    known = structs.replace(event(), trace=Trace(PARENT.traceparent, 5))
    assert sent_on(known, 99).trace == Trace(PARENT.traceparent, 99)
    plain = event()
    assert sent_on(plain, 99) is plain
