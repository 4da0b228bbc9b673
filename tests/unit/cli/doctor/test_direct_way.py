"""What the doctor says of the exchanges and bindings of events that take no router."""

import pytest

from portcall.cli.commands.topology import TopologySettings
from portcall.cli.doctor import direct_way as checked
from portcall.cli.doctor.direct_way import direct_way
from portcall.cli.doctor.findings import Verdict
from portcall.runtime.errors import BrokerError


def settings(webhooks: str = "50000") -> TopologySettings:
    return TopologySettings.from_environment(
        {"PORTCALL_AMQP_URL": "amqp://broker", "PORTCALL_DIRECT_WEBHOOKS": webhooks}
    )


class FakeBroker:
    """A broker without the parts in *missing*; None: it must not be asked."""

    def __init__(self, missing: list[str] | BrokerError | None) -> None:
        self.missing = missing
        self.shards = 0

    async def missing_parts(self, url: str, shards: int) -> list[str]:
        assert url == "amqp://broker"
        assert self.missing is not None
        self.shards = shards
        if isinstance(self.missing, BrokerError):
            raise self.missing
        return self.missing


@pytest.mark.parametrize(
    ("webhooks", "is_whole", "missing", "verdict", "found"),
    [
        ("0", True, None, Verdict.OK, "off: every event goes through a router"),
        ("0", False, None, Verdict.OK, "off: every event goes through a router"),
        ("50000", False, None, Verdict.UNKNOWN, "queues are missing"),
        ("50000", True, BrokerError("away"), Verdict.UNKNOWN, "away"),
        ("50000", True, [], Verdict.OK, "on: its exchanges and bindings exist"),
        ("50000", True, ["exchange a", "exchange b"], Verdict.WRONG, "missing: exchange a, exchange b"),
    ],
    ids=["off", "off and no queues", "no queues", "no broker", "whole", "incomplete"],
)  # fmt: skip
async def test_it_says_what_is_missing_while_the_setting_is_on(
    monkeypatch: pytest.MonkeyPatch,
    *,
    webhooks: str,
    is_whole: bool,
    missing: list[str] | BrokerError | None,
    verdict: Verdict,
    found: str,
) -> None:
    broker = FakeBroker(missing)
    monkeypatch.setattr(checked, "missing_parts", broker.missing_parts)
    told = await direct_way(settings(webhooks), is_whole=is_whole)
    assert (told.check, told.verdict, told.found) == ("direct way", verdict, found)
    assert ("portcall topology apply" in told.advice) == (verdict is Verdict.WRONG)
    assert broker.shards == (0 if missing is None else 2)
