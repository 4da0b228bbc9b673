"""Asking a consumer by the ids that it got."""

from pathlib import Path

from portcall.loadtest.judge.asking import until_settled
from portcall.loadtest.judge.oracle import Processed
from tests.unit.loadtest.samples import entry


async def test_a_consumer_may_know_deliveries_by_another_id(tmp_path: Path) -> None:
    listed = tmp_path / "processed"
    listed.write_text("msg_1\nmsg_2 stale\nb\nunknown\n")
    names = {"msg_1": "a", "msg_2": "c"}
    found = await until_settled(
        str(listed), [entry("a", 200), entry("b", 200), entry("c", 200)], settle_s=60, names=names
    )
    assert found == [
        Processed("a"), Processed("c", stale=True), Processed("b"), Processed("unknown"),
    ]  # fmt: skip
