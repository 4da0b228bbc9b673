"""A trace from the request of a registry to the answers of three consumers, one of which fails."""

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from portcall.schemas.traces import context_of
from tests.collector import Collected, Collector, serve_collector
from tests.e2e.test_dashboards import prometheus, targets
from tests.installation import (
    IN_FORCE_S,
    Client,
    Document,
    Installation,
    new_name,
    push_event,
    running,
)
from tests.sink import Sink, eventually, serve_sink

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEADING = {
    "publish": "portcall_producer_publish_seconds_bucket",
    "attempt": "portcall_attempt_seconds_bucket",
}
"""The histograms whose exemplars name a span of this kind."""
TRACE, SPAN = secrets.token_hex(16), "00f067aa0ba902b7"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as serving:
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with serve_collector() as serving:
        yield serving


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None, collector: Collector
) -> Iterator[Installation]:
    environ = {
        "PORTCALL_TRACING": "on",
        "PORTCALL_DIRECT_WEBHOOKS": "0",  # with a span of the router
        "PORTCALL_RETRY_SCHEDULE": "1s,1s",
        "PORTCALL_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with running(tmp_path_factory.mktemp("tracing") / "home", environ) as started:
        yield started


class World:
    """An installation that traces, its consumer and its collector."""

    def __init__(
        self,
        installation: Installation,
        http: aiohttp.ClientSession,
        sink: Sink,
        collector: Collector,
    ) -> None:
        self.installation = installation
        self.client = Client(installation, http)
        self.sink = sink
        self.collector = collector
        self._http = http

    async def publish(self, registry: str, events: list[Document], *traceparents: str) -> None:
        ready = self.installation.ready
        headers = [("Authorization", f"Bearer {ready['token']}")]
        headers += [("traceparent", each) for each in traceparents]
        async with self._http.post(
            f"{ready['producer_url']}/registries/{registry}/events", json=events, headers=headers
        ) as response:
            assert response.status == 202, await response.text()

    async def until(self, count: int, name: str, trace_id: str) -> list[Collected]:
        """Wait for so many spans of a trace by that name, and give all of it."""
        await eventually(
            lambda: len(named(self.collector.of(trace_id), name)) >= count,
            within_s=40,
            what=f"{count} spans {name} of {trace_id}",
        )
        return self.collector.of(trace_id)

    async def all_of(self, count: int, trace_id: str) -> list[Collected]:
        """Wait for so many spans of a trace."""
        await eventually(
            lambda: len(self.collector.of(trace_id)) >= count,
            within_s=40,
            what=f"{count} spans of {trace_id}",
        )
        return self.collector.of(trace_id)


@pytest_asyncio.fixture(loop_scope="module")
async def world(
    installation: Installation, sink: Sink, collector: Collector
) -> AsyncIterator[World]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield World(installation, http, sink, collector)


def named(spans: list[Collected], name: str) -> list[Collected]:
    return [span for span in spans if span.name == name]


async def test_one_push_to_three_consumers_one_of_which_fails_twice(world: World) -> None:
    client, sink = world.client, world.sink
    registry = await client.new_registry()
    paths = [f"/{registry}/{number}" for number in range(3)]
    for number, path in enumerate(paths):
        own = {"traceparent": False} if number == 1 else {}
        await client.put_webhook(registry, new_name("hook"), f"{sink.url}{path}", portcall=own)
    sink.answer(paths[2], 503, 503)
    await asyncio.sleep(IN_FORCE_S)

    event = push_event(id=f"{registry}-1")
    await world.publish(registry, [event], f"00-{TRACE}-{SPAN}-01")
    await sink.until(3, path=paths[2], within_s=60)
    spans = await world.all_of(17, TRACE)

    (published,), (routed,) = named(spans, "publish"), named(spans, "route")
    waits, attempts, records = (named(spans, name) for name in ("wait", "attempt", "record"))
    assert published.parent_id == SPAN
    assert published.service == "portcall-producer"
    assert published.attributes["portcall.event_id"] == event["id"]
    assert routed.parent_id == published.span_id
    assert routed.attributes["portcall.deliveries"] == 3
    assert len(waits) == len(attempts) == len(records) == 5
    assert {span.parent_id for span in (*waits, *attempts)} == {routed.span_id}
    assert {span.parent_id for span in records} == {span.span_id for span in attempts}
    assert {span.service for span in attempts} == {"portcall-deliverer"}
    assert {span.service for span in records} == {"portcall-recorder"}

    failed = [span for span in attempts if span.error]
    assert [span.attributes["http.response.status_code"] for span in failed] == [503, 503]
    assert {span.attributes["portcall.outcome"] for span in failed} == {"retried"}
    assert all("first_byte" in span.events for span in attempts)
    assert any("connect" in span.events for span in attempts)
    long_waits = [span for span in waits if span.attributes["portcall.attempt"] != 1]
    assert all(span.end_ns - span.start_ns > 900_000_000 for span in long_waits)
    assert all(span.end_ns >= span.start_ns for span in spans)

    # Each POST has the id of its attempt, in the same trace; only one webhook has no such header.
    sent = [post.headers["traceparent"] for path in (paths[0], paths[2]) for post in sink.at(path)]
    contexts = [context_of(each) for each in sent]
    assert {context.trace_id for context in contexts if context} == {TRACE}
    ids = {context.span_id for context in contexts if context}
    assert len(ids) == 4
    assert ids < {span.span_id for span in attempts}
    assert "traceparent" not in sink.at(paths[1])[0].headers

    def lines() -> list[Document]:
        said = world.installation.log.read_text().splitlines()
        found = [json.loads(line) for line in said if line.startswith("{")]
        return [each for each in found if each.get("trace_id") == TRACE]

    await eventually(lambda: len(lines()) == 2, within_s=10, what="the lines of both failures")
    assert {line["delivery_id"] for line in lines()} == {sink.at(paths[2])[0].delivery_id}


async def test_the_exemplars_of_histograms_lead_to_traces(world: World, tmp_path: Path) -> None:
    registry = await world.client.new_registry()
    await world.client.new_webhook(registry, f"{world.sink.url}/{registry}")
    trace_id = secrets.token_hex(16)
    started = time.time()
    async with (
        aiohttp.ClientSession() as http,
        prometheus(tmp_path, targets(world.installation)) as url,
    ):

        async def spans(metric: str) -> set[str]:
            """The spans of the trace that the metric's exemplars name."""
            asked = {"query": metric, "start": str(started), "end": str(time.time() + 1)}
            async with http.get(f"{url}/api/v1/query_exemplars", params=asked) as answer:
                found = (await answer.json())["data"] if answer.status == 200 else []
            labels = [one["labels"] for series in found for one in series["exemplars"]]
            return {each["span_id"] for each in labels if each["trace_id"] == trace_id}

        async def both_lead() -> bool:
            # Prometheus has the newest exemplar of each bucket and scrape, so events keep coming.
            with suppress(aiohttp.ClientConnectionError):
                await world.publish(registry, [push_event()], f"00-{trace_id}-{SPAN}-01")
                known = {name: named(world.collector.of(trace_id), name) for name in led}
                for name, metric in LEADING.items():
                    led[name] |= await spans(metric) & {each.span_id for each in known[name]}
            return all(led.values())

        led: dict[str, set[str]] = {name: set() for name in LEADING}
        await eventually(both_lead, within_s=60, what="an exemplar names a span of each kind")

        async def all_are_read() -> bool:
            return {state async for state in scrapes(http, url)} == {"up"}

        await eventually(all_are_read, within_s=20, what="each role is scraped without an error")


async def scrapes(http: aiohttp.ClientSession, url: str) -> AsyncIterator[str]:
    """How the last scrape of each role ended: one that cannot be read is down each time."""
    async with http.get(f"{url}/api/v1/targets") as answer:
        for each in (await answer.json())["data"]["activeTargets"]:
            yield each["health"] + each["lastError"]


@pytest.mark.parametrize(
    "traceparents",
    [
        pytest.param(["garbage"], id="garbage"),
        pytest.param([f"00-{'0' * 32}-{SPAN}-01"], id="zeros"),
        pytest.param([f"00-{TRACE}-{SPAN}-01"] * 2, id="twice"),
        pytest.param(["x" * 4000], id="long"),
        pytest.param([""], id="empty"),
        pytest.param([], id="none"),
    ],
)
async def test_without_a_readable_traceparent_each_event_begins_a_trace(
    world: World, traceparents: list[str]
) -> None:
    registry = await world.client.new_registry()
    path = f"/{registry}"
    await world.client.new_webhook(registry, f"{world.sink.url}{path}")
    events = [push_event(id=f"{registry}-{number}") for number in range(2)]
    await world.publish(registry, events, *traceparents)
    posts = await world.sink.until(2, path=path)
    contexts = [context_of(post.headers["traceparent"]) for post in posts]
    traces = {context.trace_id for context in contexts if context is not None}
    assert len(traces) == 2
    assert TRACE not in traces
    first, second = traces
    # They came in one frame: each trace leads to the other one.
    for one, other in ((first, second), (second, first)):
        (routed,) = named(await world.until(1, "route", one), "route")
        assert routed.links == (other,)


async def test_a_head_that_is_not_sampled_exports_failures_only(world: World) -> None:
    trace, sink = secrets.token_hex(16), world.sink
    registry = await world.client.new_registry()
    well, ill = f"/{registry}/well", f"/{registry}/ill"
    await world.client.put_webhook(registry, new_name("hook"), f"{sink.url}{well}")
    sink.answer(ill, 500)
    await world.client.new_webhook(registry, f"{sink.url}{ill}")
    await world.publish(registry, [push_event()], f"00-{trace}-{SPAN}-00")
    first, second = await sink.until(2, path=ill, within_s=60)
    spans = await world.all_of(6, trace)
    assert sorted(span.name for span in spans) == [
        *("attempt", "attempt", "record", "record", "wait", "wait")
    ]
    (posted,) = sink.at(well)
    assert posted.headers["traceparent"].endswith("-00")
    assert first.headers["traceparent"].endswith("-00")  # it was not known yet
    assert second.headers["traceparent"].endswith("-01")


async def test_a_ping_begins_a_trace_at_the_deliverer(world: World) -> None:
    registry = await world.client.new_registry()
    path = f"/{registry}"
    name = await world.client.new_webhook(registry, f"{world.sink.url}{path}")
    webhook = f"{world.client.registry_path(registry)}/webhooks/{name}"
    status, _ = await world.client.manage("POST", f"{webhook}/ping")
    assert status == 200
    (post,) = await world.sink.until(1, path=path)
    context = context_of(post.headers["traceparent"])
    assert context is not None
    spans = await world.all_of(4, context.trace_id)
    assert sorted(span.name for span in spans) == ["attempt", "receive", "record", "wait"]


async def test_killed_roles_lose_spans_at_most(world: World) -> None:
    registry = await world.client.new_registry()
    path = f"/{registry}"
    name = await world.client.new_webhook(registry, f"{world.sink.url}{path}")
    events = [push_event(id=f"{registry}-{number}") for number in range(100)]
    await world.publish(registry, events)
    for role in ("router", "deliverer", "recorder"):
        for pid in world.installation.pids(role):
            os.kill(pid, signal.SIGKILL)

    def all_are_posted() -> bool:
        return len({post.delivery_id for post in world.sink.at(path)}) == len(events)

    await eventually(all_are_posted, within_s=90, what="every event is delivered")

    async def all_are_recorded() -> bool:
        found = await world.client.list_events(registry, name)
        return len({each["portcall"]["deliveryId"] for each in found}) == len(events)

    await eventually(all_are_recorded, within_s=60, what="every delivery is recorded")
    # The new processes trace, too.
    later = push_event(id=f"{registry}-later")
    trace = secrets.token_hex(16)
    await world.publish(registry, [later], f"00-{trace}-{SPAN}-01")
    spans = await world.all_of(5, trace)
    assert sorted({span.name for span in spans}) == [
        *("attempt", "publish", "record", "route", "wait")
    ]
