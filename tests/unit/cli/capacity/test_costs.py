"""Unit costs between what was measured, and the file that they come from."""

import runpy
from pathlib import Path

import pytest

from portcall.cli.capacity.costs import Costs, known_costs

ROOT = Path(__file__).parents[4]
ROLES = ("router", "deliverer", "recorder", "management", "rabbitmq")


def test_the_file_is_made_of_the_benchmarks_results() -> None:
    script = runpy.run_path(str(ROOT / "scripts/unit_costs.py"))
    assert (ROOT / "cli/capacity/costs.json").read_text() == script["text"](), "run `make docs`"


def point(per_s: float, us: float) -> dict[str, float]:
    return {"per_s": per_s, **dict.fromkeys(ROLES, us)}


@pytest.fixture
def costs() -> Costs:
    kept = {"store": 100.0, "log": 50.0, "journal": 5.0, "broker_writes": 70.0, "store_writes": 9.0}
    more = {"store": 1_000.0, "log": 1_000.0, "broker_writes": 1_000.0, "store_writes": 1_000.0}
    twice = {name: 2 * extra for name, extra in more.items()}
    return Costs(
        {
            "machine": "a machine",
            "measured": ["2026-11-29"],
            "request_us": 400.0,
            "event_us": 20.0,
            "delivery_us": {
                "1": [point(100, 1000), point(10_000, 100)],
                "10": [point(10, 900), point(1000, 300), point(10_000, 50)],
                "100": [point(20_000, 40)],
            },
            "idle_ms_per_s": dict.fromkeys(("producer", *ROLES), 1.0),
            "large_response_us": 500.0,
            "bytes": {"1": kept, "10": kept, "100": kept},
            "response_bytes": [[1_000, more], [100_000, twice]],
            "stores": {
                "sqlite": _store(1.0, 0.0, 10.0, 80_000),
                "postgresql": _store(1.1, 15.0, 20.0, 30_000),
            },
            "memory_mb": dict.fromkeys(("producer", *ROLES), 80.0),
        }
    )


def _store(ratio: float, server_us: float, recorder_us: float, per_s: float) -> dict[str, float]:
    return {
        "bytes_ratio": ratio,
        "server_us": server_us,
        "recorder_us": recorder_us,
        "records_per_s": per_s,
    }


@pytest.mark.parametrize(
    ("fan_out", "per_s", "us"),
    [
        (1, 1, 1000),
        (1, 100, 1000),
        (1, 1000, 550),  # half way, by the logarithm
        (1, 10_000, 100),
        (1, 1_000_000, 100),
        (9, 1000, 550),  # as a fan-out of 1
        (10, 1000, 300),
        (99, 10_000, 50),
        (100, 20_000, 40),
        (100, 10, 900),  # what was not measured at 100 is as at 10
        (0.5, 100, 1000),
    ],
)
def test_a_cost_between_measured_rates(
    costs: Costs, fan_out: float, per_s: float, us: float
) -> None:
    assert costs.delivery_us("router", fan_out, per_s) == pytest.approx(us)


@pytest.mark.parametrize(
    ("what", "size", "stored"),
    [
        ("store", 0, 100),
        ("store", 500, 600),
        ("store", 1_000, 1_100),
        ("store", 2_548, 1_600),  # half way from 1,000 to what is kept of an answer
        ("store", 4_096, 2_100),
        ("store", 10_000_000, 2_100),
        ("journal", 4_096, 5),
        ("log", 1_000, 1_050),
    ],
)
def test_bytes_grow_with_the_answer_up_to_what_is_kept(
    costs: Costs, what: str, size: float, stored: float
) -> None:
    assert costs.stored_bytes(what, 10, size) == pytest.approx(stored)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("fan_out", [1, 10, 100])
def test_a_known_cost_never_grows_with_the_rate(role: str, fan_out: int) -> None:
    found = [known_costs().delivery_us(role, fan_out, 10.0**power) for power in range(7)]
    if role == "management":
        assert max(found) < 5  # it does nothing for a delivery; what was seen is noise
    else:
        assert found == sorted(found, reverse=True)
