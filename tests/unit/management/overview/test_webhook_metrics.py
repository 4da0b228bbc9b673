"""The metrics of single webhooks, as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portcall.management.overview import webhook_metrics
from portcall.management.overview.webhook_metrics import buckets
from portcall.runtime.clock import now_ms
from portcall.schemas.records import Outcome
from portcall.store.engine import Store
from portcall.store.traffic.latency import Latency, bin_of, encode_bins
from tests.unit.management.api import GUEST_TOKEN, VERSION, Answer, ManagementApi
from tests.unit.store.contract.traffic import add_up, put, record

Samples = dict[tuple[str, ...], float]


async def scrape(api: ManagementApi, query: str) -> Answer:
    return await api.request(
        "GET", "/portcall/webhookMetrics", query=f"{VERSION}{query}", token=GUEST_TOKEN
    )


async def samples(api: ManagementApi, query: str) -> Samples:
    """The samples by their names, their webhooks, and the value of a third label, if there is one."""
    answer = await scrape(api, query)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        _key(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _key(name: str, labels: dict[str, str]) -> tuple[str, ...]:
    assert labels.pop("registry") == "Alpha"
    return (name, labels.pop("webhook"), *labels.values())


async def webhook_of(api: ManagementApi, name: str, **properties: object) -> int:
    answer = await api.put_webhook(name, **properties)
    return int(answer.json["properties"]["portcall"]["id"])


async def test_each_webhook_has_its_counts_and_latencies(api: ManagementApi, store: Store) -> None:
    busy, _quiet = (
        await webhook_of(api, "busy1"),
        await webhook_of(api, "quiet1", status="disabled"),
    )
    at_ms = now_ms()
    put(store, [record(busy, at_ms) for _ in range(3)], registry="alpha")
    put(store, [record(busy, at_ms, outcome=Outcome.RETRIED, status=503)], registry="alpha")
    put(store, [record(busy, at_ms, outcome=Outcome.REFUSED, status=400)], registry="alpha")
    add_up(store, now_ms=at_ms)
    store.webhook_health.advance(disable_after_ms=0, now_ms=at_ms)
    found = await samples(api, "&registry=ALPHA")
    attempts = "portcall_webhook_attempts_total"
    assert found[attempts, "busy1", "succeeded"] == 3
    assert found[attempts, "busy1", "failed"] == 1
    assert found[attempts, "busy1", "refused"] == 1
    assert found["portcall_webhook_answer_seconds_count", "busy1"] == 5
    assert found["portcall_webhook_answer_seconds_bucket", "busy1", "+Inf"] == 5
    assert found["portcall_webhook_enabled", "busy1"] == 1
    assert found["portcall_webhook_enabled", "quiet1"] == 0
    last = "portcall_webhook_last_attempt_timestamp_seconds"
    assert found[last, "busy1"] == at_ms / 1000
    assert (last, "quiet1") not in found
    assert found[attempts, "quiet1", "failed"] == 0
    of_one = [sum(key[1] == name for key in found) for name in ("busy1", "quiet1")]
    assert of_one == [26, 25], "MAX_WEBHOOKS says how many series a scrape may have"


async def test_named_webhooks_are_told_alone(api: ManagementApi) -> None:
    for name in ("first1", "second1", "third1"):
        await webhook_of(api, name)
    found = await samples(api, "&registry=Alpha&webhook=FIRST1&webhook=third1&webhook=first1")
    enabled = {key[1] for key in found if key[0] == "portcall_webhook_enabled"}
    assert enabled == {"first1", "third1"}


async def test_many_webhooks_must_be_named(
    api: ManagementApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_metrics, "MAX_WEBHOOKS", 1)
    await webhook_of(api, "first1")
    assert (await scrape(api, "&registry=Alpha")).status == 200
    await webhook_of(api, "second1")
    refused = await scrape(api, "&registry=Alpha")
    assert (refused.status, refused.json["error"]["target"]) == (400, "webhook")
    assert "has more than 1" in refused.json["error"]["message"]
    twice = await scrape(api, "&registry=Alpha&webhook=first1&webhook=second1")
    assert "1 times at most" in twice.json["error"]["message"]
    assert (await scrape(api, "&registry=Alpha&webhook=second1")).status == 200


def test_a_duration_is_counted_below_the_bounds_that_it_does_not_reach() -> None:
    durations_us = [900, 1_000, 1_100, 5_000, 40_000_000]
    latency = Latency()
    for each in durations_us:
        latency.merge(Latency([encode_bins({bin_of(each): 1})]))
    found = dict(buckets(latency))
    assert found["0.001024"] == 2
    assert found["0.002048"] == 3
    assert found["0.008192"] == 4
    assert found["33.554432"] == 4
    assert found["+Inf"] == 5
    assert latency.sum_us == pytest.approx(sum(durations_us), rel=0.03)
