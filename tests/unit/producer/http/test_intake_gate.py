"""The intake: stopped by the store's word alone, and kept while the store does not answer."""

import pytest

from portcall.producer.http.errors import UnavailableError
from portcall.producer.http.intake_gate import IntakeGate
from portcall.store.errors import StoreUnavailableError

STOPPED_MS = 1_764_410_400_000


class State:
    """What the store says."""

    def __init__(self) -> None:
        self.stopped_ms = 0
        self.is_away = False

    def read(self) -> int:
        if self.is_away:
            raise StoreUnavailableError("away")
        return self.stopped_ms


async def test_a_stopped_intake_refuses_with_a_retry_and_says_how_it_ends() -> None:
    state = State()
    gate = IntakeGate(state.read)
    assert await gate.refresh()
    gate.check()
    assert gate.warnings() == {}

    state.stopped_ms = STOPPED_MS
    await gate.refresh()
    with pytest.raises(
        UnavailableError, match="the intake has been stopped since 2025-11-29"
    ) as caught:
        gate.check()
    assert caught.value.headers["Retry-After"]
    assert "portcall drain --end" in gate.warnings()["intake"]

    state.stopped_ms = 0
    await gate.refresh()
    gate.check()


async def test_while_the_store_is_away_the_last_state_holds() -> None:
    state = State()
    gate = IntakeGate(state.read)
    state.stopped_ms = STOPPED_MS
    await gate.begin()
    state.is_away = True
    assert not await gate.refresh(), "it must be read again soon"
    with pytest.raises(UnavailableError):
        gate.check()
