"""A lookout that cannot see anything says so."""

import pytest

from portcall.loadtest.pipeline import lookout
from portcall.loadtest.pipeline.lookout import Lookout
from portcall.runtime.errors import BrokerError


async def test_a_broker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "START_S", 0.2)

    def never(*_: object) -> None:
        raise AssertionError("nothing is there to be seen")

    watching = Lookout(
        "amqp://127.0.0.1:1/", "loadtest1", arrived=never, routed=never, recorded=never
    )
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1 cannot be reached.*portcall doctor"):
        await watching.__aenter__()
