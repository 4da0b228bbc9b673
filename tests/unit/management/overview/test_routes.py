"""The overview: how it is now, what happened lately, and every webhook of a registry."""

import msgspec
import pytest

from portcall.management.overview.shapes import Overview
from portcall.runtime.clock import now_ms
from portcall.schemas.health import encode_news
from portcall.schemas.records import Outcome
from portcall.store.engine import Store
from tests.unit.management.api import GUEST_TOKEN, VERSION, Answer, ManagementApi
from tests.unit.store.contract.traffic import add_up, put, record


async def overview(api: ManagementApi, query: str = "") -> Answer:
    return await api.request(
        "GET", "/portcall/overview", query=f"{VERSION}{query}", token=GUEST_TOKEN
    )


async def told(api: ManagementApi, query: str = "") -> Overview:
    answer = await overview(api, query)
    assert answer.status == 200, answer.text
    return msgspec.json.decode(answer.text, type=Overview)


async def webhook_of(api: ManagementApi, name: str) -> int:
    answer = await api.put_webhook(name)
    return int(answer.json["properties"]["portcall"]["id"])


async def test_an_empty_installation_has_an_overview(api: ManagementApi) -> None:
    await api.pulse.take()
    found = await told(api)
    assert (found.traffic.total.attempts, found.traffic.total.success_rate) == (0, None)
    assert found.traffic.step_seconds == 30
    assert len(found.traffic.buckets) == 121
    assert [rung.delay for rung in found.now.rungs] == ["2s", "10s"]
    assert found.webhooks is msgspec.UNSET


async def test_a_registry_is_told_with_its_webhooks(api: ManagementApi, store: Store) -> None:
    busy, _quiet = await webhook_of(api, "busy1"), await webhook_of(api, "quiet1")
    at_ms = now_ms() - 60_000
    put(store, [record(busy, at_ms) for _ in range(3)], registry="alpha")
    put(store, [record(busy, at_ms, outcome=Outcome.RETRIED, status=503)], registry="alpha")
    put(store, [record(99, at_ms)], registry="other")
    add_up(store, now_ms=now_ms())
    everything, found = await told(api), await told(api, "&registry=ALPHA&span=24h")
    assert everything.traffic.total.attempts == 5
    total = found.traffic.total
    assert (total.attempts, total.succeeded, total.failed, total.success_rate) == (4, 3, 1, 0.75)
    assert found.registry == "Alpha"
    assert isinstance(found.webhooks, list)
    first, second = found.webhooks
    assert (first.name, first.total.attempts, sum(first.attempts)) == ("busy1", 4, 4)
    assert first.last is not None
    assert (first.last.status, first.last.outcome) == (503, Outcome.RETRIED)
    assert (second.name, second.total.attempts, second.last) == ("quiet1", 0, None)


async def test_a_webhook_is_told_with_the_patterns_that_narrow_it(api: ManagementApi) -> None:
    await api.put_webhook("globs1", portcall={"scopes": ["team/*", "!team/test"]})
    await api.put_webhook("plain1")
    found = await told(api, "&registry=Alpha")
    assert isinstance(found.webhooks, list)
    assert [each.scopes for each in found.webhooks] == [["team/*", "!team/test"], msgspec.UNSET]


async def test_sick_endpoints_are_named(api: ManagementApi) -> None:
    webhook_id = await webhook_of(api, "sick1")
    api.pulse.hear(encode_news({webhook_id: now_ms() + 60_000, 99: now_ms() + 60_000}))
    found = await told(api)
    assert [(each.name, each.webhook_id) for each in found.now.sick] == [("sick1", str(webhook_id))]


@pytest.mark.parametrize(
    ("query", "status", "target"),
    [
        ("&registry=x", 400, "registry"),
        ("&registry=no%00ne", 400, "registry"),
        ("&registry=missing", 404, None),
        ("&span=yesterday", 400, "span"),
        ("&span=1s", 400, "span"),
        ("&span=32d", 400, "span"),
        ("&span=", 400, "span"),
    ],
)
async def test_bad_questions_are_refused(
    api: ManagementApi, query: str, status: int, target: str | None
) -> None:
    answer = await overview(api, query)
    assert answer.status == status, answer.text
    assert answer.error.get("target") == target
