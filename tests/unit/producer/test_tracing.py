import pytest
from aiohttp.test_utils import make_mocked_request
from msgspec import Raw
from multidict import CIMultiDict

from portcall.producer.tracing import Tracing
from portcall.runtime.errors import RefusedError
from portcall.runtime.tracing.spans import Span, Tracer
from portcall.schemas.events import Event
from portcall.schemas.traces import context_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class World:
    """Tracing with a list for its spans."""

    def __init__(self, *, sampled: bool = True) -> None:
        self.spans: list[Span] = []
        self.events = [
            Event(f"e{number}", "myregistry", "push", 1, Raw(b"{}")) for number in range(2)
        ]
        self._tracing = Tracing(Tracer(self.spans.append, lambda *_: sampled))

    def publish(self, *traceparents: str, error: Exception | None = None) -> None:
        headers = CIMultiDict([("TraceParent", each) for each in traceparents])
        request = make_mocked_request("POST", "/", headers)
        with self._tracing.publishing(self.events, request):
            if error is not None:
                raise error


def test_each_event_continues_the_trace_of_the_request() -> None:
    world = World()
    world.publish(PARENT)
    assert [span.parent for span in world.spans] == [context_of(PARENT)] * 2
    contexts = [event.context for event in world.events]
    assert contexts == [span.context for span in world.spans]
    assert len({span.context.span_id for span in world.spans}) == 2


@pytest.mark.parametrize("traceparents", [[], ["garbage"], [PARENT, PARENT]])
def test_without_a_context_each_event_begins_a_trace(traceparents: list[str]) -> None:
    world = World()
    world.publish(*traceparents)
    assert [span.parent for span in world.spans] == [None, None]
    assert len({span.context.trace_id for span in world.spans}) == 2


def test_what_is_not_sampled_is_handed_on_and_not_exported() -> None:
    world = World(sampled=False)
    world.publish(PARENT)
    assert world.spans == []
    assert all(event.trace and event.trace.parent.endswith("-00") for event in world.events)


def test_a_publish_that_fails_is_exported_in_any_case() -> None:
    world = World(sampled=False)
    with pytest.raises(RefusedError):
        world.publish(PARENT, error=RefusedError("full"))
    assert [span.error for span in world.spans] == ["RefusedError"] * 2
