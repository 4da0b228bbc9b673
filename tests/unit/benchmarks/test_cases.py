"""Loads of everyday rates."""

from benchmarks.harness.everyday import Case


def test_a_load_has_whole_requests() -> None:
    assert Case(rate=20, fan_out=1, batch=50, seconds=8).events == 150
    assert Case(rate=1, fan_out=1, batch=1, seconds=8).events == 8
    assert Case(rate=20, fan_out=10, batch=50, seconds=8).name == (
        "20/s, fan-out 10, batches of 50"
    )
