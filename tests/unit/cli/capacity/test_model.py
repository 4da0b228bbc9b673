"""From a load to processes: limits, shares, and that more is never less."""

import dataclasses
from typing import Any

import pytest
from annotated_types import Le

from portcall.cli.capacity.costs import known_costs
from portcall.cli.capacity.model import (
    IN_FLIGHT,
    LARGE_RESPONSE,
    LOG_BYTES,
    LOG_DAYS,
    MAX_SHARDS,
    RECORDER_TARGET,
    TARGET,
    Load,
    Plan,
    plan,
    queue_bytes,
)
from portcall.deliverer.post.response import MAX_CONTENT_BYTES
from portcall.deliverer.settings import DelivererSettings
from portcall.schemas.topology import GIB, JOURNAL, LOG, topology

LOADS = [
    pytest.param(Load(events), id=f"{events:g} events/s")
    for events in (0.01, 1, 20, 200, 1_000, 20_000)
]
WORKERS = ("producer", "router", "deliverer")


def made(load: Load) -> Plan:
    return plan(load, known_costs())


def test_the_limits_are_those_of_the_roles() -> None:
    queues = {each.name: each.arguments for each in topology(shards=2, rungs_ms=()).queues}
    for stream in (LOG, JOURNAL):
        found = queues[stream]["x-max-length-bytes"], queues[stream]["x-max-age"]
        assert found == (LOG_BYTES, f"{LOG_DAYS}D")
    settings = DelivererSettings.model_fields
    assert settings["max_in_flight"].default == IN_FLIGHT
    assert Le(MAX_SHARDS) in settings["shards"].metadata
    assert LARGE_RESPONSE == MAX_CONTENT_BYTES


@pytest.mark.parametrize("load", LOADS)
def test_no_process_is_asked_for_more_than_it_should_do(load: Load) -> None:
    found = made(load)
    for name in WORKERS:
        need = found.needs[name]
        idle = known_costs().idle_ms_per_s[name] / 1e3
        assert need.cores / need.count <= TARGET + idle + 1e-9
        assert need.count >= 2
    assert found.needs["recorder"].count == 1
    assert found.recorder_share <= RECORDER_TARGET + 1e-9


@pytest.mark.parametrize(
    "change",
    [
        {"events_per_s": 2_000.0},
        {"fan_out": 20.0},
        {"attempts": 3.0},
        {"response_bytes": 2_000.0},
        {"retention_days": 30.0},
        {"response_s": 10.0},
    ],
    ids=str,
)
def test_more_work_never_needs_less(change: dict[str, Any]) -> None:
    load = Load(500, 10)
    less, more = made(load), made(dataclasses.replace(load, **change))
    for name, need in less.needs.items():
        grown = more.needs[name]
        assert grown.count >= need.count
        assert grown.disk_gb >= need.disk_gb
        assert grown.writes_mb_per_s >= need.writes_mb_per_s
    assert more.shards >= less.shards
    assert more.log_minutes <= less.log_minutes


def test_an_answer_that_takes_long_needs_more_deliverers() -> None:
    # 10,000 a second that take 1 s each: 10,000 under way, 512 in a process, of which 60 % is used.
    assert made(Load(1_000, 10, response_s=1)).needs["deliverer"].count == 33


def test_a_large_answer_costs_a_connection_each_time() -> None:
    small, large = (made(Load(1_000, 10, response_bytes=size)) for size in (16_384, 16_385))
    more = large.needs["deliverer"].cores - small.needs["deliverer"].cores
    least = 10_000 * known_costs().large_response_us / 1e6
    assert least <= more <= 1.5 * least  # more deliverers share the rate, at fewer in a frame


def test_events_that_share_a_request_cost_the_producer_less() -> None:
    single, many = (made(Load(1_000, events_per_request=size)) for size in (1, 50))
    assert single.needs["producer"].cores > 5 * many.needs["producer"].cores


@pytest.mark.parametrize("store", ["postgresql", "sqlite"])
def test_a_recorder_that_has_too_much_to_do_means_more_installations(store: str) -> None:
    limit = known_costs().stores[store]["records_per_s"] * RECORDER_TARGET
    fits = made(Load(limit * 0.999, store=store))
    assert fits.installations == 1
    shared = made(Load(limit * 2.5, store=store))
    assert shared.installations == 3
    assert shared.recorder_share == pytest.approx(RECORDER_TARGET * 2.5 / 3)
    assert shared.load.deliveries_per_s == pytest.approx(limit * 2.5)


def test_the_log_is_as_large_as_it_may_get() -> None:
    busy = made(Load(1_000, 10))
    assert busy.needs["rabbitmq"].disk_gb == pytest.approx(2 * LOG_BYTES / 1e9)
    assert busy.log_minutes < 60
    quiet = made(Load(0.01))
    assert quiet.log_minutes == LOG_DAYS * 24 * 60
    assert quiet.needs["rabbitmq"].disk_gb < 0.1


def test_disks_of_the_store_follow_the_retention() -> None:
    week, month = (made(Load(10, retention_days=days)) for days in (7, 28))
    assert month.needs["postgresql"].disk_gb == pytest.approx(4 * week.needs["postgresql"].disk_gb)


def test_queues_of_each_shard_are_counted() -> None:
    assert queue_bytes(4) - queue_bytes(2) == 2 * 2 * GIB  # a deliver queue and a retry queue each
